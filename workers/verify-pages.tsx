/**
 * The page behind a mailed link. Opening it changes nothing, since mail scanners open links too; the buttons do. Whoever has
 * the token reads the address's mail, so nobody signs in here.
 */
import { Hono } from "hono";
import type { Child } from "hono/jsx";
import { z } from "zod";
import { errorPage, openFormOf, securityHeaders } from "./dashboard/guard.tsx";
import { gate } from "./dashboard/shell.tsx";
import { openEdge } from "./platform.ts";
import { type App, findVisitor, refuseForeign } from "./sign-in/visitor.ts";
import { answerVerification, type Pending, pendingFor } from "./verification.ts";

const answerSchema = z.object({ answer: z.enum(["yes", "never"]) });
const formBytes = 4096;
const path = "/verify/:token{[A-Za-z0-9_-]{32}}";

export function isVerification(pathname: string): boolean {
  return pathname.startsWith("/verify/");
}

export function verifyRoutes(): Hono<App> {
  const app = new Hono<App>();
  app.onError(errorPage);
  app.use("*", securityHeaders, findVisitor, refuseForeign);
  app.get(path, async (c) => {
    const pending = await pendingFor(openEdge(c.env, c.executionCtx), c.req.param("token"));
    return pending === null
      ? gate(c, { title: "Link not valid", status: 404 }, <Gone />)
      : gate(c, { title: "Forwarding" }, <Question pending={pending} />);
  });
  app.post(path, async (c) => {
    const { answer } = await openFormOf(c, answerSchema, formBytes);
    const edge = openEdge(c.env, c.executionCtx);
    const pending = await pendingFor(edge, c.req.param("token"));
    if (pending === null) return gate(c, { title: "Link not valid", status: 404 }, <Gone />);
    const yes = answer === "yes";
    await answerVerification(edge, pending, yes);
    return gate(c, { title: "Thank you" }, <Done address={pending.address} yes={yes} />);
  });
  app.notFound((c) => gate(c, { title: "Link not valid", status: 404 }, <Gone />));
  return app;
}

const Question = ({ pending }: { pending: Pending }): Child => (
  <form method="post" class="stack">
    <h1>Forward mail to {pending.address}?</h1>
    <p>Somebody set up mail to be forwarded to this address. It happens only if you agree.</p>
    <div class="row">
      <button type="submit" name="answer" value="yes" class="main">
        Yes, forward mail to me
      </button>
      <button type="submit" name="answer" value="never">
        No, and never write to me again
      </button>
    </div>
  </form>
);

const Done = ({ address, yes }: { address: string; yes: boolean }): Child => (
  <>
    <h1>{yes ? "Forwarding is on" : "You won't hear from us again"}</h1>
    <p>
      {yes
        ? `Mail that was waiting for ${address} comes with its sender's next try.`
        : `Nothing will be sent to ${address}.`}
    </p>
  </>
);

const Gone = (): Child => (
  <>
    <h1>This link is not valid</h1>
    <p>It may have been replaced by a newer one: look for the latest mail.</p>
  </>
);
