/** A mailbox taken in from another node, into a folder aside. What was promised must be what came; only then is it told to be here. */
import { type FileHandle, open, statfs } from "node:fs/promises";
import { join } from "node:path";
import type { Carried } from "../inbox-carry.ts";
import type { StoreThread } from "../threads.ts";
import { BadStream, decode, type MoveHead } from "./format.ts";
import { arrivingFolder } from "./staging.ts";

export type Target = {
  dir: string;
  thread: StoreThread;
  about: { mailbox: string; move: string; epoch: number };
};

/** The disk can't hold what would come. */
export class NoRoom extends Error {
  override name = "NoRoom";
}

/** `cause` as it came from the file system, or from a store thread, which gives SQLite's words along. */
export function isDiskFull(cause: unknown): boolean {
  if (!(cause instanceof Error)) return false;
  const isFull = "code" in cause && cause.code === "ENOSPC";
  return isFull || /\bENOSPC\b|^SqliteError: database or disk is full/.test(String(cause.cause));
}

/** Left free for everybody else's mail. */
const spareBytes = 64 * 1024 * 1024;
/** So much of the locked inbox goes into one transaction. */
const batchBytes = 1024 * 1024;

export async function fetchMailbox(target: Target, stream: AsyncIterable<Uint8Array>): Promise<MoveHead> {
  const incoming = new Incoming(target);
  try {
    for await (const part of decode(stream)) {
      if (part.kind === "head") await incoming.begin(part.head);
      else if (part.kind === "carried") await incoming.carry(part.item);
      else await incoming.write(part.kind, part.bytes);
    }
    return await incoming.end();
  } finally {
    await incoming.close();
  }
}

const names = { mail: "mail.db", log: "mail.db-wal" } as const;

class Incoming {
  readonly #target: Target;
  #head: MoveHead | null = null;
  readonly #files = new Map<keyof typeof names, { file: FileHandle; size: number }>();
  #batch: Carried[] = [];
  #batched = 0;
  /** Of the locked inbox, so far. */
  #carried = 0;

  constructor(target: Target) {
    this.#target = target;
  }

  async begin(head: MoveHead): Promise<void> {
    const { about, dir, thread } = this.#target;
    if (head.mailbox !== about.mailbox || head.move !== about.move || head.epoch !== about.epoch)
      throw new BadStream("another mailbox than was asked for");
    const { mail, log, inbox } = head.sizes;
    const [needed, disk] = [mail + log + inbox, await statfs(dir)];
    const free = disk.bavail * disk.bsize;
    if (needed * 1.05 + spareBytes > free)
      throw new NoRoom(`the new node's disk has ${mebibytes(free)} MB free; ${mebibytes(needed)} MB would come`);
    await thread.call("stageBegin", { mailbox: about.mailbox });
    this.#head = head;
  }

  async write(kind: keyof typeof names, bytes: Uint8Array): Promise<void> {
    const { about, dir } = this.#target;
    const into = this.#files.get(kind) ?? {
      file: await open(join(arrivingFolder(dir, about.mailbox), names[kind]), "wx", 0o600),
      size: 0,
    };
    this.#files.set(kind, into);
    into.size += bytes.length;
    if (into.size > (this.#head?.sizes[kind] ?? 0)) throw new BadStream("more than was announced");
    await into.file.writeFile(bytes);
  }

  async carry(item: Carried): Promise<void> {
    this.#batch.push(item);
    const size = item.kind === "piece" ? item.bytes.length : item.kind === "known" ? item.ids.length * 100 : 0;
    this.#batched += size;
    this.#carried += size;
    // An inbox counts in its announcement what its messages and ids take, about.
    if (this.#carried > (this.#head?.sizes.inbox ?? 0) * 2 + batchBytes) throw new BadStream("more than was announced");
    if (this.#batched >= batchBytes) await this.#flush();
  }

  async #flush(): Promise<void> {
    const items = this.#batch;
    [this.#batch, this.#batched] = [[], 0];
    if (items.length > 0) await this.#target.thread.call("stageTake", { mailbox: this.#target.about.mailbox, items });
  }

  async end(): Promise<MoveHead> {
    const head = this.#head;
    if (head === null) throw new BadStream("nothing came");
    await this.#flush();
    for (const kind of ["mail", "log"] as const) {
      const came = this.#files.get(kind);
      if ((came?.size ?? 0) !== head.sizes[kind]) throw new BadStream("less than was announced");
      await came?.file.sync();
    }
    await this.#target.thread.call("stageEnd", { mailbox: head.mailbox, restored: head.restored });
    return head;
  }

  async close(): Promise<void> {
    for (const { file } of this.#files.values()) await file.close();
  }
}

function mebibytes(bytes: number): number {
  return Math.floor(bytes / 1024 / 1024);
}
