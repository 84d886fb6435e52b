/**
 * Tells a mailbox's node what the edge now holds about it. A node that can't be reached learns it from its next heartbeat
 * (the answer lists revisions), so a failure here is shown (`appliedRevision` lags) and never undoes the change.
 */
import { utf8 } from "../../src/core/bytes.ts";
import { mailboxUpdateAnswerSchema, nodePaths } from "../../src/core/contract/handoff.ts";
import { callNode } from "../call.ts";
import { mailboxRecord, markApplied, nodeOfMailbox } from "../directory/mailboxes.ts";
import type { World } from "../directory/open.ts";
import { handOff } from "../handoff.ts";
import { dropKept } from "../kept.ts";
import { logTrouble, openEdge } from "../platform.ts";
import { waitingFor } from "../spool.ts";

/** Somebody is looking at the screen: past this the telling goes on by itself. */
const patienceMs = 4_000;

type Caller = { env: Env; world: World; later(work: Promise<unknown>): void };

export async function tellNode(call: Caller, mailboxId: string): Promise<void> {
  const told = tell(call, mailboxId).catch((error: unknown) => {
    console.warn("node not told", error instanceof Error ? error.name : typeof error);
  });
  call.later(told);
  await Promise.race([told, scheduler.wait(patienceMs)]);
}

/** Its spool goes first: what is sealed to a mailbox that nobody can open any more is kept nowhere. */
export async function tellOfErasing(call: Caller, of: { id: string; node: string }): Promise<void> {
  const edge = openEdge(call.env, { waitUntil: call.later });
  for await (const { key } of waitingFor(edge, `${of.node}/${of.id}/`)) await handOff(edge, key, true);
  await dropKept(edge, of).catch((error: unknown) => logTrouble("kept", error)); // the sweep tries again
  await tellNode(call, of.id);
}

async function tell({ env, world, later }: Caller, mailboxId: string): Promise<void> {
  const node = await nodeOfMailbox(world, mailboxId);
  if (node === null) return;
  const record = await mailboxRecord(world, mailboxId);
  const response = await callNode(openEdge(env, { waitUntil: later }), {
    node,
    path: nodePaths.mailbox,
    id: `mailbox-${record.id}-${record.revision}`,
    mailbox: { id: record.id, epoch: record.epoch },
    body: utf8(JSON.stringify({ mailbox: record })),
  });
  if (!response.ok) throw new Error(`node answered ${response.status}`);
  await markApplied(world, mailboxId, mailboxUpdateAnswerSchema.parse(await response.json()).applied);
}
