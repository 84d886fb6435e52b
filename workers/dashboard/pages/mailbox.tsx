/** One mailbox: making it in the browser, its devices, its use, and how to reach it from a mail app. */
import { type Context, Hono } from "hono";
import { z } from "zod";
import { roleAtLeast } from "../../api/row.ts";
import { tellNode, tellOfErasing } from "../../api/tell-node.ts";
import { tryByHand, waitingAt } from "../../by-hand.ts";
import { mailSetup } from "../../client-setup/place.ts";
import { type DomainView, domainFor } from "../../directory/domains.ts";
import { aliasesTo, checkTyped, copiesGoneAt, eraseMailbox } from "../../directory/erase.ts";
import { type Mailbox, mailboxById, revokeSlot, setQuota, slotsOf } from "../../directory/mailboxes.ts";
import { isMoving } from "../../directory/moves.ts";
import { nodes } from "../../directory/nodes.ts";
import { notFound, Problem } from "../../directory/problem.ts";
import { openEdge } from "../../platform.ts";
import type { App, Visitor } from "../../sign-in/visitor.ts";
import { attempt, formOf, proved, signedIn } from "../guard.tsx";
import { Connect } from "../mailbox/connect.tsx";
import { DeleteView } from "../mailbox/delete.tsx";
import { NewMailbox } from "../mailbox/new.tsx";
import { RotateView } from "../mailbox/rotate.tsx";
import { MailboxView } from "../mailbox/view.tsx";
import { myDomains } from "../reader.ts";
import { page } from "../shell.tsx";

export const mailboxPage = new Hono<App>();

/** Mail that has only just come is on its way. */
const unremarkableMs = 15_000;

mailboxPage.get(
  "/mailboxes/new",
  signedIn(async (c, visitor) => {
    const mine = (await myDomains(c, visitor)).filter((domain) => roleAtLeast(domain.role, "admin"));
    const domains = mine.filter((domain) => domain.state !== "pending");
    const places = (await nodes(c.get("world"))).filter((node) => node.state === "active");
    const unproven = mine.find((domain) => domain.state === "pending") ?? null;
    const view = <NewMailbox {...{ domains, places, unproven }} chosen={c.req.query("domain") ?? ""} />;
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
    const moving = await isMoving(c.get("world"), box.id);
    const view = (
      <MailboxView {...{ visitor, box, domain, slots, may, atEdge, moving }} services={setup?.services ?? []} />
    );
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

mailboxPage.get(
  "/mailboxes/:mailbox/rotate",
  proved(async (c, visitor) => {
    const { box } = await boxHere(c, visitor, "admin");
    const frame = { title: "Change all keys", at: "mailboxes" as const, islands: ["rotate"] };
    return page(c, visitor, frame, <RotateView box={box} />);
  }),
);

mailboxPage.get(
  "/mailboxes/:mailbox/delete",
  proved(async (c, visitor) => {
    const { box } = await boxHere(c, visitor, "admin");
    return deletePage(c, visitor, box, { typed: "", problem: null });
  }),
);

mailboxPage.post(
  "/mailboxes/:mailbox/delete",
  proved(async (c, visitor) => {
    const { box } = await boxHere(c, visitor, "admin");
    const { address } = await formOf(c, visitor, z.object({ address: z.string().max(320) }));
    const world = c.get("world");
    const tried = await attempt(async () => {
      checkTyped(box, address);
      await eraseMailbox(world, box);
    });
    if (!tried.ok) return deletePage(c, visitor, box, { typed: address, problem: tried.problem });
    await tellOfErasing({ env: c.env, world, later: (work) => c.executionCtx.waitUntil(work) }, box);
    return c.redirect("/mailboxes?done=mailbox-removed", 303);
  }),
);

async function deletePage(
  c: Context<App>,
  visitor: Visitor,
  box: Mailbox,
  shown: { typed: string; problem: Problem | null },
): Promise<Response> {
  const world = c.get("world");
  const pointing = await aliasesTo(world, box.id);
  const view = <DeleteView {...{ visitor, box, pointing, goneAt: copiesGoneAt(world.clock()), ...shown }} />;
  const status = shown.problem === null ? 200 : 422;
  return page(c, visitor, { title: "Delete mailbox", at: "mailboxes", status }, view);
}

const quotaForm = z.object({ gigabytes: z.coerce.number("Write a number.").min(0.01).max(1024) });

mailboxPage.post(
  "/mailboxes/:mailbox/quota",
  signedIn(async (c, visitor) => {
    const { box } = await boxHere(c, visitor, "admin");
    const { gigabytes } = await formOf(c, visitor, quotaForm);
    const world = c.get("world");
    await setQuota(world, box, Math.round(gigabytes * 1024 ** 3));
    await tellNode({ env: c.env, world, later: (work) => c.executionCtx.waitUntil(work) }, box.id);
    return c.redirect(`/mailboxes/${box.id}?done=settings-changed`, 303);
  }),
);

/** Mail that waits at the edge for the node: once more, now. */
mailboxPage.post(
  "/mailboxes/:mailbox/retry",
  signedIn(async (c, visitor) => {
    const { box } = await boxHere(c, visitor, "admin");
    await formOf(c, visitor, z.object({}));
    const edge = openEdge(c.env, c.executionCtx);
    const tried = await tryByHand(edge, await waitingAt(edge, box, true));
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
