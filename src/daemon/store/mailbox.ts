/**
 * One open mailbox in the thread that owns it: its database, the queue that lets concurrent writers share one durable commit, and
 * the changes that are announced after it. Writes run one after another, each in its own savepoint, so that a refused one leaves
 * no trace; all that were waiting share the fsync.
 */
import type { Database } from "../sqlite/database.ts";
import { Listings } from "./listing.ts";
import { Refusal } from "./refusal.ts";
import { Remembered } from "./search/remembered.ts";
import { standIn } from "./stand-in.ts";
import type { Announced, Change } from "./types.ts";

export type FolderRow = {
  id: number;
  name: string;
  uidvalidity: number;
  uidnext: number;
  modseq: number;
  special_use: string | null;
  selectable: number;
  messages: number;
  unseen: number;
  deleted: number;
  size: number;
  deleted_size: number;
  recent_uid: number;
  forgotten_modseq: number;
};

type Waiting = { work: (write: Write) => void; failed: (cause: unknown) => void; settled: () => void };

/** What the outside of a mailbox hears of it. */
export type Hooks = {
  now: () => number;
  /** After each commit, in order. */
  committed(mailbox: Mailbox, changes: Announced[]): void;
  /** Calls back once, soon, after what is already waiting for this thread was taken in. */
  soon(work: () => void): void;
};

export class Mailbox {
  readonly id: string;
  readonly db: Database;
  readonly bodyMac: Uint8Array;
  /** It runs behind its mirror, or parts of it stand in for damaged ones: reading only. */
  readOnly: boolean;
  isMended: boolean;
  #isLookedAt = false;
  quotaBytes: number;
  readonly hooks: Hooks;
  /** First UID that no session was told of, where it is ahead of what is stored (\Recent may be lost in a crash). */
  readonly recent = new Map<number, number>();
  generation: number;
  /** Which messages may hold a folded text; until an index is there, any. */
  mayHold: (text: string) => (message: number) => boolean = () => () => true;
  /** Orders and threads of whole folders. */
  readonly remembered = new Remembered();
  /** Entries of folders that are being read. */
  readonly listings = new Listings();
  #waiting: Waiting[] = [];
  /** Work that takes several turns has the transaction. */
  #busy: Promise<unknown> | null = null;
  #unsettled: Promise<void> | null = null;
  #closed = false;

  constructor(
    facts: { id: string; bodyMac: Uint8Array; quotaBytes: number; readOnly: boolean; isMended?: boolean },
    db: Database,
    hooks: Hooks,
  ) {
    this.id = facts.id;
    this.db = db;
    this.bodyMac = facts.bodyMac;
    this.quotaBytes = facts.quotaBytes;
    this.readOnly = facts.readOnly;
    this.isMended = facts.isMended ?? false;
    this.hooks = hooks;
    this.generation = db.value<number>("SELECT value FROM state WHERE name = 'generation'") ?? 0;
  }

  get usedBytes(): number {
    return this.db.value<number>("SELECT coalesce(sum(size), 0) FROM folder") ?? 0;
  }

  /**
   * A damaged page was met. Where that keeps folders from opening, what can be read takes the place of what can't (`stand-in.ts`).
   * Answers which tables were damaged; none where there is nothing to be done, or it was done before.
   */
  mend(): string[] {
    if (this.isMended || this.#isLookedAt || this.db.inTransaction) return [];
    // Once: it reads all of these tables.
    this.#isLookedAt = true;
    const damaged = standIn(this.db, { generation: this.generation, now: this.hooks.now() });
    if (damaged.length === 0) return [];
    this.isMended = true;
    this.readOnly = true;
    this.listings.clear();
    this.remembered.clear();
    this.recent.clear();
    return damaged;
  }

  /** Resolves when `work` is durable. `origin`: the session that asks, 0 for none. */
  write<T>(origin: number, work: (write: Write) => T): Promise<T> {
    if (this.readOnly) return Promise.reject(readOnlyNow());
    return new Promise((resolve, reject) => {
      let result: T;
      if (this.#waiting.length === 0) this.hooks.soon(() => this.flush());
      this.#waiting.push({
        work: (write) => {
          write.origin = origin;
          result = work(write);
        },
        failed: reject,
        settled: () => resolve(result),
      });
    });
  }

