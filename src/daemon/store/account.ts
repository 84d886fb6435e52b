/** An owner logged in, and a folder selected: `imap/port.ts` Account and Box, each call one question to the mailbox's thread. */
import type { Report } from "./check.ts";
import type { Batch } from "./fetching.ts";
import type { Heard, Hub } from "./hub.ts";
import { Refusal } from "./refusal.ts";
import type { StoreThread } from "./threads.ts";
import type {
  Copied,
  FlagChange,
  Flagged,
  Folder,
  NewMessage,
  Query,
  Rows,
  SortKey,
  SpecialUse,
  Threads,
  UidRanges,
  Want,
} from "./types.ts";

/** Why a session ends from our side: its device was revoked, or the mailbox moves to another node. */
export type SessionEnd = "revoked" | "moving";

export type SessionFacts = {
  session: number;
  mailboxId: string;
  address: string;
  /** The keyslot that opened the mailbox. */
  slot: string;
  thread: StoreThread;
  hub: Hub<StoreAccount>;
  ended: (account: StoreAccount) => void;
};

export class StoreAccount {
  readonly mailboxId: string;
  readonly address: string;
  readonly #facts: SessionFacts;
  readonly #revoked = new Set<(why: SessionEnd) => void>();
  readonly #unwatch = new Set<() => void>();
  #over = false;

  constructor(facts: SessionFacts) {
    this.#facts = facts;
    this.mailboxId = facts.mailboxId;
    this.address = facts.address;
  }

  get session(): number {
    return this.#facts.session;
  }

  get slot(): string {
    return this.#facts.slot;
  }

  get thread(): StoreThread {
    if (this.#over) throw new Refusal("UNAVAILABLE", "The session has ended");
    return this.#facts.thread;
  }

  async folders(): Promise<Folder[]> {
    return this.thread.call("folders", { session: this.session });
  }

  async counts(names: readonly string[]) {
    return this.thread.call("counts", { session: this.session, names });
  }

  async create(name: string, use: SpecialUse | null): Promise<Folder> {
    return this.thread.call("create", { session: this.session, name, use });
  }

  async remove(name: string): Promise<void> {
    return this.thread.call("remove", { session: this.session, name });
  }

  async rename(from: string, to: string): Promise<void> {
    return this.thread.call("rename", { session: this.session, from, to });
  }

  async subscribe(name: string, on: boolean): Promise<void> {
    return this.thread.call("subscribe", { session: this.session, name, on });
  }

  async append(name: string, messages: readonly NewMessage[]): Promise<{ uidvalidity: number; uids: number[] }> {
    return this.thread.call("append", { session: this.session, name, messages });
  }

  async open(name: string, readOnly: boolean): Promise<StoreBox> {
    const folder = await this.thread.call("find", { session: this.session, name });
    return new StoreBox(this, folder, readOnly);
  }

  async quota(): Promise<{ usedBytes: number; limitBytes: number }> {
    return this.thread.call("quota", { session: this.session });
  }

  async metadata(name: string | null, entries: readonly string[], depth: number): Promise<Map<string, Uint8Array>> {
    return this.thread.call("metadata", { session: this.session, name, entries, depth });
  }

  async setMetadata(name: string | null, values: ReadonlyMap<string, Uint8Array | null>): Promise<void> {
    return this.thread.call("setMetadata", { session: this.session, name, values });
  }

  /** Reads every message; names what is damaged. */
  async check(): Promise<Report> {
    return this.thread.call("check", { session: this.session });
  }

  watch(listener: (change: Heard<StoreAccount>) => void): () => void {
    const unwatch = this.#facts.hub.watch(this.mailboxId, listener);
    this.#unwatch.add(unwatch);
    return () => {
      this.#unwatch.delete(unwatch);
      unwatch();
    };
  }

  onRevoked(listener: (why: SessionEnd) => void): void {
    this.#revoked.add(listener);
  }

  /** Ends the session from our side. */
  revoke(why: SessionEnd): void {
    for (const listener of this.#revoked) listener(why);
    void this.logout();
  }

  async logout(): Promise<void> {
    if (this.#over) return;
    const { thread } = this;
    this.#over = true;
    for (const unwatch of this.#unwatch) unwatch();
    this.#facts.ended(this);
    await thread.call("logout", { session: this.session }).catch(() => undefined);
  }
}

export class StoreBox {
  readonly folder: Folder;
  readonly readOnly: boolean;
  readonly #account: StoreAccount;
  readonly #at: { session: number; folder: number };

  constructor(account: StoreAccount, folder: Folder, readOnly: boolean) {
    this.#account = account;
    this.folder = folder;
    this.readOnly = readOnly;
    this.#at = { session: account.session, folder: Number(folder.id) };
  }

  get #thread(): StoreThread {
    return this.#account.thread;
  }

  get #writable(): StoreThread {
    if (this.readOnly) throw new Refusal("READ-ONLY", "The folder is open read-only");
    return this.#thread;
  }

  async snapshot() {
    return this.#thread.call("snapshot", { ...this.#at, readOnly: this.readOnly });
  }

  /** The next batch is read while the caller writes this one. */
  async *fetch(ranges: UidRanges, want: Want): AsyncGenerator<Rows> {
    const ask = (from: number): Promise<Batch> => this.#thread.call("fetch", { ...this.#at, ranges, want, from });
    let pending: Promise<Batch> | null = ask(0);
    while (pending) {
      const { rows, next }: Batch = await pending;
      pending = next === null ? null : ask(next);
      // Whoever stops reading leaves this one behind.
      pending?.catch(() => undefined);
      if (rows.uids.length > 0) yield rows;
    }
  }

  async binarySize(uid: number, part: readonly number[]): Promise<number | null | "undecodable"> {
    return this.#thread.call("binarySize", { ...this.#at, uid, part });
  }

  async setFlags(
    ranges: UidRanges,
    change: FlagChange,
    unchangedSince: number | null,
  ): Promise<{ changed: Flagged; modified: number[] }> {
    return this.#writable.call("setFlags", { ...this.#at, ranges, change, unchangedSince });
  }

  async copy(ranges: UidRanges, target: string): Promise<Copied> {
    return this.#thread.call("copy", { ...this.#at, ranges, target });
  }

  async move(ranges: UidRanges, target: string): Promise<Copied & { modseq: number }> {
    return this.#writable.call("move", { ...this.#at, ranges, target });
  }

  async replace(uid: number, target: string, message: NewMessage) {
    return this.#writable.call("replace", { ...this.#at, uid, target, message });
  }

  async expunge(ranges: UidRanges | null): Promise<{ uids: Uint32Array; modseq: number }> {
    return this.#writable.call("expunge", { ...this.#at, ranges });
  }

  async search(query: Query): Promise<{ uids: Uint32Array; highestModseq: number }> {
    return this.#thread.call("search", { ...this.#at, query });
  }

  async sort(query: Query, keys: readonly SortKey[]): Promise<Uint32Array> {
    return this.#thread.call("sort", { ...this.#at, query, keys });
  }

  async thread(query: Query, algorithm: "REFERENCES" | "ORDEREDSUBJECT"): Promise<Threads> {
    return this.#thread.call("thread", { ...this.#at, query, algorithm });
  }

  async expungedSince(modseq: number): Promise<Uint32Array | null> {
    return this.#thread.call("expungedSince", { ...this.#at, modseq });
  }

  async claimRecent(): Promise<void> {
    return this.#thread.call("claimRecent", this.#at);
  }

  async close(): Promise<void> {
    // A box holds nothing in the store.
  }
}
