/** One mailbox: making it in the browser, its devices, its use, and how to reach it from a mail app. */
import { type Context, Hono } from "hono";
import { z } from "zod";
import { roleAtLeast } from "../../api/row.ts";
import { tellNode } from "../../api/tell-node.ts";
import { tryByHand, waitingAt } from "../../by-hand.ts";
import { mailSetup } from "../../client-setup/place.ts";
import { type DomainView, domainFor } from "../../directory/domains.ts";
import { type Mailbox, mailboxById, revokeSlot, slotsOf } from "../../directory/mailboxes.ts";
import { nodes } from "../../directory/nodes.ts";
import { notFound, Problem } from "../../directory/problem.ts";
import { openEdge } from "../../platform.ts";
import type { App, Visitor } from "../../sign-in/visitor.ts";
import { formOf, signedIn } from "../guard.tsx";
import { Connect, MailboxView, NewMailbox } from "../mailbox-views.tsx";
import { myDomains } from "../reader.ts";
import { page } from "../shell.tsx";

export const mailboxPage = new Hono<App>();

/** Mail that has only just come is on its way. */
const unremarkableMs = 15_000;

mailboxPage.get(
  "/mailboxes/new",
  signedIn(async (c, visitor) => {
    const domains = (await myDomains(c, visitor)).filter((domain) => roleAtLeast(domain.role, "admin"));
    const places = (await nodes(c.get("world"))).filter((node) => node.state === "active");
    const view = <NewMailbox domains={domains} places={places} chosen={c.req.query("domain") ?? ""} />;
    return page(c, visitor, { title: "New mailbox", at: "mailboxes", islands: ["mailbox"] }, view);
  }),
);

mailboxPage.get(
  "/mailboxes/:mailbox",
  signedIn(async (c, visitor) => {
    const { box, domain } = await boxHere(c, visitor, "member");
    const slots = await slotsOf(c.get("world"), box.id);
    const setup = await mailSetup(c.env, domain.name, box.address);
    const may = roleAtLeast(domain.role, "admin");
    const waiting = await waitingAt(openEdge(c.env, c.executionCtx), box);
    const atEdge = waiting.filter(({ since }) => c.get("world").clock() - since > unremarkableMs);
    const view = <MailboxView {...{ visitor, box, domain, slots, may, atEdge }} services={setup?.services ?? []} />;
    return page(c, visitor, { title: box.address, at: "mailboxes", islands: ["mailbox"] }, view);
  }),
);

/** For the page that has just made it. */
mailboxPage.get(
  "/mailboxes/:mailbox/connect",
  signedIn(async (c, visitor) => {
    const { box, domain } = await boxHere(c, visitor, "member");
    const setup = await mailSetup(c.env, domain.name, box.address);
    return c.html(<Connect address={box.address} services={setup?.services ?? []} />);
  }),
);

mailboxPage.post(
  "/mailboxes/:mailbox/revoke",
  signedIn(async (c, visitor) => {
    const { box } = await boxHere(c, visitor, "admin");
    const { slot } = await formOf(c, visitor, z.object({ slot: z.string().max(64) }));
    const world = c.get("world");
    await revokeSlot(world, box, slot);
    await tellNode({ env: c.env, world, later: (work) => c.executionCtx.waitUntil(work) }, box.id);
    return c.redirect(`/mailboxes/${box.id}?done=device-revoked`, 303);
  }),
);

/** Mail that waits at the edge for the node: once more, now. */
mailboxPage.post(
  "/mailboxes/:mailbox/retry",
  signedIn(async (c, visitor) => {
    const { box } = await boxHere(c, visitor, "admin");
    await formOf(c, visitor, z.object({}));
    const edge = openEdge(c.env, c.executionCtx);
    const tried = await tryByHand(edge, await waitingAt(edge, box));
    return c.redirect(`/mailboxes/${box.id}?done=retry-${tried}`, 303);
  }),
);

async function boxHere(
  c: Context<App>,
  visitor: Visitor,
  needs: "member" | "admin",
): Promise<{ box: Mailbox; domain: DomainView }> {
  const box = await mailboxById(c.get("world"), c.req.param("mailbox") ?? "");
  if (box === null) throw notFound("mailbox");
  const domain = await domainFor(c.get("world"), visitor.account.id, box.domain);
  if (!roleAtLeast(domain.role, needs)) throw new Problem(403, "role", `This needs the role “${needs}”.`);
  return { box, domain };
}
