/** Filing: a prepared message becomes rows. One transaction of the caller's; nothing here waits. */
import { createHmac, hash } from "node:crypto";
import { type Chunk, chunkRoom } from "./chunks.ts";
import { bits, FlaggedColumns, type FlagSet, internFlags } from "./flags.ts";
import type { FolderRow, Write } from "./mailbox.ts";
import type { Described, Measured, Prepared } from "./prepare.ts";
import { keepShared, type Placed } from "./shared.ts";

export type Filed = { uid: number; modseq: number; set: FlagSet };

/** Stores the message and shows it in `folder`; the caller announces. */
export function fileMessage(
  write: Write,
  folder: FolderRow,
  message: Prepared,
  flags: readonly string[],
  internalDate: number,
): Filed {
  const id = nextMessage(write);
  const stretches = message.stretches.map(({ start, end, digest, chunks }): Placed => {
    return [start, end, keepShared(write, digest, end - start, chunks)];
  });
  for (const [number, chunk] of message.chunks.entries()) putBody(write, id, number, chunk);
  return showMessage(write, folder, { id, ...message, stretches }, flags, internalDate);
}

/** The id that the next message gets: its bytes may be stored before anything else of it. */
export function nextMessage({ db }: Write): number {
  return (db.value<number>("SELECT seq FROM sqlite_sequence WHERE name = 'message'") ?? 0) + 1;
}

export function putBody({ db }: Write, message: number, number: number, { codec, bytes }: Chunk): void {
  db.run("INSERT INTO body (id, codec, bytes) VALUES (?, ?, ?)", message * chunkRoom + number, codec, bytes);
}

/** A message whose bytes are stored under its id. */
export type Stored = Described & Measured & { id: number; stretches: readonly Placed[] };

/** A message whose bytes are stored, in `folder`; the caller announces. */
export function showMessage(
  write: Write,
  folder: FolderRow,
  message: Stored,
  flags: readonly string[],
  internalDate: number,
): Filed {
  storeMessage(write, message);
  const set = internFlags(write.db, folder.id, flags);
  return addEntry(write, folder, { message: message.id, set, internalDate, size: message.size });
}

export function addEntry(
  write: Write,
  folder: FolderRow,
  entry: { message: number; set: FlagSet; internalDate: number; size: number },
): Filed {
  const { message, set, internalDate, size } = entry;
  const modseq = write.modseq(folder);
  const uid = folder.uidnext++;
  if (uid > 0xffffffff) throw new Error("folder has used up its UIDs");
  write.db.run(
    "INSERT INTO entry (folder, uid, message, flags, keywords, modseq, internal_date, saved_at, size) VALUES (?,?,?,?,?,?,?,?,?)",
    folder.id,
    uid,
    message,
    set.flags,
    set.keywords,
    modseq,
    internalDate,
    write.now,
    size,
  );
  count(folder, set.flags, size, 1);
  return { uid, modseq, set };
}

/** Adjusts a folder's counts by one message coming (1) or going (-1). */
export function count(folder: FolderRow, flags: number, size: number, by: 1 | -1): void {
  folder.messages += by;
  folder.size += by * size;
  if (!(flags & bits.seen)) folder.unseen += by;
  if (flags & bits.deleted) {
    folder.deleted += by;
    folder.deleted_size += by * size;
  }
}

export function announceAdded(write: Write, folder: FolderRow, filed: readonly Filed[]): void {
  const columns = new FlaggedColumns();
  for (const { uid, modseq, set } of filed) columns.push(uid, modseq, set.flags, set.keywords);
  const { id, name } = folder;
  write.announce({ kind: "added", folder: String(id), name, modseq: write.modseq(folder), messages: columns.done() });
}

function storeMessage(write: Write, message: Stored): void {
  const { db, mailbox } = write;
  const { id, stretches } = message;
  const mentions = mentionsOf(message);
  const known = threadOf(write, mentions);
  const mac = createHmac("sha256", mailbox.bodyMac).update(message.digest).digest();
  db.run(
    "INSERT INTO message (id, thread, size, header_size, digest, body_mac, parts, preview, stretches) VALUES (?,?,?,?,?,?,?,?,?)",
    id,
    known ?? 0,
    message.size,
    message.headerSize,
    message.digest,
    mac.subarray(0, 16),
    message.parts,
    message.preview,
    stretches.length === 0 ? null : JSON.stringify(stretches),
  );
  db.run("INSERT INTO envelope (message, bytes) VALUES (?, ?)", id, message.envelope);
  db.run(
    "INSERT INTO structure (message, extended, basic) VALUES (?, ?, ?)",
    id,
    message.structure,
    message.basicStructure,
  );
  db.run("INSERT INTO brief (message, fields) VALUES (?, ?)", id, message.brief);
  for (const id48 of mentions) db.run("INSERT OR IGNORE INTO mention (hash, thread) VALUES (?, ?)", id48, known ?? id);
  db.run("INSERT INTO held (message, refs) VALUES (?, 1)", id);
  storeWords(write, id, message);
}

function storeWords({ db }: Write, id: number, message: Described): void {
  db.run(
    `INSERT INTO words (message, subject, from_, to_, cc, bcc, message_id, refs, sent_at, sent_day, base, is_reply)
     VALUES (?,?,?,?,?,?,?,?,?,?,?,?)`,
    id,
    message.subject,
    message.from,
    message.to,
    message.cc,
    message.bcc,
    message.messageId,
    message.references.join(" "),
    message.sentAt,
    message.sentDay,
    message.base,
    message.isReply ? 1 : 0,
  );
}

/** The thread of any message that this one names or that named it. Without one it starts its own (stored as 0). */
function threadOf({ db }: Write, mentions: readonly number[]): number | undefined {
  for (const id48 of mentions) {
    const thread = db.value<number>("SELECT thread FROM mention WHERE hash = ?", id48);
    if (thread !== undefined) return thread;
  }
  return undefined;
}

function mentionsOf({ messageId, references }: Described): number[] {
  const ids = messageId === null ? references.slice(-20) : [messageId, ...references.slice(-20)];
  return ids.map(hashOf);
}

function hashOf(text: string): number {
  return hash("sha256", text, "buffer").readUIntBE(0, 6);
}
