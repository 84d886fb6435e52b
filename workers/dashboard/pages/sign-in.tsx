/** Coming in: sign-in, the very first set-up, signing out, and the choice of light or dark. */
import { type Context, Hono } from "hono";
import { setCookie } from "hono/cookie";
import type { FC } from "hono/jsx";
import { z } from "zod";
import { hasAccounts } from "../../directory/accounts.ts";
import type { Problem } from "../../directory/problem.ts";
import { setUp, signIn } from "../../sign-in/enter.ts";
import { passwordLength } from "../../sign-in/password.ts";
import { closeSession, openSession } from "../../sign-in/session.ts";
import { type App, checkFormToken, giveCookie, isHttps, takeCookie } from "../../sign-in/visitor.ts";
import { attempt, safeNext, signedIn } from "../guard.tsx";
import { noteOf } from "../notes.ts";
import { Field, fieldAria, Notice } from "../parts.tsx";
import { gate } from "../shell.tsx";

export const signInPages = new Hono<App>();

const word = z.string().max(400).default("");
const form = z.object({ email: word, password: word, token: word, next: z.string().max(300).optional() });

signInPages.get("/sign-in", async (c) => {
  if (c.get("visitor") !== null) return c.redirect(safeNext(c.req.query("next")), 303);
  if (!(await hasAccounts(c.get("world")))) return c.redirect("/set-up", 303);
  return signInPage(c, { email: "", next: safeNext(c.req.query("next")), problem: null });
});

signInPages.post("/sign-in", async (c) => {
  const given = form.parse(await c.req.parseBody());
  const next = safeNext(given.next);
  const tried = await attempt(() => signIn(c.get("world"), given, ipOf(c)));
  if (!tried.ok) return signInPage(c, { email: given.email, next, problem: tried.problem });
  return enter(c, tried.value.id, next);
});

signInPages.get("/set-up", async (c) => {
  if (await hasAccounts(c.get("world"))) return c.redirect("/sign-in", 303);
  return setUpPage(c, { email: "", token: c.req.query("token") ?? "", problem: null });
});

signInPages.post("/set-up", async (c) => {
  const given = form.parse(await c.req.parseBody());
  const tried = await attempt(() => setUp(c.get("world"), given, c.env.SETUP_TOKEN, ipOf(c)));
  if (!tried.ok) return setUpPage(c, { ...given, problem: tried.problem });
  return enter(c, tried.value.id, "/");
});

signInPages.post(
  "/sign-out",
  signedIn(async (c, visitor) => {
    checkFormToken(visitor, (await c.req.parseBody())["token"]);
    await closeSession(c.get("world"), visitor.session.id);
    takeCookie(c);
    return c.redirect("/sign-in?done=signed-out", 303);
  }),
);

signInPages.post("/theme", async (c) => {
  const { theme } = await c.req.parseBody();
  const kept = theme === "dark" ? "dark" : "light";
  setCookie(c, "theme", kept, { path: "/", sameSite: "Lax", secure: isHttps(c), maxAge: 31_536_000 });
  const from = URL.parse(c.req.header("referer") ?? "");
  return c.redirect(safeNext(from === null ? "/" : from.pathname + from.search), 303);
});

export function ipOf(c: Context<App>): string {
  return c.req.header("cf-connecting-ip") ?? "local";
}

async function enter(c: Context<App>, account: string, next: string): Promise<Response> {
  giveCookie(c, await openSession(c.get("world"), account, c.req.header("user-agent") ?? ""));
  return c.redirect(next, 303);
}

type Shown = { email: string; problem: Problem | null };

function signInPage(c: Context<App>, { email, next, problem }: Shown & { next: string }): Response | Promise<Response> {
  const note = noteOf(c.req.query("done"));
  return gate(
    c,
    { title: "Sign in", status: problem?.status ?? 200 },
    <>
      <h1>Sign in</h1>
      {note && (
        <div role="status">
          <Notice tone="pass">{note}</Notice>
        </div>
      )}
      {problem && <Alert problem={problem} />}
      <form method="post" action="/sign-in" class="stack">
        <input type="hidden" name="next" value={next} />
        <EmailField value={email} />
        <Field id="password" label="Password">
          <input
            id="password"
            name="password"
            type="password"
            autocomplete="current-password"
            required
            maxlength={200}
          />
        </Field>
        <button class="main" type="submit">
          Sign in
        </button>
      </form>
    </>,
  );
}

function setUpPage(
  c: Context<App>,
  { email, token, problem }: Shown & { token: string },
): Response | Promise<Response> {
  const wrong = (field: string) => (problem?.field === field ? problem.detail : null);
  return gate(
    c,
    { title: "Set up", status: problem?.status ?? 200 },
    <>
      <div class="stack tight">
        <h1>Set up this Postern</h1>
        <p class="soft">The first account runs the installation: it enrols nodes and adds the first domain.</p>
      </div>
      {problem && problem.field === null && <Alert problem={problem} />}
      <form method="post" action="/set-up" class="stack">
        <Field id="token" label="Set-up token" hint="The SETUP_TOKEN secret that you gave the Worker.">
          <input
            id="token"
            name="token"
            class="mono"
            value={token}
            autocomplete="off"
            required
            {...fieldAria("token", { hint: true })}
          />
        </Field>
        <EmailField value={email} wrong={wrong("email")} />
        <Field
          id="password"
          label="Password"
          hint={`At least ${passwordLength.min} characters; a few random words do well.`}
          wrong={wrong("password")}
        >
          <input
            id="password"
            name="password"
            type="password"
            autocomplete="new-password"
            required
            minlength={passwordLength.min}
            maxlength={passwordLength.max}
            {...fieldAria("password", { hint: true, wrong: wrong("password") !== null })}
          />
        </Field>
        <button class="main" type="submit">
          Make the account
        </button>
      </form>
    </>,
  );
}

const EmailField: FC<{ value: string; wrong?: string | null }> = ({ value, wrong }) => (
  <Field id="email" label="E-mail address" wrong={wrong ?? null}>
    <input
      id="email"
      name="email"
      type="email"
      autocomplete="username"
      required
      maxlength={320}
      value={value}
      autofocus={value === ""}
      {...fieldAria("email", { wrong: Boolean(wrong) })}
    />
  </Field>
);

const Alert: FC<{ problem: Problem }> = ({ problem }) => (
  <div role="alert">
    <Notice tone="fail">{problem.detail}</Notice>
  </div>
);
