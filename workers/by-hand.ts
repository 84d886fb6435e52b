/** What waits for a mailbox, or of a message, for those who look and those who want it tried again. R2 is asked, not the journal. */
import type { Message } from "./directory/activity.ts";
import { among } from "./directory/among.ts";
import { mailbox, node } from "./directory/schema.ts";
import { type HandOff, handOff } from "./handoff.ts";
import type { Edge } from "./platform.ts";
import { isParked, relayBox, ring, type Waiting, waitingFor } from "./spool.ts";

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

/** Sealed mail for a mailbox that its node has not taken yet, oldest first; at most a thousand. */
export async function waitingAt(edge: Edge, box: { id: string; node: string }): Promise<Waits[]> {
  const found = await allOf(waitingFor(edge, `${box.node}/${box.id}/`, 1));
  return found.flatMap((one) => waits(edge, one)).sort((a, b) => a.since - b.since);
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
