/**
 * FETCH: batches of rows as columns. Metadata is copied as it was stored; no message is parsed. Each batch is a read of its own,
 * so no transaction is open while a client takes its time.
 */

import type { Database } from "../sqlite/database.ts";
import { sectionBytes } from "./bodies.ts";
import { Body, type BodyRow, type ChunkTuple } from "./body.ts";
import { chunkRoom } from "./chunks.ts";
import { Columns } from "./columns.ts";
import { FlaggedColumns } from "./flags.ts";
import type { Mailbox } from "./mailbox.ts";
import { isInBrief } from "./mime/brief.ts";
import { Packer } from "./packing.ts";
import type { Packed, Rows, Section, UidRanges, Want } from "./types.ts";

/** A batch ends at either. */
const mostBytes = 768 * 1024;
const mostRows = 4000;

type Entry = [
  uid: number,
  modseq: number,
  flags: number,
  keywords: string,
  size: number,
  internalDate: number,
  savedAt: number,
  message: number,
];

/** One batch, and from which UID the next one goes on (null: no more). */
export type Batch = { rows: Rows; next: number | null };

export function fetchBatch({ db }: Mailbox, folder: number, ranges: UidRanges, want: Want, from: number): Batch {
  const { entries, next } = entriesFor(db, folder, ranges, want, from);
  return { rows: rowsOf(db, entries, want), next };
}

/** As many entries as make a batch; the first one always fits. */
function entriesFor(db: Database, folder: number, ranges: UidRanges, want: Want, from: number) {
  const weigh = weigher(want);
  const all: Entry[] = [];
  let weight = 0;
  for (const [first, last] of ranges) {
    if (last < from) continue;
    for (const entry of entriesIn(db, folder, [Math.max(first, from), last], want, mostRows + 1 - all.length)) {
      if (all.length === mostRows || weight >= mostBytes) return { entries: all, next: entry[0] };
      weight += weigh(entry[4]);
      all.push(entry);
    }
  }
  return { entries: all, next: null };
}

function entriesIn(db: Database, folder: number, [first, last]: UidRanges[number], want: Want, most: number): Entry[] {
  // Modseqs are spoken of only where they are asked for: else the planner walks their index and sorts.
  const since = want.changedSince === undefined ? "? = 0" : "modseq > ?";
  return db.tuples<Entry>(
    `SELECT uid, modseq, flags, keywords, size, internal_date, saved_at, message FROM entry
     WHERE folder = ? AND uid BETWEEN ? AND ? AND ${since} ORDER BY uid LIMIT ?`,
    folder,
    first,
    Math.min(last, 0xffffffff),
    want.changedSince ?? 0,
    most,
  );
}

/** Roughly what one message adds to a batch. */
function weigher({ envelope, structure, basicStructure, preview, sections }: Want): (size: number) => number {
  const base = 60 + (envelope ? 500 : 0) + (structure || basicStructure ? 250 : 0) + (preview ? 250 : 0);
  if (!sections?.length) return () => base;
  if (sections.some(readsBody)) return (size) => base + size;
  return sections.every(isBrief) ? () => base + 600 : (size) => base + Math.min(size, 3000);
}

function readsBody({ part, what }: Section): boolean {
  return part.length > 0 || (what !== "header" && what !== "fields" && what !== "fields-not");
}

function isBrief({ part, what, fields, partial }: Section): boolean {
  return part.length === 0 && what === "fields" && partial === undefined && isInBrief(fields ?? []);
}

function rowsOf(db: Database, entries: readonly Entry[], want: Want): Rows {
  const flagged = new FlaggedColumns();
  for (const [uid, modseq, flags, keywords] of entries) flagged.push(uid, modseq, flags, keywords);
  const messages = entries.map((entry) => entry[7]);
  const columns = new Columns(db, messages);
  return {
    ...flagged.done(),
    sizes: Uint32Array.from(entries, (entry) => entry[4]),
    internalDates: Float64Array.from(entries, (entry) => entry[5]),
    savedAt: Float64Array.from(entries, (entry) => entry[6]),
    ...(want.envelope ? { envelopes: columns.envelopes() } : {}),
    ...(want.structure ? { structures: columns.structures() } : {}),
    ...(want.basicStructure ? { basicStructures: columns.basicStructures() } : {}),
    ...(want.preview ? { previews: columns.previews() } : {}),
    ...(want.ids ? idsOf(messages, columns.threads()) : {}),
    ...(want.sections?.length ? { sections: sectionsOf(db, messages, columns, want.sections) } : {}),
  };
}

function idsOf(messages: readonly number[], threads: readonly number[]): Pick<Rows, "emailIds" | "threadIds"> {
  return {
    emailIds: messages.map(emailId),
    threadIds: messages.map((message, i) => threadId(threads[i] || message)),
  };
}

function sectionsOf(
  db: Database,
  messages: readonly number[],
  columns: Columns,
  sections: readonly Section[],
): readonly Packed[] {
  const read = sections.filter((section) => !isBrief(section));
  const packers = new Map(read.map((section) => [section, new Packer()]));
  for (const body of read.length > 0 ? bodiesOf(db, messages, read.some(readsBody)) : []) {
    for (const [section, packer] of packers) packer.push(sectionBytes(body, section));
  }
  return sections.map((section) => packers.get(section)?.done() ?? columns.briefFields(section));
}

type DetailTuple = [size: number, headerSize: number, parts: string, stretches: string | null];

/** Read with the fewest statements: each table is walked once. `whole`: more than headers will be wanted. */
function* bodiesOf(db: Database, messages: readonly number[], whole: boolean): Generator<Body> {
  const list = JSON.stringify(messages);
  const details = db.tuples<DetailTuple>(
    "SELECT m.size, m.header_size, m.parts, m.stretches FROM json_each(?) j CROSS JOIN message m ON m.id = j.value",
    list,
  );
  if (details.length !== messages.length) throw new Error("an entry without its message");
  const chunks = firstChunks(db, list, whole ? 1 : 0);
  for (const [i, [size, headerSize, parts, stretches]] of details.entries()) {
    yield new Body(db, { message: messages[i] ?? 0, size, headerSize, parts, stretches }, chunks.get(i));
  }
}

/** Header, and the first piece of the body where it is wanted: all there is of most messages. By place in the list. */
function firstChunks(db: Database, list: string, last: 0 | 1): Map<number, ChunkTuple[]> {
  const chunks = new Map<number, ChunkTuple[]>();
  const rows = db.tuples<[number, ...ChunkTuple]>(
    `SELECT j.key, b.id % ${chunkRoom}, b.codec, b.bytes FROM json_each(?) j
     CROSS JOIN body b ON b.id BETWEEN j.value * ${chunkRoom} AND j.value * ${chunkRoom} + ${last}`,
    list,
  );
  for (const [place, ...chunk] of rows) {
    const had = chunks.get(place);
    if (had) had.push(chunk);
    else chunks.set(place, [chunk]);
  }
  return chunks;
}

export function emailId(message: number): string {
  return `M${message}`;
}

export function threadId(thread: number): string {
  return `T${thread}`;
}

export function bodyOf(mailbox: Mailbox, folder: number, uid: number): Body | null {
  const row = mailbox.db.get<BodyRow>(
    `SELECT m.id AS message, m.size AS size, m.header_size AS headerSize, m.parts AS parts, m.stretches AS stretches FROM entry e
     JOIN message m ON m.id = e.message WHERE e.folder = ? AND e.uid = ?`,
    folder,
    uid,
  );
  return row ? new Body(mailbox.db, row) : null;
}
