/** Figures over the journal for the charts page: by day (UTC), by verdict, by sender, and how long copies took. Only what is kept is counted. */
import { and, desc, eq, gte, inArray, ne, sql, sum } from "drizzle-orm";
import { newestOf } from "./activity.ts";
import { among } from "./among.ts";
import type { World } from "./open.ts";
import { journal, journalStep, senderTally, tally } from "./schema.ts";

export type Outcome = "accepted" | "refused" | "deferred";
export type Day = { day: string } & Record<Outcome, number>;
type Tallied = { result: string; n: number };
export type Stats = {
  days: Day[];
  /** How each check came out; `none` where there was nothing to check. */
  verdicts: Record<"spf" | "dkim" | "dmarc", Tallied[]>;
  /** Why mail was refused or put off. */
  reasons: (Tallied & { outcome: Outcome })[];
  /** Taken, but filed as Junk because its author's domain asks for that. */
  junk: number;
  senders: { sender: string; n: number }[];
  /** Milliseconds from arrival to the last good step of a copy. */
  latency: { p50: number; p95: number; p99: number; n: number } | null;
};

const outcomes = ["accepted", "refused", "deferred"] as const satisfies Outcome[];
const dayMs = 86_400_000;
/** Percentiles are taken over the copies of so many newest messages. */
const latencySample = 2000;

export async function statsOf(world: World, domains: readonly string[], dayCount: number): Promise<Stats> {
  const first = firstOf(world, dayCount);
  const within = (table: typeof tally | typeof senderTally) => and(among(table.domain, domains), gte(table.day, first));
  const { day, outcome, reason, spf, dkim, dmarc, junk } = tally;
  const [rows, senders] = await world.db.batch([
    world.db
      .select({ day, outcome, reason, spf, dkim, dmarc, junk, n: sum(tally.n).mapWith(Number) })
      .from(tally)
      .where(within(tally))
      .groupBy(day, outcome, reason, spf, dkim, dmarc, junk),
    world.db
      .select({ sender: senderTally.sender, n: sum(senderTally.n).mapWith(Number) })
      .from(senderTally)
      .where(and(within(senderTally), ne(senderTally.sender, "")))
      .groupBy(senderTally.sender)
      .orderBy(desc(sum(senderTally.n)))
      .limit(8),
  ]);
  const newest = await newestOf(world, { domains, limit: latencySample });
  const byDay = Map.groupBy(rows, (row) => row.day);
  return {
    days: Array.from({ length: dayCount }, (_, i) => dayOf(first + i, byDay.get(first + i) ?? [])),
    verdicts: { spf: tallied(rows, "spf"), dkim: tallied(rows, "dkim"), dmarc: tallied(rows, "dmarc") },
    reasons: reasonsOf(rows),
    junk: total(rows.filter((row) => row.outcome === "accepted" && row.junk === 1)),
    senders,
    latency: percentiles(await tookOf(world, newest, first * dayMs)),
  };
}

type Row = Pick<typeof tally.$inferSelect, "day" | "outcome" | "reason" | "spf" | "dkim" | "dmarc" | "junk" | "n">;

function total(rows: readonly { n: number }[]): number {
  return rows.reduce((all, { n }) => all + n, 0);
}

function summed<T>(rows: readonly Row[], key: (row: Row) => T): [T, number][] {
  const counts = [...Map.groupBy(rows, key)].map(([one, some]): [T, number] => [one, total(some)]);
  return counts.filter(([, n]) => n > 0).sort(([, a], [, b]) => b - a);
}

function tallied(rows: readonly Row[], check: "spf" | "dkim" | "dmarc"): Tallied[] {
  return summed(rows, (row) => row[check]).map(([result, n]) => ({ result, n }));
}

function reasonsOf(rows: readonly Row[]): Stats["reasons"] {
  return outcomes
    .slice(1)
    .flatMap((outcome) => {
      const some = rows.filter((row) => row.outcome === outcome);
      return summed(some, (row) => row.reason).map(([result, n]) => ({ result, outcome, n }));
    })
    .sort((a, b) => b.n - a.n);
}

/** The first of so many days that end with today. */
export function firstOf(world: World, dayCount: number): number {
  return Math.floor(world.clock() / dayMs) - dayCount + 1;
}

/** How long the copies of these messages took. */
async function tookOf(world: World, ids: readonly string[], since: number): Promise<number[]> {
  const took = sql<number>`${journalStep.at} - ${journal.at}`;
  const rows = await world.db
    .select({ took })
    .from(journal)
    .innerJoin(journalStep, eq(journalStep.journal, journal.id))
    .where(
      and(
        among(journal.id, ids),
        gte(journal.at, since),
        eq(journalStep.ok, true),
        inArray(journalStep.kind, ["handed-off", "delivered", "forward"]),
      ),
    );
  return rows.map((row) => row.took);
}

function dayOf(day: number, rows: readonly Row[]): Day {
  const of = (outcome: Outcome): number => total(rows.filter((row) => row.outcome === outcome));
  const named = new Date(day * dayMs).toISOString().slice(0, 10);
  return { day: named, accepted: of("accepted"), refused: of("refused"), deferred: of("deferred") };
}

function percentiles(times: number[]): Stats["latency"] {
  if (times.length === 0) return null;
  const sorted = times.map((time) => Math.max(0, time)).sort((a, b) => a - b);
  const at = (part: number): number => sorted[Math.min(sorted.length - 1, Math.floor(part * sorted.length))] ?? 0;
  return { p50: at(0.5), p95: at(0.95), p99: at(0.99), n: sorted.length };
}
