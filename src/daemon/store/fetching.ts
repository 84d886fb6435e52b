/**
 * FETCH: batches of rows as columns. Metadata is copied as it was stored; no message is parsed. Each batch is a read of its own,
 * so no transaction is open while a client takes its time.
 */

import type { Database } from "../sqlite/database.ts";
import { Body, type BodyRow } from "./body.ts";
import { Columns } from "./columns.ts";
import { type Entries, listedEntries, readEntries } from "./entries.ts";
import type { Mailbox } from "./mailbox.ts";
import { isBrief, readsBody, sectionsOf } from "./sections.ts";
import type { Rows, UidRanges, Want } from "./types.ts";

/** One batch, and from which UID the next one goes on (null: no more). */
export type Batch = { rows: Rows; next: number | null };

/** A range at least so wide is cut out of the folder's listing, where that is held. */
const wide = 64;

export function fetchBatch(mailbox: Mailbox, folder: number, ranges: UidRanges, want: Want, from: number): Batch {
  const isWide = want.changedSince === undefined && ranges.some(([first, last]) => last - first >= wide);
  const known = isWide ? mailbox.listings.known(mailbox, mailbox.folder(folder)) : null;
  const weigh = weigher(want);
  const { entries, next } = known
    ? listedEntries(known, ranges, weigh, from)
    : readEntries(mailbox.db, { folder, ranges, want, weigh, from });
  return { rows: rowsOf(mailbox.db, entries, want), next };
}

/** Roughly what one message adds to a batch. */
function weigher({ envelope, structure, basicStructure, preview, sections }: Want): (size: number) => number {
  const base = 60 + (envelope ? 500 : 0) + (structure || basicStructure ? 250 : 0) + (preview ? 250 : 0);
  if (!sections?.length) return () => base;
  if (sections.some(readsBody)) return (size) => base + size;
  return sections.every(isBrief) ? () => base + 600 : (size) => base + Math.min(size, 3000);
}

function rowsOf(db: Database, { messages, sizes, ...entries }: Entries, want: Want): Rows {
  const columns = new Columns(db, messages);
  return {
    ...entries,
    sizes,
    ...(want.envelope ? { envelopes: columns.envelopes() } : {}),
    ...(want.structure ? { structures: columns.structures() } : {}),
    ...(want.basicStructure ? { basicStructures: columns.basicStructures() } : {}),
    ...(want.preview ? { previews: columns.previews() } : {}),
    ...(want.ids ? idsOf(messages, columns.threads()) : {}),
    ...(want.sections?.length ? { sections: sectionsOf(db, { messages, sizes }, want.sections) } : {}),
  };
}

function idsOf(messages: readonly number[], threads: readonly number[]): Pick<Rows, "emailIds" | "threadIds"> {
  return {
    emailIds: messages.map(emailId),
    threadIds: messages.map((message, i) => threadId(threads[i] || message)),
  };
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
