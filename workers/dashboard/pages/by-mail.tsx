/** Pages around mailed links: a new account, a forgotten password, an address that is proven or changed. */
import { type Context, Hono } from "hono";
import { z } from "zod";
import { Problem } from "../../directory/problem.ts";
import { openEdge } from "../../platform.ts";
import { askReset, askSignUp, finishSignUp, linkFor, resetPassword } from "../../sign-in/by-mail.ts";
import { signUpIsOpen } from "../../sign-in/enter.ts";
import { confirmEmail } from "../../sign-in/new-email.ts";
import { undoChange, undoFor } from "../../sign-in/undo.ts";
import { type App, ipOf } from "../../sign-in/visitor.ts";
import { Closed } from "../gate-views.tsx";
import { attempt, openFormOf } from "../guard.tsx";
import {
  ConfirmForm,
  FinishForm,
  ForgottenForm,
  Mailed,
  ResetForm,
  SignUpForm,
  UndoForm,
  Undone,
} from "../mail-link-views.tsx";
import { gate } from "../shell.tsx";
import { enter } from "./sign-in.tsx";

export const byMailPages = new Hono<App>();

const word = z.string().max(400).default("");
const asking = z.object({ email: word });
const choosing = z.object({ password: word, keys: z.literal("yes").optional() });
type Page = Response | Promise<Response>;

const statusOf = (problem: Problem | null): number => problem?.status ?? 200;

byMailPages.get("/sign-up", (c) => {
  if (c.get("visitor") !== null) return c.redirect("/", 303);
  return signUpPage(c, "", null);
});

byMailPages.post("/sign-up", async (c) => {
  const { email } = await openFormOf(c, asking);
  const tried = await attempt(() => {
    onlyIfOpen(c);
    return askSignUp(openEdge(c.env, c.executionCtx), c.get("world"), email, ipOf(c));
  });
  if (!tried.ok) return signUpPage(c, email, tried.problem);
  const view = <Mailed email={email} says="We mailed a link to" again="/sign-up" />;
  return gate(c, { title: "Check your e-mail" }, view);
});

function signUpPage(c: Context<App>, email: string, problem: Problem | null): Page {
  const view = signUpIsOpen(c.env) ? <SignUpForm email={email} problem={problem} /> : <Closed />;
  return gate(c, { title: "Create an account", status: statusOf(problem) }, view);
}

function onlyIfOpen(c: Context<App>): void {
  if (!signUpIsOpen(c.env)) throw new Problem(403, "sign-up-closed", "New accounts here are by invitation.");
}

byMailPages.get("/sign-up/:token", (c) => finishPage(c, null));

byMailPages.post("/sign-up/:token", async (c) => {
  const { password } = await openFormOf(c, choosing);
  onlyIfOpen(c);
  const tried = await attempt(() => finishSignUp(c.get("world"), c.req.param("token"), password));
  return tried.ok ? enter(c, tried.value, false, "/") : finishPage(c, tried.problem);
});

async function finishPage(c: Context<App>, problem: Problem | null): Promise<Response> {
  const token = c.req.param("token") ?? "";
  const { email } = await linkFor(c.get("world"), "sign-up", token);
  const view = <FinishForm token={token} email={email ?? ""} problem={problem} />;
  return gate(c, { title: "Choose a password", status: statusOf(problem) }, view);
}

byMailPages.get("/forgotten", (c) => forgottenPage(c, "", null));

byMailPages.post("/forgotten", async (c) => {
  const { email } = await openFormOf(c, asking);
  const edge = openEdge(c.env, c.executionCtx);
  const tried = await attempt(() => askReset(edge, c.get("world"), email, ipOf(c)));
  if (!tried.ok) return forgottenPage(c, email, tried.problem);
  const says = "If there is an account, a link to choose a new password was mailed to";
  return gate(c, { title: "Check your e-mail" }, <Mailed email={email} says={says} again="/forgotten" />);
});

function forgottenPage(c: Context<App>, email: string, problem: Problem | null): Page {
  const view = <ForgottenForm email={email} problem={problem} />;
  return gate(c, { title: "Forgot the password?", status: statusOf(problem) }, view);
}

byMailPages.get("/reset/:token", (c) => resetPage(c, null));

byMailPages.post("/reset/:token", async (c) => {
  const { password, keys } = await openFormOf(c, choosing);
  const given = { token: c.req.param("token"), password, alsoKeys: keys === "yes" };
  const tried = await attempt(() => resetPassword(c.get("world"), given, ipOf(c)));
  if (!tried.ok) return resetPage(c, tried.problem);
  return c.redirect(`/sign-in?done=password-reset${tried.value.passkeysStay ? "-passkeys-stay" : ""}`, 303);
});

async function resetPage(c: Context<App>, problem: Problem | null): Promise<Response> {
  const token = c.req.param("token") ?? "";
  const { email } = await linkFor(c.get("world"), "reset", token);
  const view = <ResetForm token={token} email={email ?? ""} problem={problem} />;
  return gate(c, { title: "Choose a new password", status: statusOf(problem) }, view);
}

byMailPages.get("/confirm/:token", async (c) => {
  const token = c.req.param("token");
  const world = c.get("world");
  const proves = await attempt(() => linkFor(world, "verify-email", token));
  const { email } = proves.ok ? proves.value : await linkFor(world, "change-email", token);
  const view = <ConfirmForm token={token} email={email ?? ""} changes={!proves.ok} />;
  return gate(c, { title: "Is this your address?" }, view);
});

byMailPages.post("/confirm/:token", async (c) => {
  const edge = openEdge(c.env, c.executionCtx);
  await confirmEmail(edge, c.get("world"), c.req.param("token"), c.get("visitor")?.session?.id ?? null);
  return c.redirect(`/${c.get("visitor") === null ? "sign-in" : "security"}?done=email-confirmed`, 303);
});

byMailPages.get("/undo/:token", async (c) => {
  const { email, changedAt } = await undoFor(c.get("world"), c.req.param("token"));
  const view = <UndoForm token={c.req.param("token")} email={email} changedAt={changedAt} />;
  return gate(c, { title: "Was this not you?" }, view);
});

byMailPages.post("/undo/:token", async (c) => {
  await openFormOf(c, z.strictObject({}));
  const email = await undoChange(openEdge(c.env, c.executionCtx), c.get("world"), c.req.param("token"), ipOf(c));
  return gate(c, { title: "Your account is yours again" }, <Undone email={email} />);
});
