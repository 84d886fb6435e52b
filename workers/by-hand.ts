/** What waits for a mailbox, or of a message, for those who look and those who want it tried again. R2 is asked, not the journal. */
import type { Message } from "./directory/activity.ts";
import { among } from "./directory/among.ts";
import { mailbox, node } from "./directory/schema.ts";
import { type HandOff, handOff } from "./handoff.ts";
import type { Edge } from "./platform.ts";
import { isParked, relayBox, ring, type Waiting, waitingFor, waitingOf } from "./spool.ts";

export type Waits = {
  key: string;
  /** Of the message's row in the activity, for as long as that is kept. */
  message: string;
  /** When it was accepted, UTC ms. */
  since: number;
  /** Sealed bytes. */
  size: number;
  /** Not tried any more but by hand. */
  parked: boolean;
};

type Box = { id: string; node: string };

/** Sealed mail for a mailbox that its node has not taken yet. As many as one look at R2 shows, `all`: to the end. */
export async function waitingAt(edge: Edge, box: Box, all = false): Promise<Waits[]> {
  const found = await allOf(waitingFor(edge, prefixOf(box), all ? undefined : 1));
  return found.flatMap((one) => waits(edge, one)).sort((a, b) => a.since - b.since);
}

/** A page of it, in the order of the keys: R2 has no other. `after`: the last key of the page before. */
export async function waitingPage(
  edge: Edge,
  box: Box,
  { after, limit }: { after: string | null; limit: number },
): Promise<{ items: Waits[]; next: string | null }> {
  const startAfter = after === null ? {} : { startAfter: after };
  const page = await edge.env.SPOOL.list({ prefix: prefixOf(box), limit, include: ["customMetadata"], ...startAfter });
  const items = page.objects.flatMap((object) => waits(edge, waitingOf(object)));
  return { items, next: page.truncated ? (page.objects.at(-1)?.key ?? null) : null };
}

function prefixOf({ id, node: at }: Box): string {
  return `${at}/${id}/`;
}

/** Copies of one message, to mailboxes and to be sent on, that no node has taken yet. */
export async function copiesWaiting(edge: Edge, { id, steps }: Pick<Message, "id" | "steps">): Promise<Waits[]> {
  const sealed = steps.filter((step) => step.kind === "seal").map((step) => step.target);
  const relayed = steps.some((step) => step.kind === "relay");
  const [boxes, nodes] = await edge.db.batch([
    edge.db.select({ id: mailbox.id, node: mailbox.node }).from(mailbox).where(among(mailbox.address, sealed)),
    edge.db.select({ id: node.id }).from(node),
  ]);
  const places = [
    ...boxes.map((box) => `${box.node}/${box.id}/`),
    ...(relayed ? nodes.map((one) => `${one.id}/${relayBox}/`) : []),
  ];
  const found = [];
  for (const place of places) found.push(...(await allOf(waitingFor(edge, place))));
  return found.flatMap((one) => waits(edge, one)).filter(({ message }) => message === id);
}

export type Tried = "taken" | "not-taken" | "unreachable" | "gone" | "none";

/** Tries the first now, so that whoever asked hears how it goes, and rings for those that still wait. */
export async function tryByHand(edge: Edge, waiting: readonly Waits[]): Promise<Tried> {
  const [first, ...rest] = waiting;
  if (first === undefined) return "none";
  const tried = triedAs(await handOff(edge, first.key, true));
  const again = tried === "taken" || tried === "gone" ? rest : waiting;
  ring(
    edge,
    again.map(({ key }) => key),
    { byHand: true },
  );
  return tried;
}

function triedAs(done: HandOff): Tried {
  if (done === "handed-off") return "taken";
  if (done === "silent") return "unreachable";
  return done === "gone" ? "gone" : "not-taken";
}

function waits(edge: Edge, { key, facts, size }: Waiting): Waits[] {
  if (facts === null) return [];
  return [{ key, size, message: facts.journal, since: facts.at, parked: isParked(facts, edge.clock()) }];
}

async function allOf<T>(found: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const one of found) all.push(one);
  return all;
}
