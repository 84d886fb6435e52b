/**
 * Changes to what is filed: flags, copies, moves, expunges. Each is one piece of work in a write (see `mailbox.ts`), and written as
 * steps of a hundred messages: a change of ten thousand rests between them (`turns.ts`), a small one is taken `whole`.
 */
import type { Database } from "../sqlite/database.ts";
import { chunkRoom } from "./chunks.ts";
import { addEntry, announceAdded, count, type Filed, fileMessage, type Stored, showMessage } from "./filing.ts";
import { bits, changed, FlaggedColumns, type FlagSet, internFlags, noteKeywords, readFlags } from "./flags.ts";
import type { FolderRow, Mailbox, Write } from "./mailbox.ts";
import type { Prepared } from "./prepare.ts";
import { Refusal } from "./refusal.ts";
import { releaseShared } from "./shared.ts";
import type { Copied, FlagChange, Flagged, NewMessage, UidRanges } from "./types.ts";

type Entry = {
  uid: number;
  message: number;
  flags: number;
  keywords: string;
  modseq: number;
  internal_date: number;
  size: number;
};

/** Expunges remembered per folder; beyond it QRESYNC falls back to a full look. */
const mostExpunged = 20_000;

/** Work in steps; what it answers. */
export type Steps<T> = Generator<void, T>;

/** All steps at once. */
export function whole<T>(steps: Steps<T>): T {
  for (;;) {
    const step = steps.next();
    if (step.done) return step.value;
  }
}

/** Messages of one step. */
const stepRows = 100;

function* each<T>(all: readonly T[], act: (one: T) => void): Steps<void> {
  for (const [i, one] of all.entries()) {
    if (i > 0 && i % stepRows === 0) yield;
    act(one);
  }
}

/** How many messages a change of these would look at. */
export function countIn({ db }: Mailbox, folder: number, ranges: UidRanges | null): number {
  const sql = "SELECT count(*) FROM entry WHERE folder = ? AND uid BETWEEN ? AND ?";
  return (ranges ?? all).reduce((sum, [first, last]) => sum + (db.value<number>(sql, folder, first, last) ?? 0), 0);
}

const all: UidRanges = [[1, 0xffffffff]];

function entriesIn({ db }: Write, folder: FolderRow, ranges: UidRanges): Entry[] {
  return ranges.flatMap(([first, last]) =>
    db.all<Entry>(
      `SELECT uid, message, flags, keywords, modseq, internal_date, size FROM entry
       WHERE folder = ? AND uid BETWEEN ? AND ? ORDER BY uid`,
      folder.id,
      first,
      Math.min(last, 0xffffffff),
    ),
  );
}

export function* setFlags(
  write: Write,
  folderId: number,
  ranges: UidRanges,
  change: FlagChange,
  unchangedSince: number | null,
): Steps<{ changed: Flagged; modified: number[] }> {
  const folder = write.folder(folderId);
  const given = change.mode === "remove" ? readFlags(change.flags) : internFlags(write.db, folder.id, change.flags);
  const told = new FlaggedColumns();
  const moved = new FlaggedColumns();
  const modified: number[] = [];
  yield* each(entriesIn(write, folder, ranges), (entry) => {
    if (unchangedSince !== null && entry.modseq > unchangedSince) {
      modified.push(entry.uid);
      return;
    }
    const now = changed(entry, change.mode, given);
    if (now.flags === entry.flags && now.keywords === entry.keywords) {
      told.push(entry.uid, entry.modseq, entry.flags, entry.keywords);
      return;
    }
    const modseq = write.modseq(folder);
    setEntryFlags(write, folder, entry, now, modseq);
    told.push(entry.uid, modseq, now.flags, now.keywords);
    moved.push(entry.uid, modseq, now.flags, now.keywords);
  });
  if (moved.length > 0) {
    const { id, name, modseq } = folder;
    write.announce({ kind: "flags", folder: String(id), name, modseq, messages: moved.done() });
  }
  return { changed: told.done(), modified };
}

function setEntryFlags(write: Write, folder: FolderRow, entry: Entry, now: FlagSet, modseq: number): void {
  write.db.run(
    "UPDATE entry SET flags = ?, keywords = ?, modseq = ? WHERE folder = ? AND uid = ?",
    now.flags,
    now.keywords,
    modseq,
    folder.id,
    entry.uid,
  );
  count(folder, entry.flags, entry.size, -1);
  count(folder, now.flags, entry.size, 1);
}

export function append(
  write: Write,
  name: string,
  messages: readonly { prepared: Prepared; flags: readonly string[]; internalDate: number | null }[],
): { uidvalidity: number; uids: number[] } {
  const folder = write.target(name);
  write.reserve(messages.reduce((sum, { prepared }) => sum + prepared.size, 0));
  const filed = messages.map(({ prepared, flags, internalDate }) =>
    fileMessage(write, folder, prepared, flags, internalDate ?? write.now),
  );
  announceAdded(write, folder, filed);
  return { uidvalidity: folder.uidvalidity, uids: filed.map(({ uid }) => uid) };
}

/** The same of one whose bytes are stored already (`streaming.ts`). */
export function appendStored(
  write: Write,
  name: string,
  message: Stored,
  { flags, internalDate }: Pick<NewMessage, "flags" | "internalDate">,
): { uidvalidity: number; uids: number[] } {
  const folder = write.target(name);
  write.reserve(message.size);
  const filed = showMessage(write, folder, message, flags, internalDate ?? write.now);
  announceAdded(write, folder, [filed]);
  return { uidvalidity: folder.uidvalidity, uids: [filed.uid] };
}

