/** Reading the journal: what came, what was found out about it, and where each copy went. Written by `journal.ts`. */
import { and, asc, eq, gte, lt, or, type SQL, type SQLWrapper, sql } from "drizzle-orm";
import type { Proof } from "../../src/core/proof/types.ts";
import { among } from "./among.ts";
import type { World } from "./open.ts";
import { notFound } from "./problem.ts";
import { journal, journalStep } from "./schema.ts";

export type Step = typeof journalStep.$inferSelect;
export type Message = Omit<typeof journal.$inferSelect, "proof"> & { proof: Proof | null; steps: Step[] };

export type ActivityQuery = {
  domains: readonly string[];
  outcome?: "accepted" | "refused" | "deferred" | undefined;
  /** Part of sender or recipient. */
  text?: string | undefined;
  /** Id of the last row of the page before. */
  before?: string | undefined;
  limit: number;
};

/**
 * A page. One that is narrowed looks at so many messages at most and may have few rows, or none, and still a next page: there the
 * search goes on.
 */
export async function activity(world: World, query: ActivityQuery): Promise<{ rows: Message[]; next: string | null }> {
  const { domains, limit } = query;
  if (domains.length === 0) return { rows: [], next: null };
  const isNarrowed = query.outcome !== undefined || Boolean(query.text?.trim());
  const depth = isNarrowed ? Math.max(Math.ceil(mostRead / domains.length), limit + 1) : limit + 1;
  const floor = await floorOf(world, query, depth);
  const found = await world.db
    .select()
    .from(journal)
    .where(and(...conditions(query), floor === null ? undefined : gte(journal.id, floor)))
    .orderBy(newestFirst)
    .limit(limit + 1);
  const rows = await withSteps(world, found.slice(0, limit));
  return { rows, next: found.length > limit ? (rows.at(-1)?.id ?? null) : floor };
}

/** Looked at for one narrowed page. */
const mostRead = 20_000;

/** No plan by the primary key, which would read everybody's messages. */
const newestFirst = sql`+${journal.id} desc`;

/** Down to this id all messages are among the `depth` newest of their domain; null: to the end. Read from the index alone. */
async function floorOf(
  world: World,
  { domains, before }: Pick<ActivityQuery, "domains" | "before">,
  depth: number,
): Promise<string | null> {
  const { results } = await world.db.$client
    .prepare(
      `select max((select j.id from journal j where j.domain = d.value and (?2 is null or j.id < ?2)
         order by j.id desc limit 1 offset ?3)) as floor from json_each(?1) d`,
    )
    .bind(JSON.stringify(domains), before ?? null, depth - 1)
    .all<{ floor: string | null }>();
  return results[0]?.floor ?? null;
}

/** Ids of the newest messages, from the index alone, and no deeper into any domain than it takes. */
export async function newestOf(
  world: World,
  { domains, limit }: Pick<ActivityQuery, "domains" | "limit">,
): Promise<string[]> {
  const floor = await floorOf(world, { domains }, limit);
  const rows = await world.db
    .select({ id: journal.id })
    .from(journal)
    .where(and(among(journal.domain, domains), floor === null ? undefined : gte(journal.id, floor)))
    .orderBy(newestFirst)
    .limit(limit);
  return rows.map(({ id }) => id);
}

export async function message(world: World, domains: readonly string[], id: string): Promise<Message> {
  if (domains.length === 0) throw notFound("message");
  const found = await world.db
    .select()
    .from(journal)
    .where(and(eq(journal.id, id), among(journal.domain, domains)))
    .limit(1);
  const [row] = await withSteps(world, found);
  if (row === undefined) throw notFound("message");
  return row;
}

// instr and not LIKE: D1 refuses LIKE patterns of more than 50 bytes.
function conditions(query: ActivityQuery): (SQL | undefined)[] {
  const text = query.text?.trim().toLowerCase();
  const has = (column: SQLWrapper): SQL => sql`instr(lower(${column}), ${text}) > 0`;
  return [
    among(journal.domain, query.domains),
    query.outcome === undefined ? undefined : eq(journal.outcome, query.outcome),
    query.before === undefined ? undefined : lt(journal.id, query.before),
    text ? or(has(journal.recipient), has(journal.author), has(journal.mailFrom)) : undefined,
  ];
}

async function withSteps(world: World, rows: (typeof journal.$inferSelect)[]): Promise<Message[]> {
  if (rows.length === 0) return [];
  const ids = rows.map((row) => row.id);
  const steps = await world.db
    .select()
    .from(journalStep)
    .where(among(journalStep.journal, ids))
    .orderBy(asc(journalStep.at), asc(journalStep.id));
  return rows.map((row) => ({
    ...row,
    proof: row.proof as Proof | null,
    steps: steps.filter((step) => step.journal === row.id),
  }));
}
