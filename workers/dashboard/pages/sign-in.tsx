/** Coming in: sign-in with password, code or passkey, and out again; the choice of light or dark. */
import { type Context, Hono } from "hono";
import { setCookie } from "hono/cookie";
import { z } from "zod";
import { configOf } from "../../config.ts";
import { type Account, accountById, hasAccounts } from "../../directory/accounts.ts";
import { record } from "../../directory/audit.ts";
import { Problem } from "../../directory/problem.ts";
import { minute, peekAnswer, putQuestion, takeAnswer } from "../../sign-in/challenge.ts";
import { needsCode, secondFactor, signIn, signUpIsOpen } from "../../sign-in/enter.ts";
import { closeSession, openSession } from "../../sign-in/session.ts";
import { type App, giveCookie, ipOf, isHttps, takeCookie } from "../../sign-in/visitor.ts";
import { CodeForm, SignInForm } from "../gate-views.tsx";
import { attempt, formOf, openFormOf, safeNext, signedIn } from "../guard.tsx";
import { noteOf } from "../notes.ts";
import { gate } from "../shell.tsx";

export const signInPages = new Hono<App>();

const word = z.string().max(400).default("");
const form = z.object({ email: word, password: word, next: word });
const codeForm = z.object({ challenge: word, code: word, next: word });

signInPages.get("/sign-in", async (c) => {
  if (c.get("visitor") !== null) return c.redirect(safeNext(c.req.query("next")), 303);
  if (!(await hasAccounts(c.get("world")))) return c.redirect("/set-up", 303);
  return signInPage(c, { email: "", next: safeNext(c.req.query("next")), problem: null });
});

signInPages.post("/sign-in", async (c) => {
  const given = await openFormOf(c, form);
  const next = safeNext(given.next);
  const world = c.get("world");
  const tried = await attempt(() => signIn(world, given, ipOf(c)));
  if (!tried.ok) return signInPage(c, { email: given.email, next, problem: tried.problem });
  if (!(await needsCode(world, tried.value.id))) return enter(c, tried.value, false, next);
  const challenge = await putQuestion(world, "second-factor", { account: tried.value.id }, 10 * minute);
  return codePage(c, { challenge, next, problem: null });
});

signInPages.post("/sign-in/code", async (c) => {
  const { challenge, code, next } = await openFormOf(c, codeForm);
  const world = c.get("world");
  const tried = await attempt(async () => {
    const asked = await peekAnswer(world, "second-factor", challenge);
    const account = asked === null || asked.account === null ? null : await accountById(world, asked.account);
    if (account === null) throw tooLate();
    await secondFactor(world, account.id, configOf(c.env).edgeSeed, code);
    if ((await takeAnswer(world, "second-factor", challenge)) === null) throw tooLate();
    return account;
  });
  if (!tried.ok) return codePage(c, { challenge, next: safeNext(next), problem: tried.problem });
  return enter(c, tried.value, true, safeNext(next));
});

function tooLate(): Problem {
  return new Problem(401, "too-late", "That took too long. Please start again.");
}

signInPages.post(
  "/sign-out",
  signedIn(async (c, visitor) => {
    await formOf(c, visitor, z.object({}));
    await closeSession(c.get("world"), visitor.session.id);
    takeCookie(c);
    return c.redirect("/sign-in?done=signed-out", 303);
  }),
);

signInPages.post("/theme", async (c) => {
  const { theme } = await openFormOf(c, z.object({ theme: z.string().max(10).optional() }));
  const kept = theme === "dark" ? "dark" : "light";
  setCookie(c, "theme", kept, { path: "/", sameSite: "Lax", secure: isHttps(c), maxAge: 31_536_000 });
  const from = URL.parse(c.req.header("referer") ?? "");
  return c.redirect(safeNext(from === null ? "/" : from.pathname + from.search), 303);
});

/** Opens a session and goes on. */
export async function enter(c: Context<App>, account: Account, strong: boolean, next: string): Promise<Response> {
  const world = { ...c.get("world"), actor: account.id };
  const agent = c.req.header("user-agent") ?? "";
  giveCookie(c, await openSession(world, account, agent, strong));
  await record(world, { domain: null, act: "signed-in", subject: agent, detail: { strong } });
  return c.redirect(next, 303);
}

type Shown = { next: string; problem: Problem | null };

function signInPage(c: Context<App>, shown: Shown & { email: string }): Response | Promise<Response> {
  const dnsOnly = c.env.DNS_ONLY !== "off";
  const view = (
    <SignInForm {...shown} note={noteOf(c.req.query("done"))} open={signUpIsOpen(c.env)} dnsOnly={dnsOnly} />
  );
  return gate(c, { title: "Sign in", islands: ["passkey"], status: shown.problem?.status ?? 200 }, view);
}

function codePage(c: Context<App>, shown: Shown & { challenge: string }): Response | Promise<Response> {
  return gate(c, { title: "Enter a code", status: shown.problem?.status ?? 200 }, <CodeForm {...shown} />);
}
