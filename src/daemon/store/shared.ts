/**
 * Stretches that are stored once however many messages hold them: found again by a keyed digest, counted by the places that show
 * them, gone with the last one. All of it happens in the transaction of the message it belongs to.
 */
import { createHmac } from "node:crypto";
import type { Database } from "../sqlite/database.ts";
import { type Chunk, chunkRoom } from "./chunks.ts";
import type { Write } from "./mailbox.ts";

/** Where one stands in a message: `message.stretches`. */
export type Placed = [start: number, end: number, shared: number];

/** A stretch whose bytes are at hand: stored, or one more place of an equal one. */
export function keepShared(write: Write, digest: Buffer, size: number, chunks: readonly Chunk[]): number {
  const twin = twinOf(write, digest);
  if (twin !== undefined) return twin;
  const id = nextShared(write.db);
  for (const [number, chunk] of chunks.entries()) putShared(write.db, id, number, chunk);
  return nameShared(write, id, digest, size);
}

/** An equal stretch that is stored already. */
export function findShared({ db, mailbox }: Write, digest: Buffer): number | undefined {
  return db.value<number>("SELECT id FROM shared WHERE mac = ?", sharedMac(mailbox.bodyMac, digest));
}

/** The same, with one place more. */
export function twinOf(write: Write, digest: Buffer): number | undefined {
  const id = findShared(write, digest);
  if (id !== undefined) write.db.run("UPDATE shared SET refs = refs + 1 WHERE id = ?", id);
  return id;
}

export function nextShared(db: Database): number {
  return (db.value<number>("SELECT seq FROM sqlite_sequence WHERE name = 'shared'") ?? 0) + 1;
}

export function putShared(db: Database, id: number, number: number, { codec, bytes }: Chunk): void {
  db.run("INSERT INTO shared_body (id, codec, bytes) VALUES (?, ?, ?)", id * chunkRoom + number, codec, bytes);
}

/** From here on others can find it. */
export function nameShared({ db, mailbox }: Write, id: number, digest: Buffer, size: number): number {
  const mac = sharedMac(mailbox.bodyMac, digest);
  db.run("INSERT INTO shared (id, digest, mac, size, refs) VALUES (?, ?, ?, ?, 1)", id, digest, mac, size);
  return id;
}

export function dropSharedBody(db: Database, id: number): void {
  db.run("DELETE FROM shared_body WHERE id >= ? AND id < ?", id * chunkRoom, (id + 1) * chunkRoom);
}

/** A message goes: so do its places, and what no other message shows. */
export function releaseShared(db: Database, message: number): void {
  const stretches = db.value<string | null>("SELECT stretches FROM message WHERE id = ?", message);
  for (const [, , id] of placedIn(stretches ?? null)) {
    db.run("UPDATE shared SET refs = refs - 1 WHERE id = ?", id);
    if (db.run("DELETE FROM shared WHERE id = ? AND refs <= 0", id).changes === 1) dropSharedBody(db, id);
  }
}

export function placedIn(stretches: string | null): Placed[] {
  return stretches === null ? [] : (JSON.parse(stretches) as Placed[]);
}

export function sharedMac(bodyMac: Uint8Array, digest: Uint8Array): Buffer {
  // Apart from the MACs of whole messages, which are over 32 bytes alone.
  return createHmac("sha256", bodyMac).update("shared").update(digest).digest();
}
