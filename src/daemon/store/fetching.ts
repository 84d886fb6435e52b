/**
 * FETCH: batches of rows as columns. Metadata is copied as it was stored; no message is parsed. Each batch is a read of its own,
 * so no transaction is open while a client takes its time.
 */
import { Body, sectionBytes } from "./bodies.ts";
import { FlaggedColumns } from "./flags.ts";
import type { Mailbox } from "./mailbox.ts";
import { Packer } from "./packing.ts";
import type { Rows, UidRanges, Want } from "./types.ts";

/** A batch ends at either. Rows without bytes are cheap: more of them fit. */
const mostBytes = 768 * 1024;
const mostRows = 600;
const mostBareRows = 4000;

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

export function fetchBatch(mailbox: Mailbox, folder: number, ranges: UidRanges, want: Want, from: number): Batch {
  const details = detailsFor(want);
  const reader = new BatchReader(mailbox, want, details);
  const most = details === null ? mostBareRows : mostRows;
  for (const [first, last] of ranges) {
    if (last < from) continue;
    const left = most - reader.length;
    const entries = mailbox.db.tuples<EntryTuple>(
      `SELECT uid, modseq, flags, keywords, size, internal_date, saved_at, message FROM entry
       WHERE folder = ? AND uid BETWEEN ? AND ? ${want.changedSince === undefined ? "" : "AND modseq > ?"} ORDER BY uid LIMIT ${most}`,
      folder,
      Math.max(first, from),
      Math.min(last, 0xffffffff),
      ...(want.changedSince === undefined ? [] : [want.changedSince]),
    );
    for (const [i, entry] of entries.entries()) {
      if (i >= left || reader.isFull) return { rows: reader.done(), next: entry[0] };
      reader.add(entry);
    }
    // The limit cut this range short exactly at the batch's end.
    if (entries.length === most) return { rows: reader.done(), next: (entries.at(-1)?.[0] ?? 0) + 1 };
  }
  return { rows: reader.done(), next: null };
}

/** Columns of `message` that the wish needs; null when entries alone answer it. */
function detailsFor(want: Want): string | null {
  const { envelope, structure, basicStructure, preview, ids, sections } = want;
  if (!envelope && !structure && !basicStructure && !preview && !ids && !sections?.length) return null;
  return `SELECT size, header_size, ${sections?.length ? "parts" : "''"}, thread, ${envelope ? "envelope" : "NULL"},
    ${structure ? "structure" : "NULL"}, ${basicStructure ? "structure_basic" : "NULL"}, ${preview ? "preview" : "NULL"}
    FROM message WHERE id = ?`;
}

class BatchReader {
  readonly #mailbox: Mailbox;
  readonly #want: Want;
  readonly #details: string | null;
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

  constructor(mailbox: Mailbox, want: Want, details: string | null) {
    this.#mailbox = mailbox;
    this.#want = want;
    this.#details = details;
    this.#sections = (want.sections ?? []).map(() => new Packer());
  }

  get length(): number {
    return this.#flagged.length;
  }

  get isFull(): boolean {
    let bytes = this.#envelopes.bytes + this.#structures.bytes + this.#basics.bytes;
    for (const section of this.#sections) bytes += section.bytes;
    return bytes >= mostBytes;
  }

  add([uid, modseq, flags, keywords, size, internalDate, savedAt, message]: EntryTuple): void {
    this.#flagged.push(uid, modseq, flags, keywords);
    this.#sizes.push(size);
    this.#internal.push(internalDate);
    this.#saved.push(savedAt);
    if (this.#details !== null) this.#addDetails(this.#details, message);
  }

  #addDetails(statement: string, message: number): void {
    const detail = this.#mailbox.db.tuples<DetailTuple>(statement, message)[0];
    if (!detail) throw new Error("an entry without its message");
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
    const body = new Body(this.#mailbox.db, { message, size, headerSize, parts });
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
