/**
 * Tells a mailbox's node what the edge now holds about it. A node that can't be reached learns it from its next heartbeat
 * (the answer lists revisions), so a failure here is shown (`appliedRevision` lags) and never undoes the change.
 */
import { utf8 } from "../../src/core/bytes.ts";
import { type CallHeaders, signCall } from "../../src/core/contract/call.ts";
import { mailboxUpdateAnswerSchema, nodePaths } from "../../src/core/contract/handoff.ts";
import type { MailboxRecord } from "../../src/core/contract/mailbox.ts";
import { configOf } from "../config.ts";
import { workerCrypto } from "../crypto.ts";
import { mailboxById, mailboxRecord, markApplied } from "../directory/mailboxes.ts";
import { type Node, nodeById } from "../directory/nodes.ts";
import { newId, type World } from "../directory/open.ts";

const patienceMs = 5_000;

export async function tellNode(call: { env: Env; world: World }, mailboxId: string): Promise<void> {
  const { world } = call;
  const placed = await mailboxById(world, mailboxId);
  const node = placed && (await nodeById(world, placed.node));
  if (node === null) return;
  const record = await mailboxRecord(world, mailboxId);
  try {
    await markApplied(world, mailboxId, await send(call, node, record));
  } catch (error) {
    console.warn("node not told", node.id, error instanceof Error ? error.name : typeof error);
  }
}

async function send(call: { env: Env; world: World }, node: Node, record: MailboxRecord): Promise<number> {
  const body = utf8(JSON.stringify({ mailbox: record }));
  const response = await fetch(new URL(nodePaths.mailbox, node.origin), {
    method: "POST",
    headers: { ...(await signed(call, node, record, body)), "content-type": "application/json" },
    body,
    redirect: "error",
    signal: AbortSignal.timeout(patienceMs),
  });
  if (!response.ok) throw new Error(`node answered ${response.status}`);
  return mailboxUpdateAnswerSchema.parse(await response.json()).applied;
}

function signed(
  { env, world }: { env: Env; world: World },
  node: Node,
  record: MailboxRecord,
  body: Uint8Array,
): Promise<CallHeaders> {
  const manifest = {
    audience: node.id,
    method: "POST" as const,
    path: nodePaths.mailbox,
    mailbox: record.id,
    epoch: record.epoch,
    id: newId(world),
  };
  return signCall(manifest, body, { name: "edge", seed: configOf(env).edgeSeed }, world.clock(), workerCrypto);
}
