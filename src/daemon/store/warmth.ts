/**
 * Room for deciphered pages and listings, given to the mailboxes that are being read: deciphering a page costs ten times what it costs to find one
 * that was deciphered a moment ago. A thread has so much room in all, shared by whoever reads; a mailbox that nobody has read for some
 * seconds gives its room back (freed memory is overwritten by the allocator, as `collect.ts` says).
 */
import type { Mailbox } from "./mailbox.ts";

/** Of one thread. */
const roomKiB = 64 * 1024;
/** What an open mailbox has anyway. */
const restingKiB = 2000;
const coolsAfterMs = 15_000;

export class Warmth {
  /** When each was last read. */
  readonly #reading = new Map<Mailbox, number>();
  #share = roomKiB;
  #timer: NodeJS.Timeout | null = null;

  read(mailbox: Mailbox): void {
    const isNew = !this.#reading.has(mailbox);
    this.#reading.set(mailbox, Date.now());
    if (!isNew) return;
    if (!this.#divide()) mailbox.db.holdPages(this.#share);
    this.#timer ??= setInterval(() => this.#coolDown(), coolsAfterMs / 3).unref();
  }

  /** No one reads it any more, or it has other use for the memory. */
  cool(mailbox: Mailbox): void {
    if (!this.#reading.delete(mailbox)) return;
    mailbox.listings.clear();
    mailbox.remembered.clear();
    mailbox.db.holdPages(restingKiB);
    this.#divide();
    if (this.#reading.size > 0 || this.#timer === null) return;
    clearInterval(this.#timer);
    this.#timer = null;
  }

  #coolDown(): void {
    const before = Date.now() - coolsAfterMs;
    for (const [mailbox, at] of this.#reading) if (at < before) this.cool(mailbox);
  }

  /** Shares move by halves, so that who comes and goes seldom moves everybody's; answers whether they did. */
  #divide(): boolean {
    const readers = 2 ** Math.ceil(Math.log2(Math.max(1, this.#reading.size)));
    const share = Math.max(restingKiB, Math.floor(roomKiB / readers));
    if (share === this.#share) return false;
    this.#share = share;
    for (const { db } of this.#reading.keys()) db.holdPages(share);
    return true;
  }
}