  /** The same at once, for the moments when nobody waits for an answer yet. Throws what went wrong. */
  writeNow(work: (write: Write) => void): void {
    let trouble: { cause: unknown } | null = null;
    const failed = (cause: unknown): void => {
      trouble ??= { cause };
    };
    this.#waiting.push({ work, failed, settled: () => undefined });
    this.flush();
    const happened = trouble as { cause: unknown } | null;
    if (happened) throw happened.cause;
  }

  /**
   * Work that takes many turns, in a transaction of its own: `prepare` may rest and stores only what nobody can see yet, `work` shows
   * it and takes one turn. Other writers wait meanwhile, readers don't; unless with `shows` `prepare` changes what they would see:
   * then they wait for `unsettled`. Nothing remains of it when either throws, or the mailbox is closed in the middle.
   */
  async writeInTurns<P, T>(
    prepare: (write: Write, pause: () => Promise<void>) => Promise<P>,
    work: (write: Write, prepared: P) => T,
    pause: () => Promise<void>,
    shows = false,
  ): Promise<T> {
    if (this.readOnly) throw readOnlyNow();
    while (this.#busy) await this.#busy.catch(() => undefined);
    const done = this.#inTurns(prepare, work, pause);
    this.#busy = done;
    if (shows) this.#unsettled = done.then(nothing, nothing);
    try {
      return await done;
    } finally {
      this.#busy = null;
      this.#unsettled = null;
      if (!this.#closed) this.flush();
    }
  }

  async #inTurns<P, T>(
    prepare: (write: Write, pause: () => Promise<void>) => Promise<P>,
    work: (write: Write, prepared: P) => T,
    pause: () => Promise<void>,
  ): Promise<T> {
    if (this.#closed) throw new Refusal("UNAVAILABLE", "The mailbox was closed");
    if (this.readOnly) throw readOnlyNow();
    this.flush();
    const rest = async () => {
      await pause();
      if (this.#closed) throw new Refusal("UNAVAILABLE", "The mailbox was closed");
    };
    this.db.run("BEGIN IMMEDIATE");
    let write: Write;
    let result: T;
    try {
      write = new Write(this);
      const prepared = await prepare(write, rest);
      result = work(write, prepared);
      write.saveFolders();
      this.#count(write);
      this.db.run("COMMIT");
    } catch (cause) {
      if (!this.#closed && this.db.inTransaction) this.db.run("ROLLBACK");
      throw cause;
    }
    this.generation++;
    this.hooks.committed(this, write.changes);
    return result;
  }

  /** While half of a change can be seen: resolves when it is whole, or was taken back. */
  get unsettled(): Promise<void> | null {
    return this.#unsettled;
  }

  /** Commits everything that waits; while other work has the transaction, soon after it. */
  flush(): void {
    if (this.#busy) return;
    const waiting = this.#waiting;
    this.#waiting = [];
    if (this.readOnly) for (const one of waiting) one.failed(readOnlyNow());
    if (this.readOnly || waiting.length === 0) return;
    const write = new Write(this);
    const done: Waiting[] = [];
    try {
      this.db.run("BEGIN IMMEDIATE");
      for (const one of waiting) if (this.#attempt(one, write)) done.push(one);
      if (done.length > 0) this.#count(write);
      this.db.run("COMMIT");
    } catch (cause) {
      if (this.db.inTransaction) this.db.run("ROLLBACK");
      for (const one of waiting) one.failed(cause);
      return;
    }
    if (done.length > 0) this.generation++;
    this.hooks.committed(this, write.changes);
    for (const one of done) one.settled();
  }

  #attempt(one: Waiting, write: Write): boolean {
    const announced = write.changes.length;
    this.db.run("SAVEPOINT one");
    try {
      one.work(write);
      write.saveFolders();
      this.db.run("RELEASE one");
      return true;
    } catch (cause) {
      // A full disk ends the whole transaction by itself: nobody's work is kept then.
      if (!this.db.inTransaction) throw cause;
      this.db.run("ROLLBACK TO one");
      this.db.run("RELEASE one");
      write.forget(announced);
      one.failed(cause);
      return false;
    }
  }

  #count(write: Write): void {
    for (const [folder, uid] of this.recent) {
      write.db.run("UPDATE folder SET recent_uid = max(recent_uid, ?) WHERE id = ?", uid, folder);
    }
    this.recent.clear();
    this.db.run("UPDATE state SET value = value + 1 WHERE name = 'generation'");
  }

  folderNamed(name: string): FolderRow | undefined {
    return this.db.get<FolderRow>("SELECT * FROM folder WHERE name = ?", name);
  }

  folder(id: number): FolderRow {
    const row = this.db.get<FolderRow>("SELECT * FROM folder WHERE id = ?", id);
    if (!row) throw new Refusal("NONEXISTENT", "The folder was deleted");
    return row;
  }

  close(): void {
    this.#closed = true;
    // What was under way is taken back, and comes again.
    if (this.#busy && this.db.inTransaction) this.db.run("ROLLBACK");
    this.#busy = null;
    this.flush();
    this.db.close();
    this.bodyMac.fill(0);
  }
}

function nothing(): void {}

function readOnlyNow(): Refusal {
  return new Refusal("UNAVAILABLE", "This mailbox is read-only until it is restored");
}

/** What a writer works with: folders it changes are read once, counted in memory, and saved when its work is done. */
export class Write {
  readonly mailbox: Mailbox;
  readonly db: Database;
  readonly now: number;
  readonly changes: Announced[] = [];
  origin = 0;
  readonly #folders = new Map<number, FolderRow>();
  readonly #moved = new Set<number>();

  constructor(mailbox: Mailbox) {
    this.mailbox = mailbox;
    this.db = mailbox.db;
    this.now = mailbox.hooks.now();
  }

  folder(id: number): FolderRow {
    let row = this.#folders.get(id);
    if (!row) {
      row = this.mailbox.folder(id);
      this.#folders.set(id, row);
    }
    return row;
  }

  /** A folder to put messages into. */
  target(name: string): FolderRow {
    const row = this.mailbox.folderNamed(name);
    if (!row || row.selectable === 0) throw new Refusal("NONEXISTENT", "No such folder");
    return this.folder(row.id);
  }

  /** The modseq of this work in that folder: above every earlier one, the same for all it does there. */
  modseq(folder: FolderRow): number {
    if (!this.#moved.has(folder.id)) {
      folder.modseq++;
      this.#moved.add(folder.id);
    }
    return folder.modseq;
  }

  announce(change: Change): void {
    this.changes.push({ ...change, origin: this.origin });
  }

  /** Refuses where `more` bytes would go past the quota. */
  reserve(more: number, allowance = 1): void {
    let used = this.mailbox.usedBytes;
    // Folders changed by this work are not saved yet.
    for (const row of this.#folders.values()) used += row.size - this.mailbox.folder(row.id).size;
    if (used + more > this.mailbox.quotaBytes * allowance) throw new Refusal("OVERQUOTA", "Mailbox is full");
  }

  saveFolders(): void {
    for (const row of this.#folders.values()) {
      this.db.run(
        `UPDATE folder SET uidnext = ?, modseq = ?, messages = ?, unseen = ?, deleted = ?, size = ?, deleted_size = ?,
           forgotten_modseq = ? WHERE id = ?`,
        row.uidnext,
        row.modseq,
        row.messages,
        row.unseen,
        row.deleted,
        row.size,
        row.deleted_size,
        row.forgotten_modseq,
        row.id,
      );
    }
    this.#folders.clear();
    this.#moved.clear();
  }

  /** What a rolled-back work had in mind. */
  forget(announced: number): void {
    this.changes.length = announced;
    this.#folders.clear();
    this.#moved.clear();
  }
}
