/**
 * A node's heartbeat: its transit key, how full its mailboxes are, when devices were last used. The answer says what the edge
 * holds, so that the node asks for what it lacks. Mail that waits for the node is driven again.
 */
import { and, eq, sql } from "drizzle-orm";
import type { Heartbeat, HeartbeatAnswer } from "../src/core/contract/handoff.ts";
import { keptStateOf } from "./directory/node-health.ts";
import { spoolOf } from "./directory/nodes.ts";
import { domain, mailbox, node } from "./directory/schema.ts";
import { putBackKept } from "./kept.ts";
import { movesFor } from "./moves.ts";
import type { Edge } from "./platform.ts";
import { redrive } from "./sweep.ts";

/** A node that was silent is driven at once, any other at most so often. */
const redriveEveryMs = 20_000;

export async function heartbeat(edge: Edge, nodeId: string, beat: Heartbeat): Promise<HeartbeatAnswer> {
  if (beat.node !== nodeId) throw new Error("a heartbeat for another node");
  const [before] = await edge.db.select().from(node).where(eq(node.id, nodeId)).limit(1);
  const spool = before === undefined ? null : spoolOf(before);
  const kept = before === undefined ? null : keptStateOf(before);
  const clockSkewMs = beat.time - edge.clock();
  await noteMailboxes(edge, nodeId, beat);
  const { said, ahead } = await movesFor(edge, nodeId, beat);
  const [, mailboxes, domains] = await edge.db.batch([
    noteNode(edge, nodeId, beat, { clockSkewMs, ahead }),
    edge.db
      .select({ id: mailbox.id, address: mailbox.address, revision: mailbox.revision, epoch: mailbox.epoch })
      .from(mailbox)
      .where(eq(mailbox.node, nodeId)),
    edge.db
      .select({ name: domain.name })
      .from(domain)
      .where(and(eq(domain.node, nodeId), eq(domain.state, "active"))),
  ]);
  const wasSilent = before?.unreachableSince !== null;
  const redrivenAt = before?.redrivenAt ?? null;
  const putBack = beat.restored && (await putBackKept(edge, nodeId, before?.facts ?? null, beat.restored));
  if (wasSilent || edge.clock() - (redrivenAt ?? 0) >= redriveEveryMs)
    edge.later(redrive(edge, { id: nodeId, redrivenAt }, wasSilent));
  const known = { ...(spool && { spool }), ...(kept && { kept }), ...(putBack && { putBack }) };
  return { mailboxes, domains: domains.map(({ name }) => name), clockSkewMs, ...known, ...said };
}

function noteNode(edge: Edge, nodeId: string, beat: Heartbeat, found: { clockSkewMs: number; ahead: unknown[] }) {
  const { version, relayWaiting, diskFreeBytes, ports = null, chain = null, signing = null, backup = null } = beat;
  const said = { version, relayWaiting, diskFreeBytes, ports, chain, signing, backup, ...found };
  return edge.db
    .update(node)
    .set({
      transitKey: beat.transit.publicKey,
      transitKeyId: beat.transit.keyId,
      lastSeenAt: edge.clock(),
      unreachableSince: null,
      // A patch: what the edge itself noted of the node stays.
      facts: sql`json_patch(json_remove(coalesce(${node.facts}, '{}'), '$.ports', '$.signing'), ${JSON.stringify(said)})`,
    })
    .where(eq(node.id, nodeId));
}

/**
 * One statement for all mailboxes; rows that did not change are not written. The plus keeps SQLite from walking the node's
 * mailboxes and reading the whole list for each.
 */
const usage = `
  update mailbox set used_bytes = n.value ->> 'usedBytes', waiting = n.value ->> 'waiting',
    applied_revision = max(applied_revision, n.value ->> 'revision')
  from json_each(?1) as n
  where mailbox.id = n.value ->> 'id' and +mailbox.node = ?2 and (used_bytes <> n.value ->> 'usedBytes'
    or waiting <> n.value ->> 'waiting' or applied_revision < n.value ->> 'revision')`;

/** Last uses are reported by slot; either of its names will do. */
const devices = `
  update keyslot set last_used_at = n.value ->> 'at'
  from json_each(?1) as n
  where keyslot.mailbox = n.value ->> 'id' and (keyslot.id = n.value ->> 'slot' or keyslot.selector = n.value ->> 'slot')
    and coalesce(last_used_at, 0) < n.value ->> 'at'
    and exists (select 1 from mailbox m where m.id = keyslot.mailbox and m.node = ?2)`;

function noteMailboxes(edge: Edge, nodeId: string, { mailboxes }: Heartbeat): Promise<unknown> {
  const uses = mailboxes.flatMap(({ id, lastUse }) => Object.entries(lastUse).map(([slot, at]) => ({ id, slot, at })));
  const facts = mailboxes.map(({ id, usedBytes, waiting, revision }) => ({ id, usedBytes, waiting, revision }));
  const { DIRECTORY } = edge.env;
  return DIRECTORY.batch([
    DIRECTORY.prepare(usage).bind(JSON.stringify(facts), nodeId),
    DIRECTORY.prepare(devices).bind(JSON.stringify(uses), nodeId),
  ]);
}