export function* copy(write: Write, folderId: number, ranges: UidRanges, targetName: string): Steps<Copied> {
  const entries = entriesIn(write, write.folder(folderId), ranges);
  const target = write.target(targetName);
  write.reserve(entries.reduce((sum, { size }) => sum + size, 0));
  return copied(target, entries, yield* show(write, target, entries));
}

export function* move(
  write: Write,
  folderId: number,
  ranges: UidRanges,
  targetName: string,
): Steps<Copied & { modseq: number }> {
  const folder = write.folder(folderId);
  const target = write.target(targetName);
  const entries = entriesIn(write, folder, ranges);
  const filed = yield* show(write, target, entries);
  yield* hide(write, folder, entries);
  return { ...copied(target, entries, filed), modseq: folder.modseq };
}

/** Shows messages once more, in `target`, sharing their bodies. */
function* show(write: Write, target: FolderRow, entries: readonly Entry[]): Steps<Filed[]> {
  const filed: Filed[] = [];
  yield* each(entries, ({ message, flags, keywords, internal_date: internalDate, size }) => {
    noteKeywords(write.db, target.id, keywords);
    write.db.run("UPDATE held SET refs = refs + 1 WHERE message = ?", message);
    filed.push(addEntry(write, target, { message, set: { flags, keywords }, internalDate, size }));
  });
  if (filed.length > 0) announceAdded(write, target, filed);
  return filed;
}

function copied(target: FolderRow, entries: readonly Entry[], filed: readonly Filed[]): Copied {
  return {
    uidvalidity: target.uidvalidity,
    from: Uint32Array.from(entries, ({ uid }) => uid),
    to: Uint32Array.from(filed, ({ uid }) => uid),
  };
}

export function replace(
  write: Write,
  folderId: number,
  uid: number,
  targetName: string,
  message: { prepared: Prepared; flags: readonly string[]; internalDate: number | null },
): { uidvalidity: number; uid: number; modseq: number } {
  const folder = write.folder(folderId);
  const old = entriesIn(write, folder, [[uid, uid]]);
  if (old.length === 0) throw new Refusal("NONEXISTENT", "No such message");
  const target = write.target(targetName);
  write.reserve(message.prepared.size - (old[0]?.size ?? 0));
  const filed = fileMessage(write, target, message.prepared, message.flags, message.internalDate ?? write.now);
  announceAdded(write, target, [filed]);
  whole(hide(write, folder, old));
  return { uidvalidity: target.uidvalidity, uid: filed.uid, modseq: folder.modseq };
}

export function* expunge(
  write: Write,
  folderId: number,
  ranges: UidRanges | null,
): Steps<{ uids: Uint32Array; modseq: number }> {
  const folder = write.folder(folderId);
  const marked = entriesIn(write, folder, ranges ?? all).filter(({ flags }) => flags & bits.deleted);
  return { uids: yield* hide(write, folder, marked), modseq: folder.modseq };
}

/** Removes entries without asking for \Deleted (MOVE, REPLACE, POP3's DELE, DELETE of a folder). */
export function* expungeUids(write: Write, folderId: number, ranges: UidRanges): Steps<Uint32Array> {
  const folder = write.folder(folderId);
  return yield* hide(write, folder, entriesIn(write, folder, ranges));
}

function* hide(write: Write, folder: FolderRow, entries: readonly Entry[]): Steps<Uint32Array> {
  const uids = Uint32Array.from(entries, ({ uid }) => uid);
  if (entries.length === 0) return uids;
  const modseq = write.modseq(folder);
  yield* each(entries, ({ uid, message, flags, size }) => {
    write.db.run("DELETE FROM entry WHERE folder = ? AND uid = ?", folder.id, uid);
    write.db.run("INSERT INTO expunged (folder, modseq, uid) VALUES (?, ?, ?)", folder.id, modseq, uid);
    // At zero the message is garbage, purged later in slices.
    write.db.run("UPDATE held SET refs = refs - 1 WHERE message = ?", message);
    count(folder, flags, size, -1);
  });
  forgetOld(write, folder);
  write.announce({ kind: "expunged", folder: String(folder.id), name: folder.name, modseq, uids });
  return uids;
}

function forgetOld(write: Write, folder: FolderRow): void {
  const edge = write.db.value<number>(
    "SELECT modseq FROM expunged WHERE folder = ? ORDER BY modseq DESC, uid DESC LIMIT 1 OFFSET ?",
    folder.id,
    mostExpunged,
  );
  if (edge === undefined) return;
  // Whole modseqs go: history then reaches back to just above them.
  write.db.run("DELETE FROM expunged WHERE folder = ? AND modseq <= ?", folder.id, edge);
  folder.forgotten_modseq = Math.max(folder.forgotten_modseq, edge);
}

/** Some message that nothing shows any more is still there. */
export function isPurgeLeft(db: Database): boolean {
  return db.value("SELECT 1 FROM held WHERE refs = 0 LIMIT 1") !== undefined;
}

/** Deletes a slice of such messages; answers which. */
export function purge(write: Write, most: number): number[] {
  const garbage = write.db.column<number>("SELECT message FROM held WHERE refs = 0 LIMIT ?", most);
  for (const message of garbage) {
    releaseShared(write.db, message);
    write.db.run("DELETE FROM body WHERE id >= ? AND id < ?", message * chunkRoom, (message + 1) * chunkRoom);
    for (const table of ["words", "envelope", "structure", "brief"]) {
      write.db.run(`DELETE FROM ${table} WHERE message = ?`, message);
    }
    write.db.run("DELETE FROM message WHERE id = ?", message);
    write.db.run("DELETE FROM held WHERE message = ?", message);
  }
  return garbage;
}
