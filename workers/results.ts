/** What became of relay jobs: a step in the journal, and the destination's health. A node may report twice; it counts once. */
import { and, eq, inArray } from "drizzle-orm";
import type { OutboundResults } from "../src/core/contract/handoff.ts";
import { limits } from "../src/core/limits.ts";
import { bare } from "../src/core/rules/standing.ts";
import { addSteps, type Step } from "./directory/journal.ts";
import { tellOwner } from "./directory/owners.ts";
import { alias, destination, journal } from "./directory/schema.ts";
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

/** Of every destination of the domain that names this address, whichever alias the message came by and whatever its tag. */
async function noteHealth(edge: Edge, result: Result): Promise<void> {
  const { journalId, recipient } = result;
  const rows = await edge.db
    .select({
      id: destination.id,
      failures: destination.failures,
      pausedAt: destination.pausedAt,
      domain: journal.domain,
    })
    .from(journal)
    .innerJoin(alias, eq(alias.domain, journal.domain))
    .innerJoin(destination, eq(destination.alias, alias.id))
    .where(
      and(
        eq(journal.id, journalId),
        eq(destination.kind, "address"),
        inArray(destination.target, [recipient, bare(recipient)]),
      ),
    )
    .limit(limits.fanOut);
  for (const row of rows) await noteOne(edge, row, result);
}

type Row = { id: string; failures: number; pausedAt: number | null; domain: string };

async function noteOne(edge: Edge, row: Row, { recipient, kind, detail, at }: Result): Promise<void> {
  const failures = kind === "delivered" ? 0 : row.failures + 1;
  const pauses = row.pausedAt === null && (failures >= patience || (failures > 0 && isNoSuchUser(detail)));
  const trouble = kind === "delivered" ? "" : detail.slice(0, 300);
  await edge.db
    .update(destination)
    .set({ failures, trouble, ...(pauses ? { pausedAt: at } : {}) })
    .where(eq(destination.id, row.id));
  if (pauses) await tellOwner(edge, row.domain, pausedNotice(row.id, recipient, at, trouble));
}

function pausedNotice(id: string, recipient: string, at: number, trouble: string) {
  const text = [
    `Mail to ${recipient} is refused, so this destination was paused and gets nothing more for now.`,
    "",
    `The last answer was: ${trouble}`,
    "",
    "Once that is mended, resume the destination on its alias's page.",
    "",
  ].join("\n");
  return { id: `paused-${id}-${at}`, subject: `A destination was paused: ${recipient}`, text };
}

// RFC 3463 §3.2: 5.1.x says the address is bad, 5.2.1 that the mailbox is switched off.
function isNoSuchUser(detail: string): boolean {
  return /\b5\.(1\.[1-46]|2\.1)\b/.test(detail);
}
