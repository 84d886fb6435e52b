/** What became of relay jobs: a step in the journal, and the destination's health. A node may report twice; it counts once. */
import { and, eq, inArray, sql } from "drizzle-orm";
import type { OutboundResults } from "../src/core/contract/handoff.ts";
import { addSteps, type Step } from "./directory/journal.ts";
import { destination, journal } from "./directory/schema.ts";
import type { Edge } from "./platform.ts";

type Result = OutboundResults["results"][number];

export async function takeResults(
  edge: Edge,
  node: string,
  { results }: OutboundResults,
): Promise<Record<string, never>> {
  await addSteps(
    edge,
    results.map((result) => stepOf(node, result)),
  );
  for (const result of results) if (result.kind !== "delayed") await noteHealth(edge, result);
  return {};
}

function stepOf(node: string, { job, journalId, recipient, kind, detail, host, at }: Result): Step {
  const where = host === "" ? `node ${node}` : host;
  return {
    id: `relay:${job}:${kind}:${at}`,
    journal: journalId,
    kind,
    target: recipient,
    ok: kind !== "failed",
    detail: `${where}: ${detail}`,
  };
}

/** Permanent refusals in a row before a destination is paused; "no such user" pauses at once. */
const patience = 5;

async function noteHealth(edge: Edge, { journalId, recipient, kind, detail, at }: Result): Promise<void> {
  const [row] = await edge.db.select({ alias: journal.alias }).from(journal).where(eq(journal.id, journalId)).limit(1);
  const alias = row?.alias ?? null;
  if (alias === null) return;
  const mine = and(
    eq(destination.alias, alias),
    eq(destination.kind, "address"),
    inArray(destination.target, [recipient]),
  );
  const change = kind === "delivered" ? { failures: 0, trouble: "" } : failed(detail, at);
  await edge.db.update(destination).set(change).where(mine);
}

function failed(detail: string, at: number) {
  const trouble = detail.slice(0, 300);
  if (isNoSuchUser(detail)) return { failures: sql`${destination.failures} + 1`, trouble, pausedAt: at };
  const pausedAt = sql`case when ${destination.failures} + 1 >= ${patience} then ${at} else ${destination.pausedAt} end`;
  return { failures: sql`${destination.failures} + 1`, trouble, pausedAt };
}

// RFC 3463 §3.2: 5.1.x says the address is bad, 5.2.1 that the mailbox is switched off.
function isNoSuchUser(detail: string): boolean {
  return /\b5\.(1\.[1-46]|2\.1)\b/.test(detail);
}
