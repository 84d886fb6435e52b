/**
 * The mailboxes of one store thread: opened at the first login, shared by all sessions of the mailbox, closed and their keys wiped
 * when the last one has left and a grace time is over. Also their locked inboxes, which need no owner.
 */
import { existsSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { hex } from "../../core/bytes.ts";
import type { PreviousKey } from "../../core/contract/mailbox.ts";
import { deriveKeys, type MailboxKeys } from "../../core/seal/keys.ts";
import { type Opener, openerOf } from "../../core/seal/open.ts";
import { nativePrimitives } from "../platform.ts";
import type { Database } from "../sqlite/database.ts";
import { named } from "../sqlite/trouble.ts";
import { purge } from "./changing.ts";
import { collectSoon } from "./collect.ts";
import { describeOlder, hasOlder } from "./describe.ts";
import { drainBatch } from "./drain.ts";
import { makeFirstFolders } from "./folders.ts";
import { Guarded } from "./guarded.ts";
import type { Inbox } from "./inbox.ts";
import { Inboxes } from "./inboxes.ts";
import { type Hooks, Mailbox, type Write } from "./mailbox.ts";
import { folderOf, madeFolder } from "./place.ts";
import { Refusal } from "./refusal.ts";
import { afterRestore, generationOf, isMarkedRestored, unmarkRestored } from "./restore.ts";
import { formerKeys, openMail, wipeKeys } from "./rotate.ts";
import { removeIndex, TextIndex } from "./search/index.ts";
import { Indexer } from "./search/indexer.ts";
import type { Announced } from "./types.ts";
import { Warmth } from "./warmth.ts";

export type KeeperOptions = { dir: string; nodeKey: Uint8Array; graceMs: number };

/** What a thread tells the outside beside answers. */
export type News =
  | { kind: "changes"; mailbox: string; changes: Announced[] }
  | { kind: "state"; mailbox: string; generation: number; usedBytes: number; highestModseq: number; waiting: number }
  /** The owner's master key derives this public key. */
  | { kind: "proven"; mailbox: string; keyId: string }
  | { kind: "alarm"; mailbox: string; what: string };

export type OpenFacts = {
  mailbox: string;
  keyId: string;
  quotaBytes: number;
  /** The mirrors: an older file is not to be trusted. */
  generation: number;
  highestModseq: number;
  /** Former master keys, wrapped. */
  previous: readonly PreviousKey[];
  /** The key that an owner's login proved last. */
  pinnedKeyId: string;
};

type Open = {
  mailbox: Mailbox;
  /** The mailbox's own, and those of its former keys. */
  openers: Opener[];
  masterKey: Guarded;
  indexer: Indexer;
  sessions: Set<number>;
  closing: NodeJS.Timeout | null;
  draining: Promise<void> | null;
};

const drainAgainMs = 15_000;
/** Filing so much wants the memory that reading had. */
const muchWaiting = 4 * 1024 * 1024;

export class Keeper {
  readonly #options: KeeperOptions;
  readonly #tell: (news: News) => void;
  readonly #soon: Hooks["soon"];
  readonly #open = new Map<string, Open>();
  readonly #sessions = new Map<number, Open>();
  readonly #inboxes: Inboxes;
  readonly #warmth = new Warmth();
  readonly #workload: () => number;

  /** `workload` counts what this thread was asked so far. */
  constructor(options: KeeperOptions, tell: (news: News) => void, soon: Hooks["soon"], workload: () => number) {
    this.#options = options;
    this.#inboxes = new Inboxes(options, soon);
    this.#tell = tell;
    this.#soon = soon;
    this.#workload = workload;
  }

  /** Opens the mailbox for a session, with MK just unwrapped (taken over and zeroed). */
  async enter(session: number, facts: OpenFacts, masterKey: Uint8Array): Promise<void> {
    let open = this.#open.get(facts.mailbox);
    // The key was rotated while it was open: who came in with the old one is out.
    if (open && !open.masterKey.equals(masterKey)) {
      this.lock(facts.mailbox);
      open = undefined;
    }
    if (open) masterKey.fill(0);
    else {
      open = this.#unlock(facts, masterKey);
      this.#open.set(facts.mailbox, open);
    }
    if (open.closing) clearTimeout(open.closing);
    open.closing = null;
    open.sessions.add(session);
    this.#sessions.set(session, open);
    open.mailbox.quotaBytes = facts.quotaBytes;
    await this.drain(facts.mailbox);
  }

  leave(session: number): void {
    const open = this.#sessions.get(session);
    this.#sessions.delete(session);
    if (!open?.sessions.delete(session) || open.sessions.size > 0) return;
    this.#warmth.cool(open.mailbox);
    open.closing = setTimeout(() => this.lock(open.mailbox.id), this.#options.graceMs);
    open.closing.unref();
  }

  /** The mailbox of a session; refuses one that has ended. */
  mailbox(session: number): Mailbox {
    const open = this.#sessions.get(session);
    if (!open) throw new Refusal("UNAVAILABLE", "The session has ended");
    return open.mailbox;
  }

  /** The same, for whoever is about to read many of its pages. */
  reading(session: number): Mailbox {
    const mailbox = this.mailbox(session);
    this.#warmth.read(mailbox);
    return mailbox;
  }

  /** Memory is wanted for other things than what was read. */
  cool(mailbox: Mailbox): void {
    this.#warmth.cool(mailbox);
  }

  /** Before anything is read for a session: until nobody's change of its mailbox is half made. */
  settled(args: unknown): Promise<void> | null {
    const session = (args as { session?: number } | null)?.session;
    return (session !== undefined && this.#sessions.get(session)?.mailbox.unsettled) || null;
  }

  isOpen(mailbox: string): boolean {
    return this.#open.has(mailbox);
  }

  isIndexing(mailbox: string): boolean {
    const open = this.#open.get(mailbox);
    return open?.indexer.index.isBehind(open.mailbox) ?? false;
  }

  setQuota(mailbox: string, quotaBytes: number): void {
    const open = this.#open.get(mailbox);
    if (open) open.mailbox.quotaBytes = quotaBytes;
  }

  /** Closes the mailbox and wipes its keys; sessions that are left are refused from now on. */
  lock(id: string): void {
    const open = this.#open.get(id);
    if (!open) return;
    this.#open.delete(id);
    for (const session of open.sessions) this.#sessions.delete(session);
    if (open.closing) clearTimeout(open.closing);
    open.indexer.close();
    this.#warmth.cool(open.mailbox);
    open.mailbox.close();
    open.masterKey.wipe();
    collectSoon();
  }

  /** No grace time: the owner took somebody's access away. */
  lockIdle(id: string): void {
    if (this.#open.get(id)?.sessions.size === 0) this.lock(id);
  }

  /** Forgets the mailbox and destroys its folder. */
  erase(id: string): void {
    this.lock(id);
    this.#inboxes.forget(id);
    rmSync(this.#folder(id), { recursive: true, force: true });
  }

  inbox(id: string): Inbox {
    return this.#inboxes.open(id, (one) => this.#open.has(one));
  }

  /**
   * Files what waits, if the mailbox is open. One drain at a time; resolves when the inbox was seen empty. Trouble is told, not
   * thrown: what waits is safe where it is, and is tried again.
   */
  drain(id: string): Promise<void> {
    const open = this.#open.get(id);
    if (!open || open.mailbox.readOnly) return Promise.resolve();
    open.draining ??= this.#drainAll(open)
      .catch((cause: unknown) => {
        // Closed in the middle: it waits for the next login, as it did before.
        if (this.#open.get(id) !== open) return;
        this.#tell({ kind: "alarm", mailbox: id, what: `mail can't be filed: ${String(cause)}` });
        setTimeout(() => void this.drain(id), drainAgainMs).unref();
      })
      .finally(() => {
        open.draining = null;
      });
    return open.draining;
  }

  async #drainAll(open: Open): Promise<void> {
    const { id } = open.mailbox;
    const { mailbox, openers } = open;
    if (this.inbox(id).waitingBytes > muchWaiting) this.cool(mailbox);
    const onUnreadable = () => this.#tell({ kind: "alarm", mailbox: id, what: "a sealed message does not open" });
    while (
      this.#open.get(id) === open &&
      (await drainBatch({ mailbox, inbox: this.inbox(id), openers, onUnreadable, pause }))
    ) {
      await pause();
    }
    if (this.#open.get(id) === open) this.#tellState(open);
  }

  #unlock(facts: OpenFacts, masterKey: Uint8Array): Open {
    const keys = deriveKeys(masterKey, nativePrimitives);
    const former = formerKeys(masterKey, facts.mailbox, facts.previous);
    const guarded = new Guarded(masterKey);
    try {
      const openers = [keys, ...former].map(({ sealSeed }) => openerOf(sealSeed, nativePrimitives));
      const known = openers.map(({ keyId }) => hex(keyId));
      const proven = known[0] === facts.keyId;
      // The edge can't slip in a key of its own: what MK derives must be what the record names.
      if (!proven) {
        this.#tell({ kind: "alarm", mailbox: facts.mailbox, what: "the record's public key is not this mailbox's" });
      }
      // A rotation that its owner made hands the key down; anybody can name one that they never had.
      else if (!known.includes(facts.pinnedKeyId)) {
        this.#tell({
          kind: "alarm",
          mailbox: facts.mailbox,
          what: "the key was changed by somebody without the old one",
        });
      }
      const mailbox = this.#openMailbox(facts, keys, former);
      if (proven) this.#tell({ kind: "proven", mailbox: facts.mailbox, keyId: facts.keyId });
      const indexer = this.#openIndex(mailbox, keys.indexKey);
      this.inbox(facts.mailbox).retryUnreadable();
      return { mailbox, openers, masterKey: guarded, indexer, sessions: new Set(), closing: null, draining: null };
    } catch (cause) {
      guarded.wipe();
      throw cause;
    } finally {
      for (const some of [keys, ...former]) wipeKeys(some);
    }
  }

  #openIndex(mailbox: Mailbox, key: Uint8Array): Indexer {
    const path = join(this.#folder(mailbox.id), "index.db");
    const index = TextIndex.open(path, () => Buffer.from(key));
    mailbox.mayHold = (text) => index.mayHold(text);
    const indexer = new Indexer(mailbox, index, this.#workload);
    if (index.isBehind(mailbox)) indexer.wake();
    return indexer;
  }

  #openMailbox(facts: OpenFacts, keys: MailboxKeys, former: readonly MailboxKeys[]): Mailbox {
    const path = join(this.#made(facts.mailbox), "mail.db");
    // A copy from before the first login has no such file.
    if (facts.generation > 0 && !existsSync(path) && !this.#isRestored(facts.mailbox)) {
      this.#tell({ kind: "alarm", mailbox: facts.mailbox, what: "the mailbox file is missing" });
      throw new Refusal("UNAVAILABLE", "The mailbox can't be opened");
    }
    const { db, rotated } = openMail(path, keys, former);
    if (rotated) removeIndex(join(dirname(path), "index.db"));
    try {
      return this.#settle(db, facts, Uint8Array.from(keys.bodyMac));
    } catch (cause) {
      db.close();
      throw named(path, cause);
    }
  }

  #settle(db: Database, facts: OpenFacts, bodyMac: Uint8Array): Mailbox {
    const restored = this.#isRestored(facts.mailbox);
    const behind = !restored && generationOf(db) < facts.generation;
    if (behind) this.#tell({ kind: "alarm", mailbox: facts.mailbox, what: "the mailbox file is older than it was" });
    const open = () =>
      new Mailbox({ id: facts.mailbox, bodyMac, quotaBytes: facts.quotaBytes, readOnly: behind }, db, {
        now: Date.now,
        soon: this.#soon,
        committed: (one, changes) => this.#committed(one, changes),
      });
    if (generationOf(db) === 0 && !behind) open().writeNow(makeFirstFolders);
    if (restored) this.#recover(db, facts);
    const mailbox = open();
    // Left over where the last run ended before it got to them.
    if (!behind && db.value("SELECT 1 FROM held WHERE refs = 0 LIMIT 1") !== undefined) this.#purgeSoon(mailbox);
    if (!behind && hasOlder(mailbox)) this.#describeSoon(mailbox);
    return mailbox;
  }

  /** An older file is welcome where an operator restored it: clients then learn that they must look at everything anew. */
  #recover(db: Database, { mailbox, generation, highestModseq }: OpenFacts): void {
    const folder = this.#folder(mailbox);
    // Message ids start again where the restored file ends: the index may know others by them.
    removeIndex(join(folder, "index.db"));
    afterRestore(db, { generation, highestModseq, now: Date.now() });
    unmarkRestored(folder);
    this.#tell({ kind: "alarm", mailbox, what: "a restored mailbox file was opened: new UIDVALIDITYs" });
  }

  #isRestored(mailbox: string): boolean {
    return isMarkedRestored(this.#folder(mailbox), mailbox, this.#options.nodeKey);
  }

  #committed(mailbox: Mailbox, changes: Announced[]): void {
    if (changes.length > 0) this.#tell({ kind: "changes", mailbox: mailbox.id, changes });
    const open = this.#open.get(mailbox.id);
    if (open) this.#tellState(open);
    if (changes.some(({ kind }) => kind === "added")) open?.indexer.wake();
    if (changes.some(({ kind }) => kind === "expunged")) this.#purgeSoon(mailbox);
  }

  #tellState({ mailbox }: Open): void {
    this.#tell({
      kind: "state",
      mailbox: mailbox.id,
      generation: mailbox.generation,
      usedBytes: mailbox.usedBytes,
      highestModseq: mailbox.db.value<number>("SELECT coalesce(max(modseq), 0) FROM folder") ?? 0,
      waiting: this.inbox(mailbox.id).waiting,
    });
  }

  // Bodies that nothing shows any more go, and with them what the index knows of them.
  #purgeSoon(mailbox: Mailbox): void {
    this.#behind(
      mailbox,
      (write) => purge(write, 200),
      (gone, { indexer }) => {
        indexer.index.forget(gone);
        return gone.length > 0;
      },
    );
  }

  #describeSoon(mailbox: Mailbox): void {
    this.#behind(
      mailbox,
      (write) => describeOlder(write, 50),
      (more) => more,
    );
  }

  /** Slice after slice, behind whatever else there is to do, while `goesOn` says that there is more. */
  #behind<T>(mailbox: Mailbox, work: (write: Write) => T, goesOn: (done: T, open: Open) => boolean): void {
    const isOpen = () => this.#open.get(mailbox.id)?.mailbox === mailbox;
    setTimeout(() => {
      if (!isOpen()) return;
      mailbox.write(0, work).then(
        (done) => {
          const open = this.#open.get(mailbox.id);
          if (open && isOpen() && goesOn(done, open)) this.#behind(mailbox, work, goesOn);
        },
        () => undefined,
      );
    }, 50).unref();
  }

  #folder(id: string): string {
    return folderOf(this.#options.dir, id);
  }

  #made(id: string): string {
    return madeFolder(this.#options.dir, id);
  }

  close(): void {
    for (const id of [...this.#open.keys()]) this.lock(id);
    this.#inboxes.close();
  }
}

export function pause(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
