/**
 * Writing the journal: a row when a verdict stands, before anything leaves; steps as each copy goes its way. Watchers of the
 * domain's activity are told after the write. No subject and no body ever come here.
 */
import { eq, type SQL, sql } from "drizzle-orm";
import type { BatchItem } from "drizzle-orm/batch";
import { type Reply, replyLine } from "../../src/core/reply.ts";
import { publish } from "../live.ts";
import type { Edge } from "../platform.ts";
import { relayBox } from "../spool.ts";
import { among } from "./among.ts";
import type { Directory } from "./open.ts";
import { journal, journalStep } from "./schema.ts";
import { remember } from "./seen.ts";

export type JournalRow = typeof journal.$inferInsert;
export type Outcome = JournalRow["outcome"];
/** `id` where a step may be reported twice and counts once. */
export type Step = { id?: string; journal: string; kind: string; target: string; ok: boolean; detail: string };
/** A copy in the spool, which knows no address: it is named as its first step names it (`copyStep`), else by its mailbox or its own id. */
export type Copy = { box: string; id: string };
export type LaterStep = Omit<Step, "target"> & { target: string | Copy };
/** How a recipient's message ended at the entrance. */
export type Ending = {
  journal: string;
  domain: string;
  steps: readonly Step[];
  /** Set when the outcome is not what the row says already. */
  changed: boolean;
  outcome: { kind: Outcome; reason: string; reply: Reply };
  /** To be remembered, so that a retry does nothing. */
  seenKey: string | null;
};

type Statements = [BatchItem<"sqlite">, ...BatchItem<"sqlite">[]];

export async function openJournal(edge: Edge, rows: readonly JournalRow[]): Promise<void> {
  // One statement a row: a row has 18 columns and D1 binds at most 100 parameters.
  const [first, ...rest] = rows.map((row) => edge.db.insert(journal).values(row));
  if (first !== undefined) await edge.db.batch([first, ...rest]);
  for (const row of rows) announce(edge, row.domain, row.id, "message");
}

/** What became of each recipient's copy, in one batch. */
export async function closeJournal(edge: Edge, endings: readonly Ending[]): Promise<void> {
  await write(
    edge,
    endings.flatMap((ending) => closing(edge, ending)),
  );
  for (const { domain, journal: id, steps, changed } of endings)
    if (changed || steps.length > 0) announce(edge, domain, id, "step");
}

function closing(edge: Edge, ending: Ending): BatchItem<"sqlite">[] {
  const now = edge.clock();
  const { kind, reason, reply } = ending.outcome;
  const row = { outcome: kind, reason, reply: replyLine(reply) };
  return [
    ...ending.steps.map((step) => insertStep(edge, step, now)),
    ...(ending.changed ? [edge.db.update(journal).set(row).where(eq(journal.id, ending.journal))] : []),
    ...(ending.seenKey === null ? [] : [remember(edge.db, ending.seenKey, ending.journal, now)]),
  ];
}

/** Steps that are learned later, by hand-off or from a node; a row that has expired is no trouble. */
export async function addSteps(edge: Edge, steps: readonly LaterStep[]): Promise<void> {
  const ids = new Set(steps.map((step) => step.journal));
  const rows = await edge.db
    .select({ id: journal.id, domain: journal.domain })
    .from(journal)
    .where(among(journal.id, ids));
  const domains = new Map(rows.map(({ id, domain }) => [id, domain]));
  const now = edge.clock();
  const known = steps.filter((step) => domains.has(step.journal));
  await write(
    edge,
    known.map((step) => insertStep(edge, step, now)),
  );
  for (const [id, domain] of domains) announce(edge, domain, id, "step");
}

/** Which of these steps are written already. */
export async function stepsKnown(db: Directory, ids: readonly string[]): Promise<Set<string>> {
  if (ids.length === 0) return new Set();
  const rows = await db.select({ id: journalStep.id }).from(journalStep).where(among(journalStep.id, ids));
  return new Set(rows.map(({ id }) => id));
}

/** Null for a row that has expired. */
export async function domainOfJournal(db: Directory, id: string): Promise<string | null> {
  const [row] = await db.select({ domain: journal.domain }).from(journal).where(eq(journal.id, id)).limit(1);
  return row?.domain ?? null;
}

/** Null for one whose message has expired. */
export async function stepWithDomain(db: Directory, id: string): Promise<{ target: string; domain: string } | null> {
  const [row] = await db
    .select({ target: journalStep.target, domain: journal.domain })
    .from(journalStep)
    .innerJoin(journal, eq(journal.id, journalStep.journal))
    .where(eq(journalStep.id, id))
    .limit(1);
  return row ?? null;
}

/** The id of the step by which a copy in the spool was told first. */
export function copyStep(message: string, id: string): string {
  return `copy:${message}:${id}`;
}

function insertStep(edge: Edge, step: LaterStep, at: number): BatchItem<"sqlite"> {
  const target = typeof step.target === "string" ? step.target : nameOf(step.journal, step.target);
  const row = { ...step, id: step.id ?? edge.newId(), at, target, detail: step.detail.slice(0, 500) };
  return edge.db.insert(journalStep).values(row).onConflictDoNothing();
}

function nameOf(message: string, { box, id }: Copy): SQL<string> {
  const first = sql`(select first.target from journal_step first where first.id = ${copyStep(message, id)})`;
  return sql`coalesce(${first}, ${box === relayBox ? id : box})`;
}

function announce(edge: Edge, domain: string, id: string, kind: "message" | "step"): void {
  if (domain !== "") edge.later(publish(edge.env, { kind, journal: id, domain }));
}

async function write(edge: Edge, statements: BatchItem<"sqlite">[]): Promise<void> {
  if (isSome(statements)) await edge.db.batch(statements);
}

function isSome(statements: BatchItem<"sqlite">[]): statements is Statements {
  return statements.length > 0;
}
