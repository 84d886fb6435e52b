/** A frozen mailbox, read out for another node: its files as they lie on the disk, then its locked inbox, never more than a megabyte at once. */
import { open } from "node:fs/promises";
import { join } from "node:path";
import type { CarriedPage, CarriedTo } from "../inbox-carry.ts";
import type { Placed } from "../node-state.ts";
import { folderOf } from "../place.ts";
import type { StoreThread } from "../threads.ts";
import type { Part } from "./format.ts";

export type Source = { dir: string; thread: StoreThread; placed: Placed; move: string };

/** At once: hashing and sending so much keeps this thread from others for a millisecond. */
const readBytes = 256 * 1024;

/** A log that a killed process left belongs to its file: nobody here has the key to bring the two together. */
const files = [
  { kind: "mail", name: "mail.db" },
  { kind: "log", name: "mail.db-wal" },
] as const;

export async function* partsOf({ dir, thread, placed, move }: Source): AsyncGenerator<Part> {
  const { record, pinnedKeyId, generation, highestModseq, usedBytes, lastUse } = placed;
  const { id: mailbox, epoch } = record;
  const folder = folderOf(dir, mailbox);
  const { carriedBytes, waiting, restored } = await thread.call("still", { mailbox });
  const opened = [];
  try {
    for (const { kind, name } of files) opened.push({ kind, file: await openIfThere(join(folder, name)) });
    const [mail = 0, log = 0] = await Promise.all(opened.map(async ({ file }) => (await file?.stat())?.size ?? 0));
    const about = { move, mailbox, epoch, pinnedKeyId, generation, highestModseq, usedBytes, waiting };
    const sizes = { mail, log, inbox: carriedBytes };
    yield { kind: "head", head: { version: 1, ...about, lastUse: { ...lastUse }, restored, sizes } };
    for (const { kind, file } of opened) {
      for (let at = 0; file !== null; ) {
        const { bytesRead, buffer } = await file.read(Buffer.allocUnsafeSlow(readBytes), 0, readBytes, at);
        if (bytesRead === 0) break;
        at += bytesRead;
        yield { kind, bytes: buffer.subarray(0, bytesRead) };
      }
    }
  } finally {
    for (const { file } of opened) await file?.close();
  }
  for (let from: CarriedTo | null = { piece: -1 }; from !== null; ) {
    const { items, next }: CarriedPage = await thread.call("carried", { mailbox, from });
    for (const item of items) yield { kind: "carried", item };
    from = next;
  }
}

async function openIfThere(path: string) {
  try {
    return await open(path, "r");
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === "ENOENT") return null;
    throw cause;
  }
}
