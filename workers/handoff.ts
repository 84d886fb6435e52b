/**
 * Handing spooled mail to nodes. R2 says what waits; a bell, a heartbeat or the five-minute sweep says when to try. The node
 * answers 2xx only after an fsync, and then our copy goes, or is kept aside until a copy of the node holds it (`kept.ts`); 410
 * makes us look where the mailbox lives now; anything else is tried again, and after five days only by hand (`parking.ts`).
 * Mail of a mailbox that the directory does not know is kept: the row may be what was lost.
 */
import { and, eq, isNull } from "drizzle-orm";
import { nodePaths } from "../src/core/contract/handoff.ts";
import { callNode } from "./call.ts";
import { addSteps } from "./directory/journal.ts";
import { nodeRef, type Placement, placementOf } from "./directory/placement.ts";
import { node } from "./directory/schema.ts";
import { keep } from "./kept.ts";
import { park } from "./parking.ts";
import { type Edge, logTrouble } from "./platform.ts";
import {
  factsOf,
  isParked,
  keyOf,
  metadataOf,
  placeOf,
  relayBox,
  ring,
  type SpoolFacts,
  type SpoolPlace,
} from "./spool.ts";
import { tryWebhook, webhookNode } from "./webhook.ts";

/**
 * `silent`: the node is not to be reached; `held`: it is, but does not take this one now. `later` with a number of seconds where
 * the thing itself knows when; `waiting`: somebody else's bell will ring.
 */
export type HandOff = "handed-off" | "gone" | "moved" | "parked" | "waiting" | "silent" | "held" | { later: number };

/** One try for one object. `byHand` also tries what is parked. Never throws for the node's sake. */
export async function handOff(edge: Edge, key: string, byHand = false): Promise<HandOff> {
  const place = placeOf(key);
  const object = place === null ? null : await edge.env.SPOOL.get(key);
  if (place === null || object === null) return "gone"; // another bell was faster
  const facts = factsOf(object);
  if (facts === null) return "parked";
  if (place.node === webhookNode) return tryWebhook(edge, place, object, facts, byHand);
  if (isParked(facts, edge.clock()) && !byHand) {
    await park(edge, [{ key, facts }]);
    return "parked";
  }
  const target = await targetOf(edge, place);
  if (target === "deleted") return destroy(edge, place, facts);
  if (target === null) return "held"; // a directory that lost a row may get it back
  if (target.node.id !== place.node) return move(edge, { place, facts }, target.node.id, object);
  const body = new Uint8Array(await object.arrayBuffer());
  return deliver(edge, { key, place, facts, target }, body);
}

type Waiting = { key: string; place: SpoolPlace; facts: SpoolFacts; target: Placement };

async function deliver(edge: Edge, waiting: Waiting, body: Uint8Array<ArrayBuffer>): Promise<HandOff> {
  const { key, place, facts, target } = waiting;
  const isRelay = place.box === relayBox;
  const about = isRelay ? {} : { mailbox: { id: place.box, epoch: target.epoch } };
  const path = isRelay ? nodePaths.relay : nodePaths.message;
  const said = await heard(callNode(edge, { node: target.node, path, id: place.id, ...about, body }));
  if (said === "silent") {
    await noteSilence(edge, target.node.id);
    return "silent";
  }
  if (said !== 200) return "held"; // 410 too: the next try looks up the placement anew
  if (!isRelay && target.node.isCopied) await keep(edge, { place, facts }, body);
  await edge.env.SPOOL.delete(key);
  const kind = isRelay ? "taken" : "handed-off";
  const step = { id: `${kind}:${place.id}`, journal: facts.journal, kind, target: place };
  await addSteps(edge, [{ ...step, ok: true, detail: `to node ${target.node.id}` }]);
  return "handed-off";
}

/** The node's answer. What is in its place where it is not to be reached (a proxy's page, the local runtime's) is not JSON. */
async function heard(call: Promise<Response>): Promise<number | "silent"> {
  try {
    const response = await call;
    await response.body?.cancel();
    const isNodes = /^application\/(problem\+)?json\b/.test(response.headers.get("content-type") ?? "");
    return isNodes ? response.status : "silent";
  } catch (error) {
    logTrouble("hand-off", error);
    return "silent";
  }
}

async function targetOf(edge: Edge, { node: nodeId, box }: SpoolPlace): Promise<Placement | "deleted" | null> {
  if (box !== relayBox) return placementOf(edge.db, box);
  const found = await nodeRef(edge.db, nodeId);
  return found === null ? null : { node: found, epoch: 0 };
}

/** The mailbox moved: its spool follows. Written there before it is deleted here. */
async function move(
  edge: Edge,
  { place, facts }: Pick<Waiting, "place" | "facts">,
  to: string,
  object: R2ObjectBody,
): Promise<HandOff> {
  const key = keyOf({ ...place, node: to });
  const customMetadata = metadataOf(facts);
  await edge.env.SPOOL.put(key, object.body, { onlyIf: { etagDoesNotMatch: "*" }, customMetadata });
  await edge.env.SPOOL.delete(object.key);
  ring(edge, [key]);
  return "moved";
}

/** Its mailbox was deleted: sealed mail that nobody can ever open is not kept. */
async function destroy(edge: Edge, place: SpoolPlace, facts: SpoolFacts): Promise<HandOff> {
  const key = keyOf(place);
  await edge.env.SPOOL.delete(key);
  const step = { id: `destroyed:${key}`, journal: facts.journal, kind: "destroyed", target: place, ok: false };
  await addSteps(edge, [{ ...step, detail: "the mailbox or node is gone" }]);
  return "gone";
}

async function noteSilence(edge: Edge, id: string): Promise<void> {
  await edge.db
    .update(node)
    .set({ unreachableSince: edge.clock() })
    .where(and(eq(node.id, id), isNull(node.unreachableSince)));
}
