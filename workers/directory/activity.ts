/** Reading the journal: what came, what was found out about it, and where each copy went. Written by `journal.ts`. */
import { and, asc, desc, eq, lt, or, type SQL, type SQLWrapper, sql } from "drizzle-orm";
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

export async function activity(world: World, query: ActivityQuery): Promise<{ rows: Message[]; next: string | null }> {
  if (query.domains.length === 0) return { rows: [], next: null };
  const found = await world.db
    .select()
    .from(journal)
    .where(and(...conditions(query)))
    .orderBy(desc(journal.id))
    .limit(query.limit + 1);
  const rows = await withSteps(world, found.slice(0, query.limit));
  return { rows, next: found.length > query.limit ? (rows.at(-1)?.id ?? null) : null };
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
