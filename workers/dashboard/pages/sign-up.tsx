/** New people: the operator's set-up, and those who are invited. */
import { type Context, Hono } from "hono";
import { z } from "zod";
import { hasAccounts } from "../../directory/accounts.ts";
import { Problem } from "../../directory/problem.ts";
import { acceptInvitation, invitationFor } from "../../directory/team.ts";
import { joinNew, setUp } from "../../sign-in/enter.ts";
import { type App, ipOf } from "../../sign-in/visitor.ts";
import { JoinHere, JoinNew, SetUpForm } from "../gate-views.tsx";
import { attempt, formOf, openFormOf, signedIn } from "../guard.tsx";
import { gate } from "../shell.tsx";
import { enter } from "./sign-in.tsx";

export const signUpPages = new Hono<App>();

const word = z.string().max(400).default("");
const form = z.object({ email: word, password: word, token: word });

signUpPages.get("/set-up", async (c) => {
  if (await hasAccounts(c.get("world"))) return c.redirect("/sign-in", 303);
  return setUpPage(c, { email: "", token: c.req.query("token") ?? "", problem: null });
});

signUpPages.post("/set-up", async (c) => {
  const given = await openFormOf(c, form);
  const tried = await attempt(() => setUp(c.get("world"), given, c.env.SETUP_TOKEN, ipOf(c)));
  return tried.ok ? enter(c, tried.value, false, "/") : setUpPage(c, { ...given, problem: tried.problem });
});

signUpPages.get("/join/:token", async (c) => joinPage(c, null));

signUpPages.post("/join/:token/new", async (c) => {
  const { password } = await openFormOf(c, form);
  const tried = await attempt(() => joinNew(c.get("world"), { token: c.req.param("token"), password }, ipOf(c)));
  if (!tried.ok) return joinPage(c, tried.problem);
  return enter(c, tried.value.account, false, `/domains/${tried.value.domain}?done=joined`);
});

signUpPages.post(
  "/join/:token",
  signedIn(async (c, visitor) => {
    await formOf(c, visitor, z.object({}));
    const domain = await acceptInvitation(c.get("world"), c.req.param("token") ?? "", visitor.account);
    return c.redirect(`/domains/${domain}?done=joined`, 303);
  }),
);

async function joinPage(c: Context<App>, problem: Problem | null): Promise<Response> {
  const token = c.req.param("token") ?? "";
  const found = await invitationFor(c.get("world"), token);
  if (found === null)
    throw new Problem(404, "no-invitation", "This invitation is used up or too old. Ask for a new one.");
  const visitor = c.get("visitor");
  const view =
    visitor === null ? (
      <JoinNew token={token} email={found.email} domain={found.domainName} role={found.role} problem={problem} />
    ) : (
      <JoinHere token={token} email={found.email} domain={found.domainName} role={found.role} visitor={visitor} />
    );
  return gate(c, { title: "Join", status: problem?.status ?? 200 }, view);
}

type Shown = { email: string; problem: Problem | null };

function setUpPage(c: Context<App>, shown: Shown & { token: string }): Response | Promise<Response> {
  return gate(c, { title: "Set up", status: shown.problem?.status ?? 200 }, <SetUpForm {...shown} />);
}
