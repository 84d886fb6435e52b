/**
 * The store, as the rest of the daemon sees it: mailboxes to log in to, sealed messages to take, records to apply. The thread that
 * calls it opens no database: store threads do, each mailbox belonging to one of them. What is kept here is public or wrapped: the
 * mailbox records, their mirrors, and who is logged in.
 */
import { availableParallelism } from "node:os";
import type { Keyslot, MailboxRecord } from "../../core/contract/mailbox.ts";
import type { Clock } from "../../core/ports.ts";
import { parseAppPassword } from "../../core/seal/keys.ts";
import { nativePrimitives, random, clock as systemClock } from "../platform.ts";
import { type SessionEnd, StoreAccount } from "./account.ts";
import type { LoopDelay } from "./delay.ts";
import { dummySlot } from "./dummy.ts";
import { Hub } from "./hub.ts";
import { type Acceptance, type Arrival, Intake, type Stream } from "./intake.ts";
import { StoreMaildrop } from "./maildrop.ts";
import { Mirrors } from "./mirrors.ts";
import { Moves } from "./moving/moves.ts";
import { freshly, type MailboxStats, Placements } from "./placements.ts";
import { StoreThread } from "./threads.ts";
import type { News } from "./unlock.ts";

export type StoreOptions = {
  /** Folder for node.db and the mailboxes; made where it is missing. */
  dir: string;
  /** 32 bytes; copied. */
  nodeKey: Uint8Array;
  clock?: Clock;
  /** Store threads; about one per core. */
  workers?: number;
  /** Honour `test-only` keyslots, whose secret is any password. */
  testSlots?: boolean;
  /** How long a mailbox stays open after its last session, ms. */
  graceMs?: number;
  /** Files that nobody used for one to two times as long are closed until somebody does, ms. */
  restMs?: number;
  /** Something an operator must see: a changed public key, a file that runs behind, a message that does not open. */
  onAlarm?: (alarm: { mailbox: string; what: string }) => void;
};

export type AppLogin<T> = { ok: true; account: T } | { ok: false; why: "credentials" | "unavailable" };
type From = { ip: string };

export async function openStore(options: StoreOptions): Promise<Store> {
  const store = new Store(options);
  await store.start();
  return store;
}

export class Store {
  readonly #options: Required<StoreOptions>;
  readonly #threads: StoreThread[];
  readonly #placements = new Placements();
  readonly #accounts = new Map<number, StoreAccount>();
  readonly #maildropLocks = new Set<string>();
  readonly #hub = new Hub<StoreAccount>((session) => this.#accounts.get(session) ?? null);
  readonly #mirrors: Mirrors;
  readonly #intake: Intake;
  /** Of mailboxes between this node and others. */
  readonly moves: Moves;
  #nextSession = 1;
  #awaitsSync = false;
  #closed: Promise<void> | null = null;
  /** Asks the edge for a record that lacks a selector or an address; set by the hand-off. */
  onMiss: ((address: string) => Promise<void>) | null = null;

