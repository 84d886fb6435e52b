/** How a node fares, from what its heartbeats said and what the edge noted of it; and what in that an operator should look into. */
import { z } from "zod";
import { type Cover, type KeptState, keptStateSchema, type SpoolState } from "../../src/core/contract/handoff.ts";
import { coverOf, type Node, spoolOf } from "./nodes.ts";

const minute = 60_000;
const silentMs = 5 * minute;
const lateMs = 15 * minute;
/** Copies are made daily, as a rule. */
const copyAgeMs = 26 * 60 * minute;
/** Above that, what a log of one half says can't be laid beside the other's. */
const skewMs = 30_000;
const diskBytes = 1024 ** 3;

const factsSchema = z.object({
  version: z.string(),
  relayWaiting: z.number(),
  diskFreeBytes: z.number(),
  clockSkewMs: z.number(),
});

export type NodeHealth = {
  version: string | null;
  relayWaiting: number | null;
  diskFreeBytes: number | null;
  /** How far its clock is ahead of the edge's, latency included. */
  clockSkewMs: number | null;
  spool: SpoolState | null;
  /** Null where no copies of it are made. */
  backup: Cover | null;
  kept: KeptState | null;
};

export function healthOf(node: Pick<Node, "facts">): NodeHealth {
  const read = factsSchema.partial().safeParse(node.facts ?? {});
  const {
    version = null,
    relayWaiting = null,
    diskFreeBytes = null,
    clockSkewMs = null,
  } = read.success ? read.data : {};
  const facts = { version, relayWaiting, diskFreeBytes, clockSkewMs };
  return { ...facts, spool: spoolOf(node), backup: coverOf(node), kept: keptStateOf(node) };
}

/** What the edge keeps beside the spool until a copy of the node holds it, as the last whole look counted it. */
export function keptStateOf({ facts }: Pick<Node, "facts">): KeptState | null {
  const kept = z.object({ held: keptStateSchema }).safeParse(facts?.["kept"]);
  return kept.success ? kept.data.held : null;
}

/** `since`: UTC ms, where the trouble has a beginning. */
export type Trouble = { tone: "warn" | "fail"; says: string; since: number | null };

/** `moving`: as `moveTroubles` found them. */
export function troublesOf(node: Node, now: number, moving: ReadonlyMap<string, Trouble[]>): Trouble[] {
  if (node.state === "gone") return [];
  const { spool, backup, diskFreeBytes, clockSkewMs } = healthOf(node);
  const found: (Trouble | false)[] = [
    node.lastSeenAt === null && { tone: "warn", says: "Not heard of yet", since: null },
    node.lastSeenAt !== null && now - node.lastSeenAt > silentMs && fail("Not heard of since", node.lastSeenAt),
    node.unreachableSince !== null && fail("Hand-offs find it silent since", node.unreachableSince),
    spool !== null && spool.parked > 0 && fail(`${messages(spool.parked)} given up after five days`, null),
    spool?.oldest != null &&
      now - spool.oldest > lateMs &&
      warn(`Behind: ${messages(spool.waiting)} at the edge, since`, spool.oldest),
    backup?.until === 0 && warn("No copy has been made yet", null),
    backup !== null &&
      backup.until > 0 &&
      now - backup.until > copyAgeMs &&
      warn("The newest copy is of", backup.until),
    clockSkewMs !== null && Math.abs(clockSkewMs) > skewMs && warn(`Its clock is off by ${seconds(clockSkewMs)}`, null),
    diskFreeBytes !== null && diskFreeBytes < diskBytes && fail("Its disk is nearly full", null),
  ];
  return [...found.filter((one) => one !== false), ...(moving.get(node.id) ?? [])];
}

function warn(says: string, since: number | null): Trouble {
  return { tone: "warn", says, since };
}

function fail(says: string, since: number | null): Trouble {
  return { tone: "fail", says, since };
}

function messages(n: number): string {
  return n === 1 ? "1 message" : `${n} messages`;
}

export function seconds(ms: number): string {
  return `${(Math.abs(ms) / 1000).toFixed(1)} s`;
}
