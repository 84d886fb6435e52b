/** Figures over the journal for the charts page: by day, by verdict, by sender, and how long copies took. Only what is kept is counted. */
import { and, count, desc, eq, gte, inArray, ne, type SQL, sql } from "drizzle-orm";
import { among } from "./among.ts";
import type { World } from "./open.ts";
import { journal, journalStep } from "./schema.ts";

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

const dayMs = 86_400_000;
/** Percentiles are taken over so many newest copies. */
const latencySample = 2000;

export async function statsOf(world: World, domains: readonly string[], dayCount: number): Promise<Stats> {
  const since = world.clock() - dayCount * dayMs;
  const here = and(among(journal.domain, domains), gte(journal.at, since));
  const day = sql<string>`date(${journal.at} / 1000, 'unixepoch')`;
  const spf = resultAt("$.spf.result");
  const dmarc = resultAt("$.dmarc.result");
  // Several signatures: a passing one speaks for the message, else the first does.
  const dkim = sql<string>`coalesce((select value ->> '$.result' from json_each(${journal.proof}, '$.dkim')
    order by value ->> '$.result' = 'pass' desc, key limit 1), case when ${journal.proof} is null then 'not checked' else 'none' end)`;
  const junk = sql<number>`sum(${journal.proof} ->> '$.dmarc.disposition' = 'quarantine')`;
  const sender = sql<string>`lower(substr(${journal.author}, instr(${journal.author}, '@') + 1))`;
  const took = sql<number>`${journalStep.at} - ${journal.at}`;
  const { db } = world;
  const by = (result: SQL<string>) =>
    db.select({ result, n: count() }).from(journal).where(here).groupBy(result).orderBy(desc(count()));
  const [byDay, bySpf, byDkim, byDmarc, reasons, junked, senders, times] = await db.batch([
    db.select({ day, outcome: journal.outcome, n: count() }).from(journal).where(here).groupBy(day, journal.outcome),
    by(spf),
    by(dkim),
    by(dmarc),
    db
      .select({ result: journal.reason, outcome: journal.outcome, n: count() })
      .from(journal)
      .where(and(here, ne(journal.outcome, "accepted")))
      .groupBy(journal.reason, journal.outcome)
      .orderBy(desc(count())),
    db
      .select({ n: junk })
      .from(journal)
      .where(and(here, eq(journal.outcome, "accepted"))),
    db.select({ sender, n: count() }).from(journal).where(here).groupBy(sender).orderBy(desc(count())).limit(8),
    db
      .select({ took })
      .from(journalStep)
      .innerJoin(journal, eq(journal.id, journalStep.journal))
      .where(and(here, eq(journalStep.ok, true), inArray(journalStep.kind, ["handed-off", "delivered", "forward"])))
      .orderBy(desc(journalStep.at))
      .limit(latencySample),
  ]);
  const all = daysBetween(since + dayMs, world.clock());
  const days = all.map((one) =>
    dayOf(
      one,
      byDay.filter((row) => row.day === one),
    ),
  );
  return {
    days,
    verdicts: { spf: bySpf, dkim: byDkim, dmarc: byDmarc },
    reasons,
    junk: junked[0]?.n ?? 0,
    senders: senders.filter((one) => one.sender !== ""),
    latency: percentiles(times.map((one) => one.took)),
  };
}

function resultAt(path: string): SQL<string> {
  return sql<string>`coalesce(${journal.proof} ->> ${path}, 'not checked')`;
}

function dayOf(day: string, rows: { outcome: Outcome; n: number }[]): Day {
  const of = (outcome: Outcome): number => rows.find((row) => row.outcome === outcome)?.n ?? 0;
  return { day, accepted: of("accepted"), refused: of("refused"), deferred: of("deferred") };
}

function daysBetween(from: number, to: number): string[] {
  const days: string[] = [];
  for (let at = from; at <= to; at += dayMs) days.push(new Date(at).toISOString().slice(0, 10));
  return days;
}

function percentiles(times: number[]): Stats["latency"] {
  if (times.length === 0) return null;
  const sorted = times.map((time) => Math.max(0, time)).sort((a, b) => a - b);
  const at = (part: number): number => sorted[Math.min(sorted.length - 1, Math.floor(part * sorted.length))] ?? 0;
  return { p50: at(0.5), p95: at(0.95), p99: at(0.99), n: sorted.length };
}
