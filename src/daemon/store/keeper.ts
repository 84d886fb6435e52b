/**
 * The mailboxes of one store thread: opened at the first login, shared by all sessions of the mailbox, closed and their keys wiped
 * when the last one has left and a grace time is over. Also their locked inboxes, which need no owner.
 */
import { rmSync } from "node:fs";
import { Rests } from "../sqlite/rests.ts";
import { purge } from "./changing.ts";
import { collectSoon } from "./collect.ts";
import { describeOlder } from "./describe.ts";
import { drainBatch } from "./drain.ts";
import type { Inbox } from "./inbox.ts";
import { Inboxes } from "./inboxes.ts";
import type { Hooks, Mailbox, Write } from "./mailbox.ts";
import { folderOf } from "./place.ts";
import { Refusal } from "./refusal.ts";
import { isMarkedRestored } from "./restore.ts";
import { mended } from "./stand-in.ts";
import type { Announced } from "./types.ts";
import { type News, type OpenFacts, type Unlocked, Unlocker } from "./unlock.ts";
import { Warmth } from "./warmth.ts";

export type KeeperOptions = { dir: string; nodeKey: Uint8Array; graceMs: number; restMs: number };

type Open = Omit<Unlocked, "leftover"> & {
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
  readonly #open = new Map<string, Open>();
  readonly #sessions = new Map<number, Open>();
  readonly #inboxes: Inboxes;
  readonly #unlocker: Unlocker;
  readonly #warmth = new Warmth();
  /** On their way to another node. */
  readonly #frozen = new Set<string>();

  /** `workload` counts what this thread was asked so far. */
  constructor(options: KeeperOptions, tell: (news: News) => void, soon: Hooks["soon"], workload: () => number) {
    this.#options = options;
    const rests = new Rests(options.restMs);
    this.#inboxes = new Inboxes(options, soon, rests);
    this.#tell = tell;
    const committed: Hooks["committed"] = (mailbox, changes) => this.#committed(mailbox, changes);
    const lock = (id: string) => void setImmediate(() => this.lock(id));
    this.#unlocker = new Unlocker(options, { tell, soon, committed, workload, lock, rests });
  }

  /** Opens the mailbox for a session, with MK just unwrapped (taken over and zeroed). */
  async enter(session: number, facts: OpenFacts, masterKey: Uint8Array): Promise<void> {
    this.#refuseFrozen(facts.mailbox);
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
    return this.#mailboxOf(args)?.unsettled ?? null;
  }

  /** A call of a session met a damaged page: may it be tried once more? */
  mend(args: unknown): boolean {
    const mailbox = this.#mailboxOf(args);
    return mailbox !== undefined && this.#mend(mailbox);
  }

  #mend(mailbox: Mailbox): boolean {
    const damaged = mailbox.mend();
    if (damaged.length > 0) this.#tell({ kind: "alarm", mailbox: mailbox.id, what: mended(damaged) });
    return damaged.length > 0;
  }

  #mailboxOf(args: unknown): Mailbox | undefined {
    const session = (args as { session?: number } | null)?.session;
    return session === undefined ? undefined : this.#sessions.get(session)?.mailbox;
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

  /** Nobody is let in and nothing is taken: when this resolves, all that was acknowledged is in the mailbox's files, and they lie still. */
  async freeze(id: string): Promise<void> {
    this.#frozen.add(id);
    this.lock(id);
    // What came in this turn is committed first.
    await pause();
    this.#inboxes.forget(id);
  }

  thaw(id: string): void {
    this.#frozen.delete(id);
  }

  /** Put back from a copy, and not opened since. */
  isRestored(id: string): boolean {
    return isMarkedRestored(folderOf(this.#options.dir, id), id, this.#options.nodeKey);
  }

  #refuseFrozen(id: string): void {
    if (this.#frozen.has(id)) throw new Refusal("UNAVAILABLE", "The mailbox is being moved to another server");
  }

  /** Forgets the mailbox and destroys its folder. */
  erase(id: string): void {
    this.lock(id);
    this.#inboxes.forget(id);
    rmSync(folderOf(this.#options.dir, id), { recursive: true, force: true });
  }

  inbox(id: string): Inbox {
    this.#refuseFrozen(id);
    return this.#inboxes.open(id, (one) => this.#open.has(one));
  }

  /** Of a frozen mailbox, to be read. */
  stillInbox(id: string): Inbox {
    if (!this.#frozen.has(id)) throw new Refusal("UNAVAILABLE", "The mailbox is not on its way to another server");
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
    this.inbox(facts.mailbox).retryUnreadable();
    const { leftover, ...unlocked } = this.#unlocker.unlock(facts, masterKey);
    if (leftover.purge) this.#purgeSoon(unlocked.mailbox);
    if (leftover.describe) this.#describeSoon(unlocked.mailbox);
    return { ...unlocked, sessions: new Set(), closing: null, draining: null };
  }

  #committed(mailbox: Mailbox, changes: Announced[]): void {
    if (changes.length > 0) this.#tell({ kind: "changes", mailbox: mailbox.id, changes });
    const open = this.#open.get(mailbox.id);
    if (open) this.#tellState(open);
    if (changes.some(({ kind }) => kind === "added")) open?.indexer.wake();
    if (changes.some(({ kind }) => kind === "expunged")) this.#purgeSoon(mailbox);
  }

  #tellState({ mailbox }: Open): void {
    const { id, generation, db } = mailbox;
    try {
      const highestModseq = db.value<number>("SELECT coalesce(max(modseq), 0) FROM folder") ?? 0;
      const { usedBytes } = mailbox;
      this.#tell({ kind: "state", mailbox: id, generation, usedBytes, highestModseq, waiting: this.inbox(id).waiting });
    } catch (cause) {
      // After a commit nobody is there to hear of a bad page: thrown on, it would end the thread.
      if (!this.#mend(mailbox)) this.#tell({ kind: "alarm", mailbox: id, what: `no counts: ${String(cause)}` });
    }
  }

  // Bodies that nothing shows any more go, and with them what the index knows of them.
  #purgeSoon(mailbox: Mailbox): void {
    this.#behind(
      mailbox,
      (write) => purge(write, 200),
      (gone, { indexer }) => {
        indexer.forget(gone);
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

  close(): void {
    for (const id of [...this.#open.keys()]) this.lock(id);
    this.#inboxes.close();
  }
}

export function pause(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
