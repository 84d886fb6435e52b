/** Reading reports for the page: by day, by who reports, by who sent or what went wrong. */
import { and, desc, eq, gte, lt } from "drizzle-orm";
import { among } from "./among.ts";
import type { World } from "./open.ts";
import type { ReportLine } from "./schema/reports.ts";
import { report } from "./schema.ts";

export type Report = typeof report.$inferSelect;
export type ReportKind = Report["kind"];

/** Some large senders report daily: thirty days of a dozen of them. */
const mostReports = 500;
const dayMs = 86_400_000;

export type ReportSummary = {
  kind: ReportKind;
  reports: Report[];
  good: number;
  bad: number;
  days: { day: string; good: number; bad: number }[];
};

export async function reportsOf(world: World, domains: readonly string[], dayCount: number): Promise<ReportSummary[]> {
  const since = world.clock() - dayCount * dayMs;
  const rows =
    domains.length === 0
      ? []
      : await world.db
          .select()
          .from(report)
          .where(and(among(report.domain, domains), gte(report.ends, since)))
          .orderBy(desc(report.ends))
          .limit(mostReports);
  const days = Array.from({ length: dayCount }, (_, at) => dayOf(since + (at + 1) * dayMs));
  return (["dmarc", "tls"] as const).map((kind) =>
    summed(
      kind,
      rows.filter((row) => row.kind === kind),
      days,
    ),
  );
}

export type ReportQuery = {
  domains: readonly string[];
  kind?: ReportKind | undefined;
  /** Id of the last row of the page before. */
  after?: string | undefined;
  limit: number;
};

export async function reportPage(
  world: World,
  { domains, kind, after, limit }: ReportQuery,
): Promise<{ items: Report[]; next: string | null }> {
  if (domains.length === 0) return { items: [], next: null };
  const wanted = [
    among(report.domain, domains),
    kind === undefined ? undefined : eq(report.kind, kind),
    after === undefined ? undefined : lt(report.id, after),
  ];
  const rows = await world.db
    .select()
    .from(report)
    .where(and(...wanted))
    .orderBy(desc(report.id))
    .limit(limit + 1);
  const items = rows.slice(0, limit);
  return { items, next: rows.length > limit ? (items.at(-1)?.id ?? null) : null };
}

/** A report covers a day, as a rule; it counts for the day on which it begins. */
function summed(kind: ReportKind, reports: Report[], days: string[]): ReportSummary {
  const sum = (of: Report[], what: "good" | "bad"): number => of.reduce((total, one) => total + one[what], 0);
  const byDay = Map.groupBy(reports, ({ begins }) => dayOf(begins));
  return {
    kind,
    reports,
    good: sum(reports, "good"),
    bad: sum(reports, "bad"),
    days: days.map((day) => {
      const of = byDay.get(day) ?? [];
      return { day, good: sum(of, "good"), bad: sum(of, "bad") };
    }),
  };
}

const dayOf = (at: number): string => new Date(at).toISOString().slice(0, 10);

export type Tallied = { name: string; good: number; bad: number };

/** Servers that sent in the domain's name, those with the most failures first: one's own that is forgotten, or a forger. */
export function sources(reports: readonly Report[]): Tallied[] {
  const lines = linesOf(reports, "dmarc");
  return tallied(
    lines,
    ({ source }) => source,
    ({ spf, dkim }) => spf === "pass" || dkim === "pass",
  );
}

export function failures(reports: readonly Report[]): Tallied[] {
  return tallied(
    linesOf(reports, "tls"),
    ({ reason }) => reason,
    () => false,
  );
}

function linesOf<K extends ReportLine["kind"]>(
  reports: readonly Report[],
  kind: K,
): Extract<ReportLine, { kind: K }>[] {
  return reports.flatMap(({ lines }) =>
    lines.filter((line): line is Extract<ReportLine, { kind: K }> => line.kind === kind),
  );
}

function tallied<L extends { count: number }>(
  lines: readonly L[],
  nameOf: (line: L) => string,
  isGood: (line: L) => boolean,
): Tallied[] {
  const found = new Map<string, Tallied>();
  for (const line of lines) {
    const name = nameOf(line);
    const row = found.get(name) ?? { name, good: 0, bad: 0 };
    row[isGood(line) ? "good" : "bad"] += line.count;
    found.set(name, row);
  }
  return [...found.values()].toSorted((a, b) => b.bad - a.bad || b.good - a.good);
}
