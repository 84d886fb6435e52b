/**
 * FETCH: batches of rows as columns. Metadata is copied as it was stored; no message is parsed. Each batch is a read of its own,
 * so no transaction is open while a client takes its time.
 */
import { Body, type ChunkTuple, sectionBytes } from "./bodies.ts";
import { chunkRoom } from "./filing.ts";
import { FlaggedColumns } from "./flags.ts";
import type { Mailbox } from "./mailbox.ts";
import { Packer } from "./packing.ts";
import type { Rows, Section, UidRanges, Want } from "./types.ts";

/** A batch ends at either. */
const mostBytes = 768 * 1024;
const mostRows = 4000;

type EntryTuple = [
  uid: number,
  modseq: number,
  flags: number,
  keywords: string,
  size: number,
  internalDate: number,
  savedAt: number,
  message: number,
];
type DetailTuple = [
  size: number,
  headerSize: number,
  parts: string,
  thread: number,
  envelope: Uint8Array | null,
  structure: Uint8Array | null,
  basic: Uint8Array | null,
  preview: string | null,
];

/** One batch, and from which UID the next one goes on (null: no more). */
export type Batch = { rows: Rows; next: number | null };

/** Consecutive entries of a folder, read with the fewest statements: each table is walked once, in the order of the entries. */
type Span = { folder: number; first: number; last: number; changedSince: number };

export function fetchBatch(mailbox: Mailbox, folder: number, ranges: UidRanges, want: Want, from: number): Batch {
  const reader = new BatchReader(mailbox, want);
  const changedSince = want.changedSince ?? 0;
  for (const [first, last] of ranges) {
    if (last < from) continue;
    const span = { folder, first: Math.max(first, from), last: Math.min(last, 0xffffffff), changedSince };
    const next = reader.addSpan(span);
    if (next !== null) return { rows: reader.done(), next };
  }
  return { rows: reader.done(), next: null };
}

/** Roughly what one message adds to a batch. */
function weigher({ envelope, structure, basicStructure, preview, ids, sections }: Want): (size: number) => number {
  const details = envelope || structure || basicStructure || preview || ids;
  const base = details ? 1200 : 60;
  if (!sections?.length) return () => base;
  return sections.some(readsBody) ? (size) => base + size : (size) => base + Math.min(size, 3000);
}

function readsBody({ part, what }: Section): boolean {
  return part.length > 0 || (what !== "header" && what !== "fields" && what !== "fields-not");
}

/** Columns of `message` that the wish needs; null when entries alone answer it. */
function detailsFor({
  envelope,
  structure,
  basicStructure,
  preview,
  ids,
  sections,
  changedSince,
}: Want): string | null {
  if (!envelope && !structure && !basicStructure && !preview && !ids && !sections?.length) return null;
  return `SELECT m.size, m.header_size, ${sections?.length ? "m.parts" : "''"}, m.thread, ${envelope ? "m.envelope" : "NULL"},
    ${structure ? "m.structure" : "NULL"}, ${basicStructure ? "m.structure_basic" : "NULL"}, ${preview ? "m.preview" : "NULL"}
    FROM entry e CROSS JOIN message m ON m.id = e.message
    WHERE e.folder = ? AND e.uid BETWEEN ? AND ? ${since("e.modseq", changedSince)} ORDER BY e.uid`;
}

// Said only where it is asked for: else the planner walks the index by modseq and sorts.
function since(column: string, changedSince: number | undefined): string {
  return changedSince === undefined ? "AND ? = 0" : `AND ${column} > ?`;
}

/** Header, and the first piece of the body where it is wanted: all there is of most messages. */
function chunksFor(sections: readonly Section[], changedSince: number | undefined): string {
  const last = sections.some(readsBody) ? 1 : 0;
  return `SELECT e.message, b.id % ${chunkRoom}, b.codec, b.bytes
    FROM entry e CROSS JOIN body b ON b.id BETWEEN e.message * ${chunkRoom} AND e.message * ${chunkRoom} + ${last}
    WHERE e.folder = ? AND e.uid BETWEEN ? AND ? ${since("e.modseq", changedSince)} ORDER BY e.uid`;
}

class BatchReader {
  readonly #mailbox: Mailbox;
  readonly #want: Want;
  readonly #details: string | null;
  readonly #weigh: (size: number) => number;
  #weight = 0;
  readonly #flagged = new FlaggedColumns();
  readonly #sizes: number[] = [];
  readonly #internal: number[] = [];
  readonly #saved: number[] = [];
  readonly #envelopes = new Packer();
  readonly #structures = new Packer();
  readonly #basics = new Packer();
  readonly #previews = new Packer();
  readonly #emailIds: string[] = [];
  readonly #threadIds: string[] = [];
  readonly #sections: Packer[];

