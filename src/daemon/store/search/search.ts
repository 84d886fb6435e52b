/**
 * SEARCH over a folder in slices, so that other sessions of the same thread get their turn between two. Stored columns are the
 * database's to compare; what is left of the query is tested on the messages that it lets through.
 */
import type { Mailbox } from "../mailbox.ts";
import type { Query } from "../types.ts";
import { Candidate, type CandidateTuple } from "./candidate.ts";
import { type Condition, conditionOf, joined } from "./condition.ts";
import { placesOf } from "./listed.ts";
import { Pace, type Pause } from "./pace.ts";
import { compile, type Test } from "./query.ts";

const rowsAtOnce = 4000;

export type Found = { uids: number[]; highestModseq: number };

/** Matching UIDs ascending, and the highest modseq among them. */
export async function findMatches(mailbox: Mailbox, folder: number, query: Query, pause: Pause): Promise<Found> {
  const listed = inListing(mailbox, folder, query);
  if (listed) return listed;
  const { condition, test } = parted(mailbox, query);
  const pace = new Pace(pause);
  const found: Found = { uids: [], highestModseq: 0 };
  for await (const window of windows(mailbox, folder, pace)) {
    if (test) await testAll(mailbox, { folder, condition, test }, window, pace, found);
    else addAll(mailbox, folder, condition, window, found);
  }
  return found;
}

function inListing(mailbox: Mailbox, id: number, query: Query): Found | null {
  const folder = mailbox.folder(id);
  const known = mailbox.listings.known(mailbox, folder);
  const places = known && placesOf(query, known, mailbox.hooks.now(), () => mailbox.listings.sentDays(mailbox, folder));
  if (!known || !places) return null;
  const { uids, modseqs } = known.listing;
  let highestModseq = 0;
  for (const at of places) highestModseq = Math.max(highestModseq, modseqs[at] as number);
  return { uids: places.map((at) => uids[at] as number), highestModseq };
}

type Parted = { condition: Condition; test: Test | null };

/** The parts of a conjunction that SQL decides, and a test of the others. */
function parted(mailbox: Mailbox, query: Query): Parted {
  const now = mailbox.hooks.now();
  const parts = conjuncts(query).map((part) => ({ part, condition: conditionOf(part, now) }));
  const condition = joined(
    "and",
    parts.map((one) => one.condition).filter((one) => one !== null),
  );
  const rest = parts.filter((one) => one.condition === null).map(({ part }) => part);
  const test = rest.length > 0 ? compile({ kind: "and", of: rest }, now, mailbox.mayHold) : null;
  return { condition: condition ?? everything, test };
}

const everything: Condition = { sql: "1", values: [], words: false };
/** A conjunction longer than this is tested, not written. */
const mostConjuncts = 20;

function conjuncts(query: Query): readonly Query[] {
  const flat = flattened(query);
  return flat.length > mostConjuncts ? [query] : flat;
}

function flattened(query: Query): readonly Query[] {
  return query.kind === "and" ? query.of.flatMap(flattened) : [query];
}

type Window = { first: number; last: number };

/** A folder in pieces of so many messages. */
async function* windows({ db }: Mailbox, folder: number, pace: Pace): AsyncGenerator<Window> {
  for (let first = 1; ; ) {
    const next = db.value<number>(
      "SELECT uid FROM entry WHERE folder = ? AND uid >= ? ORDER BY uid LIMIT 1 OFFSET ?",
      folder,
      first,
      rowsAtOnce,
    );
    yield { first, last: next === undefined ? 0xffffffff : next - 1 };
    if (next === undefined) return;
    first = next;
    await pace.rest();
  }
}

function rowsWhere(columns: string, { sql, words }: Condition): string {
  const join = words ? "CROSS JOIN words w INDEXED BY words_sent ON w.message = e.message" : "";
  return `SELECT ${columns} FROM entry e ${join} WHERE e.folder = ? AND e.uid BETWEEN ? AND ? AND (${sql}) ORDER BY e.uid`;
}

function addAll({ db }: Mailbox, folder: number, condition: Condition, { first, last }: Window, found: Found): void {
  const sql = rowsWhere("e.uid, e.modseq", condition);
  for (const [uid, modseq] of db.tuples<[number, number]>(sql, folder, first, last, ...condition.values)) {
    found.uids.push(uid);
    found.highestModseq = Math.max(found.highestModseq, modseq);
  }
}

const entryColumns = "e.uid, e.message, e.flags, e.keywords, e.modseq, e.internal_date, e.saved_at, e.size";

type Wanted = { folder: number; condition: Condition; test: Test };

async function testAll(mailbox: Mailbox, wanted: Wanted, window: Window, pace: Pace, found: Found): Promise<void> {
  const { folder, condition, test } = wanted;
  const sql = rowsWhere(entryColumns, condition);
  const { first, last } = window;
  for (const row of mailbox.db.tuples<CandidateTuple>(sql, folder, first, last, ...condition.values)) {
    const one = new Candidate(mailbox, row);
    if (holds(mailbox, folder, test, one)) {
      found.uids.push(one.uid);
      found.highestModseq = Math.max(found.highestModseq, one.modseq);
    }
    if (pace.isOver) await pace.rest();
  }
}

// Between two pauses another session may expunge what this one is about to look at.
function holds(mailbox: Mailbox, folder: number, test: Test, one: Candidate): boolean {
  try {
    return test.holds(one);
  } catch (cause) {
    const isThere = mailbox.db.value("SELECT 1 FROM entry WHERE folder = ? AND uid = ?", folder, one.uid) !== undefined;
    if (isThere) throw cause;
    return false;
  }
}

export async function search(mailbox: Mailbox, folder: number, query: Query, pause: Pause) {
  const { uids, highestModseq } = await findMatches(mailbox, folder, query, pause);
  return { uids: Uint32Array.from(uids), highestModseq: asksForModseq(query) ? highestModseq : 0 };
}

function asksForModseq(query: Query): boolean {
  if (query.kind === "modseq") return true;
  if (query.kind === "not") return asksForModseq(query.of);
  return (query.kind === "and" || query.kind === "or") && query.of.some(asksForModseq);
}