  constructor(options: StoreOptions) {
    const workers = options.workers ?? availableParallelism();
    this.#options = {
      clock: systemClock,
      workers,
      testSlots: false,
      graceMs: 60_000,
      restMs: 10_000,
      onAlarm: () => undefined,
      ...options,
    };
    const { dir, nodeKey, graceMs, restMs } = this.#options;
    this.#threads = Array.from({ length: workers }, (_, i) => {
      const start = { dir, nodeKey: Uint8Array.from(nodeKey), graceMs, restMs, ownsNode: i === 0 };
      return new StoreThread(
        start,
        (news) => this.#hear(news),
        (cause) => this.#alarm("", cause),
      );
    });
    this.#mirrors = new Mirrors((mirrors, uses) => this.#node.call("nodeMirror", { mirrors, uses }));
    const threadOf = (mailbox: string): StoreThread => this.#threadOf(mailbox);
    const placements = this.#placements;
    this.#intake = new Intake({ placements, mirrors: this.#mirrors, threadOf, awaitsSync: () => this.#awaitsSync });
    this.moves = new Moves({
      ...{ dir, placements, threadOf, node: this.#node },
      endSessions: (mailbox) => this.#endSessions(mailbox, "moving", () => true),
    });
  }

  async start(): Promise<void> {
    const { placed, awaitsSync, away, arriving } = await this.#node.call("nodeRecords", null);
    for (const one of placed) this.#placements.hold(one);
    for (const { mailbox, epoch } of away) this.#placements.away(mailbox, epoch);
    // The last run may have ended between noting a deletion and doing it.
    for (const { record } of placed) if (record.state === "deleted") await this.#erase(record.id);
    this.#awaitsSync = awaitsSync;
    await this.moves.start(arriving);
  }

  /** The edge's records were applied: a restored node may let people in again. */
  async synced(): Promise<void> {
    if (!this.#awaitsSync) return;
    await this.#node.call("nodeSynced", null);
    this.#awaitsSync = false;
  }

  get #node(): StoreThread {
    const [first] = this.#threads;
    if (!first) throw new Error("a store without threads");
    return first;
  }

  #threadOf(mailbox: string): StoreThread {
    let sum = 0;
    for (let i = 0; i < mailbox.length; i++) sum = (Math.imul(sum, 31) + mailbox.charCodeAt(i)) >>> 0;
    return this.#threads[sum % this.#threads.length] ?? this.#node;
  }

  #hear(news: News): void {
    if (news.kind === "changes") this.#hub.publish(news.mailbox, news.changes);
    else if (news.kind === "alarm") this.#alarm(news.mailbox, news.what);
    else if (news.kind === "proven") this.#pin(news.mailbox, news.keyId);
    else if (this.#placements.hear(news)) this.#mirrors.state(news);
  }

  /** A key id that its owner's login has proven is the one to expect from now on. */
  #pin(mailbox: string, keyId: string): void {
    const placed = this.#placements.get(mailbox);
    if (!placed || placed.pinnedKeyId === keyId) return;
    placed.pinnedKeyId = keyId;
    void this.#node.call("nodePin", { mailbox, keyId }).catch(() => undefined);
  }

  #alarm(mailbox: string, what: string): void {
    this.#options.onAlarm({ mailbox, what });
  }

  /** `imap/port.ts` Mailboxes. */
  readonly mailboxes = {
    login: (user: string, secret: Uint8Array, from: From): Promise<AppLogin<StoreAccount>> =>
      this.#login(user, secret, from),
  };

  /** `pop3/port.ts` Maildrops. */
  readonly maildrops = {
    open: (user: string, secret: Uint8Array, from: From) => this.#openMaildrop(user, secret, from),
  };

  async #login(user: string, given: Uint8Array, _from: From): Promise<AppLogin<StoreAccount>> {
    const secret = Uint8Array.from(given);
    given.fill(0);
    const address = user.trim().toLowerCase();
    const parsed = parseAppPassword(secret, nativePrimitives);
    try {
      // A restored node may hold slots that were revoked since.
      if (this.#awaitsSync) return { ok: false, why: "unavailable" };
      if (parsed && !this.#placements.slotFor(address, parsed.selector)) await this.onMiss?.(address);
      const slot = parsed ? this.#placements.slotFor(address, parsed.selector) : this.#testSlot(address);
      return await this.#enter(address, slot, parsed?.secret ?? (slot ? secret.slice() : random(20)));
    } catch {
      // Whoever must know has been told by an alarm.
      return { ok: false, why: "unavailable" };
    } finally {
      secret.fill(0);
    }
  }

  async #enter(address: string, slot: Keyslot | null, secret: Uint8Array): Promise<AppLogin<StoreAccount>> {
    // A user or slot that does not exist costs what an existing one costs.
    const placed = slot ? this.#placements.at(address) : null;
    const record = placed?.record;
    const session = this.#nextSession++;
    const facts = {
      mailbox: record?.id ?? "none",
      keyId: record?.keyId ?? "",
      quotaBytes: record?.quotaBytes ?? 0,
      generation: placed?.generation ?? 0,
      highestModseq: placed?.highestModseq ?? 0,
      previous: record?.previous ?? [],
      pinnedKeyId: placed?.pinnedKeyId ?? "",
    };
    const thread = this.#threadOf(record?.id ?? address);
    const real = record !== undefined;
    const opened = await thread.call("login", { session, facts, slot: slot ?? dummySlot, secret, real });
    if (!opened || !record || !slot) return { ok: false, why: "credentials" };
    const { id: mailboxId } = record;
    const ended = (account: StoreAccount) => this.#accounts.delete(account.session);
    const account = new StoreAccount({ session, mailboxId, address, slot: slot.id, thread, hub: this.#hub, ended });
    this.#accounts.set(session, account);
    this.#used(mailboxId, slot.id);
    if (this.#placements.isRevoked(mailboxId, slot.id)) {
      await account.logout();
      return { ok: false, why: "credentials" };
    }
    return { ok: true, account };
  }

  #testSlot(address: string): Keyslot | null {
    return this.#options.testSlots ? this.#placements.testSlotFor(address) : null;
  }

  #used(mailbox: string, slot: string): void {
    const at = this.#options.clock();
    const placed = this.#placements.get(mailbox);
    if (placed) placed.lastUse[slot] = at;
    this.#mirrors.use({ mailbox, slot, at });
  }

  async #openMaildrop(user: string, secret: Uint8Array, from: From) {
    const login = await this.#login(user, secret, from);
    if (!login.ok) return login;
    const { account } = login;
    const { mailboxId } = account;
    if (this.#maildropLocks.has(mailboxId)) {
      await account.logout();
      return { ok: false, why: "in-use" } as const;
    }
    this.#maildropLocks.add(mailboxId);
    try {
      const maildrop = await StoreMaildrop.open(account, () => this.#maildropLocks.delete(mailboxId));
      return { ok: true, maildrop } as const;
    } catch {
      this.#maildropLocks.delete(mailboxId);
      await account.logout();
      return { ok: false, why: "unavailable" } as const;
    }
  }

  /**
   * Takes over `bytes`. `stored` and `duplicate` are durable: the ciphertext is synced, or was filed before. An open mailbox shows
   * the message soon after.
   */
  acceptSealed(arrival: Arrival & { bytes: Uint8Array }): Promise<Acceptance> {
    return this.#intake.whole(arrival);
  }

  /** The same as it comes. Where `pieces` throws, nothing of it remains, and that is thrown on. */
  acceptStream(arrival: Arrival & Stream): Promise<Acceptance> {
    return this.#intake.stream(arrival);
  }

  /**
   * Applies a record at or above the revision held; answers the revision held afterwards, null where the mailbox has moved away. Durable
   * when it resolves. A record of a mailbox whose copy lies ready says that the move was made.
   */
  async applyMailbox(record: MailboxRecord): Promise<number | null> {
    if (this.#placements.isAway(record)) return null;
    if (await this.moves.arrived(record)) return record.revision;
    const had = this.#placements.get(record.id);
    if (had && record.revision < had.record.revision) return had.record.revision;
    if (had && !mayFollow(record, had.pinnedKeyId)) this.#alarm(record.id, "the edge offers another public key");
    // Before anything is awaited: an older one that comes meanwhile is older.
    this.#placements.hold({ ...freshly(record), ...had, record });
    await this.#node.call("nodeSave", { record });
    const ended = await this.#endSessions(record.id, "revoked", ({ slot }) =>
      this.#placements.isRevoked(record.id, slot),
    );
    if (ended) await this.#threadOf(record.id).call("lockIdle", { mailbox: record.id });
    if (record.state === "deleted") await this.#erase(record.id);
    else await this.#threadOf(record.id).call("setQuota", { mailbox: record.id, quotaBytes: record.quotaBytes });
    return record.revision;
  }

  #erase(mailbox: string): Promise<void> {
    return this.#threadOf(mailbox).call("erase", { mailbox });
  }

  /** Answers whether there were any. */
  async #endSessions(mailbox: string, why: SessionEnd, which: (account: StoreAccount) => boolean): Promise<boolean> {
    const ending = [...this.#accounts.values()].filter((account) => account.mailboxId === mailbox && which(account));
    for (const account of ending) {
      account.revoke(why);
      await account.logout();
    }
    return ending.length > 0;
  }

  /** Would a message for this placement be taken at all? */
  holds(mailbox: string, epoch: number): boolean {
    return this.#placements.holds(mailbox, epoch);
  }

  /** Has the full-text index of an open mailbox mail yet to look at? Searches are exact all the same. */
  isIndexing(mailbox: string): Promise<boolean> {
    return this.#threadOf(mailbox).call("isIndexing", { mailbox });
  }

  /** How long work waits for its turn in each store thread, since this was last asked. */
  loopDelays(): Promise<LoopDelay[]> {
    return Promise.all(this.#threads.map((thread) => thread.call("loopDelay", null)));
  }

  /** The record held, by id. */
  record(mailbox: string): MailboxRecord | null {
    return this.#placements.get(mailbox)?.record ?? null;
  }

  /** What a heartbeat says of each mailbox. */
  stats(): MailboxStats[] {
    return this.#placements.stats();
  }

  /** Ends all sessions, wipes keys, closes every database; once. */
  close(): Promise<void> {
    this.#closed ??= this.#end();
    return this.#closed;
  }

  async #end(): Promise<void> {
    for (const account of [...this.#accounts.values()]) await account.logout();
    await this.#mirrors.flush();
    await Promise.all(this.#threads.map((thread) => thread.close()));
  }
}

/** The pinned key, or one that says it was made from it: whether its owner made it is seen when it opens, at the next login. */
function mayFollow({ keyId, previous = [] }: MailboxRecord, pinned: string): boolean {
  return keyId === pinned || previous.some((former) => former.keyId === pinned);
}