  constructor(mailbox: Mailbox, want: Want) {
    this.#mailbox = mailbox;
    this.#want = want;
    this.#details = detailsFor(want);
    this.#weigh = weigher(want);
    this.#sections = (want.sections ?? []).map(() => new Packer());
  }

  /** Adds what fits; answers where the next batch begins, or null when the span is done. */
  addSpan(span: Span): number | null {
    const room = mostRows - this.#flagged.length;
    const entries = this.#mailbox.db.tuples<EntryTuple>(
      `SELECT uid, modseq, flags, keywords, size, internal_date, saved_at, message FROM entry
       WHERE folder = ? AND uid BETWEEN ? AND ? ${since("modseq", this.#want.changedSince)} ORDER BY uid LIMIT ?`,
      span.folder,
      span.first,
      span.last,
      span.changedSince,
      room + 1,
    );
    const fitting = this.#fitting(entries, room);
    const last = entries[fitting - 1];
    if (last) this.#addAll(entries.slice(0, fitting), { ...span, last: last[0] });
    return entries[fitting]?.[0] ?? null;
  }

  // The first message of a batch always fits.
  #fitting(entries: readonly EntryTuple[], room: number): number {
    let count = 0;
    for (const [, , , , size] of entries) {
      if (count === room || (this.#weight > 0 && this.#weight >= mostBytes)) break;
      this.#weight += this.#weigh(size);
      count++;
    }
    return count;
  }

  #addAll(entries: readonly EntryTuple[], { folder, first, last, changedSince }: Span): void {
    for (const [uid, modseq, flags, keywords, size, internalDate, savedAt] of entries) {
      this.#flagged.push(uid, modseq, flags, keywords);
      this.#sizes.push(size);
      this.#internal.push(internalDate);
      this.#saved.push(savedAt);
    }
    if (this.#details === null) return;
    const { db } = this.#mailbox;
    const details = db.tuples<DetailTuple>(this.#details, folder, first, last, changedSince);
    if (details.length !== entries.length) throw new Error("an entry without its message");
    const chunks = new Map<number, ChunkTuple[]>();
    if (this.#sections.length > 0) {
      const statement = chunksFor(this.#want.sections ?? [], this.#want.changedSince);
      for (const [message, ...chunk] of db.tuples<[number, ...ChunkTuple]>(
        statement,
        folder,
        first,
        last,
        changedSince,
      )) {
        const had = chunks.get(message);
        if (had) had.push(chunk);
        else chunks.set(message, [chunk]);
      }
    }
    for (const [i, detail] of details.entries()) this.#addDetail(entries[i]?.[7] ?? 0, detail, chunks);
  }

  #addDetail(message: number, detail: DetailTuple, chunks: ReadonlyMap<number, ChunkTuple[]>): void {
    const [size, headerSize, parts, thread, envelope, structure, basic, preview] = detail;
    if (this.#want.envelope) this.#envelopes.push(envelope);
    if (this.#want.structure) this.#structures.push(structure);
    if (this.#want.basicStructure) this.#basics.push(basic);
    if (this.#want.preview) this.#previews.push(Buffer.from(preview ?? ""));
    if (this.#want.ids) {
      this.#emailIds.push(emailId(message));
      this.#threadIds.push(threadId(thread || message));
    }
    if (this.#sections.length === 0) return;
    const body = new Body(this.#mailbox.db, { message, size, headerSize, parts }, chunks.get(message));
    for (const [i, section] of (this.#want.sections ?? []).entries())
      this.#sections[i]?.push(sectionBytes(body, section));
  }

  done(): Rows {
    const { envelope, structure, basicStructure, preview, ids } = this.#want;
    return {
      ...this.#flagged.done(),
      sizes: Uint32Array.from(this.#sizes),
      internalDates: Float64Array.from(this.#internal),
      savedAt: Float64Array.from(this.#saved),
      ...(envelope ? { envelopes: this.#envelopes.done() } : {}),
      ...(structure ? { structures: this.#structures.done() } : {}),
      ...(basicStructure ? { basicStructures: this.#basics.done() } : {}),
      ...(preview ? { previews: this.#previews.done() } : {}),
      ...(ids ? { emailIds: this.#emailIds, threadIds: this.#threadIds } : {}),
      ...(this.#sections.length > 0 ? { sections: this.#sections.map((section) => section.done()) } : {}),
    };
  }
}

export function emailId(message: number): string {
  return `M${message}`;
}

export function threadId(thread: number): string {
  return `T${thread}`;
}

export function bodyOf(mailbox: Mailbox, folder: number, uid: number): Body | null {
  const row = mailbox.db.get<{ message: number; size: number; headerSize: number; parts: string }>(
    `SELECT m.id AS message, m.size AS size, m.header_size AS headerSize, m.parts AS parts FROM entry e
     JOIN message m ON m.id = e.message WHERE e.folder = ? AND e.uid = ?`,
    folder,
    uid,
  );
  return row ? new Body(mailbox.db, row) : null;
}
