/**
 * Moves, as nodes ask about them: the new node is given a call to fetch the mailbox with, and says when it has it; the old node is told
 * how the move ended. Then what waits for the mailbox, and what is kept of it, follows.
 */
import { and, eq, isNull, sql } from "drizzle-orm";
import { utf8 } from "../src/core/bytes.ts";
import { signCall } from "../src/core/contract/call.ts";
import { type Heartbeat, type HeartbeatAnswer, nodePaths } from "../src/core/contract/handoff.ts";
import type { IncomingMove, MoveAnswer, MoveNews, MoveState } from "../src/core/contract/move.ts";
import { callNode } from "./call.ts";
import { among } from "./directory/among.ts";
import { mailboxRecord } from "./directory/mailboxes.ts";
import { cancelMovesFrom, landMove, type Move, noteTrouble } from "./directory/moves.ts";
import { openWorld } from "./directory/open.ts";
import { nodeRef } from "./directory/placement.ts";
import { mailbox, mailboxMove, node } from "./directory/schema.ts";
import { rekeep } from "./kept.ts";
import type { Edge } from "./platform.ts";
import { ring, waitingFor } from "./spool.ts";

/** Fetched one after the other, so a few are enough for a beat. */
const perBeat = 4;
const nothing = utf8("{}");

/** The old node erases what it has once it hears that it moved: not before the new one has said that it serves it. */
const heardState = sql<MoveState>`case when ${mailboxMove.state} = 'moved' and ${mailbox.appliedRevision} < ${mailbox.revision}
  then 'asked' else ${mailboxMove.state} end`;

type Held = { id: string; epoch: number };

/**
 * What a heartbeat's answer says of moves. `ahead`: what the node holds by a later epoch than the directory knows, which was put back
 * then; the node is not told to let that go.
 */
export async function movesFor(
  edge: Edge,
  nodeId: string,
  { leaving = [], unlisted = [], restored }: Heartbeat,
): Promise<{ said: Pick<HeartbeatAnswer, "incoming" | "leaving" | "elsewhere">; ahead: Held[] }> {
  if (restored) await cancelMovesFrom(openWorld(edge.env.DIRECTORY), nodeId);
  const held = new Map(unlisted.map((one) => (typeof one === "string" ? [one, -1] : [one.id, one.epoch])));
  const [asked, ended, placed] = await edge.db.batch([
    edge.db
      .select({ move: mailboxMove, origin: node.origin })
      .from(mailboxMove)
      .innerJoin(node, eq(node.id, mailboxMove.source))
      .where(and(eq(mailboxMove.target, nodeId), eq(mailboxMove.state, "asked")))
      .orderBy(mailboxMove.id)
      .limit(perBeat),
    edge.db
      .select({ move: mailboxMove.id, state: heardState, epoch: sql<number>`${mailboxMove.epoch} + 1` })
      .from(mailboxMove)
      .innerJoin(mailbox, eq(mailbox.id, mailboxMove.mailbox))
      .where(and(among(mailboxMove.id, leaving), eq(mailboxMove.source, nodeId))),
    edge.db
      .select({ id: mailbox.id, epoch: mailbox.epoch })
      .from(mailbox)
      .where(and(among(mailbox.id, held.keys()), sql`${mailbox.node} <> ${nodeId}`)),
  ]);
  const incoming = await Promise.all(asked.map(({ move, origin }) => incomingOf(edge, move, origin)));
  const isBefore = ({ id, epoch }: Held): boolean => epoch > (held.get(id) ?? -1);
  const elsewhere = placed.filter(isBefore);
  const said = {
    ...(incoming.length > 0 && { incoming }),
    ...(ended.length > 0 && { leaving: ended }),
    ...(elsewhere.length > 0 && { elsewhere }),
  };
  const ahead = placed.filter((one) => !isBefore(one)).map(({ id }) => ({ id, epoch: held.get(id) ?? 0 }));
  return { said, ahead };
}

async function incomingOf(edge: Edge, move: Move, origin: string): Promise<IncomingMove> {
  const { id, mailbox: box, epoch, source } = move;
  const manifest = { audience: source, method: "POST" as const, path: nodePaths.leave, id, mailbox: box, epoch };
  const identity = { name: "edge", seed: edge.config.edgeSeed };
  const headers = await signCall(manifest, nothing, identity, edge.clock(), edge.crypto);
  return { move: id, mailbox: box, epoch, from: { node: source, origin }, call: { headers, body: "{}" } };
}

export async function hearOfMove(edge: Edge, nodeId: string, news: MoveNews): Promise<MoveAnswer> {
  const world = openWorld(edge.env.DIRECTORY);
  if (news.kind === "trouble") {
    await noteTrouble(world, news.move, nodeId, news.text);
    return { state: "asked", mailbox: null };
  }
  const move = await landMove(world, news.move, nodeId, news.epoch);
  if (move?.state !== "moved") return { state: "cancelled", mailbox: null };
  if (move.followedAt === null) edge.later(follow(edge, move));
  return { state: "moved", mailbox: await mailboxRecord(world, move.mailbox) };
}

/** The node's next heartbeat comes at once, if it hears this. */
export async function nudge(edge: Edge, nodeId: string): Promise<void> {
  const to = await nodeRef(edge.db, nodeId);
  if (to === null) return;
  const call = { node: to, path: nodePaths.beat, id: `beat-${edge.newId()}`, body: nothing };
  const said = await callNode(edge, call).catch(() => null);
  await said?.body?.cancel();
}

/** Part of the sweep: moves whose mail has not followed yet. */
export async function followMoves(edge: Edge): Promise<void> {
  const left = await edge.db
    .select()
    .from(mailboxMove)
    .where(and(eq(mailboxMove.state, "moved"), isNull(mailboxMove.followedAt)))
    .limit(20);
  for (const move of left) await follow(edge, move);
}

/** What waits for the old node is rung for: handing it over notices the new place. What is kept of it is kept for the new node. */
async function follow(edge: Edge, move: Move): Promise<void> {
  const keys: string[] = [];
  for await (const { key } of waitingFor(edge, `${move.source}/${move.mailbox}/`)) keys.push(key);
  ring(edge, keys, { byHand: true });
  const kept = await rekeep(edge, { box: move.mailbox, from: move.source, to: move.target });
  if (keys.length > 0 || kept > 0) return;
  await edge.db.update(mailboxMove).set({ followedAt: edge.clock() }).where(eq(mailboxMove.id, move.id));
}
