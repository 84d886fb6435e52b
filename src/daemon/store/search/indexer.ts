/**
 * Indexing behind filing: short slices with rests between them, longer rests while the thread has other work, so that no session
 * waits for it noticeably.
 */
import type { Mailbox } from "../mailbox.ts";
import type { TextIndex } from "./index.ts";

const sliceMs = 6;
const restMs = { idle: 1, busy: 15 };
/** After the last filing: a burst of mail is indexed once it is over, or goes on for long. */
const settleMs = 250;
const longMs = 5000;
/** After trouble: a full disk, a bad page. */
const retryMs = 30_000;
/** Slices between two commits. */
const slicesPerCommit = 200;

export class Indexer {
  readonly #mailbox: Mailbox;
  readonly #index: TextIndex;
  /** Calls taken in by this thread so far: tells whether anybody else is at work. */
  readonly #workload: () => number;
  #timer: NodeJS.Timeout | null = null;
  #seen = 0;
  #slices = 0;
  #filed = 0;
  /** When the burst began. */
  #since = 0;

  constructor(mailbox: Mailbox, index: TextIndex, workload: () => number) {
    this.#mailbox = mailbox;
    this.#index = index;
    this.#workload = workload;
  }

  get index(): TextIndex {
    return this.#index;
  }

  /** There may be something new. */
  wake(): void {
    this.#filed = performance.now();
    if (this.#timer !== null) return;
    this.#since = this.#filed;
    this.#sleep(settleMs);
  }

  #sleep(ms: number): void {
    this.#seen = this.#workload();
    this.#timer = setTimeout(() => this.#slice(), ms).unref();
  }

  #slice(): void {
    this.#timer = null;
    const now = performance.now();
    const inBurst = now < this.#filed + settleMs && now < this.#since + longMs;
    // Half made changes are no reading.
    if (inBurst || this.#mailbox.unsettled) {
      this.#sleep(inBurst ? settleMs : restMs.busy);
      return;
    }
    // A call within one rest and slice: somebody asks one thing after the other.
    const busy = this.#workload() > this.#seen;
    try {
      this.#index.forget([]);
      const more = this.#index.advance(this.#mailbox, sliceMs);
      if (!more || ++this.#slices % slicesPerCommit === 0) this.#index.commit();
      if (more) this.#sleep(busy ? restMs.busy : restMs.idle);
    } catch {
      this.#giveUp();
    }
  }

  /** Purged messages leave nothing behind. */
  forget(messages: readonly number[]): void {
    try {
      this.#index.forget(messages);
    } catch {
      this.#giveUp();
    }
  }

  /** Nobody waits for an index: searches read the messages instead. Thrown from a timer, trouble would end the thread. */
  #giveUp(): void {
    if (this.#timer === null) this.#sleep(retryMs);
    try {
      this.#index.takeBack();
    } catch {
      // Not even its own file can be read: the next try will say so again.
    }
  }

  close(): void {
    if (this.#timer) clearTimeout(this.#timer);
    this.#timer = null;
    this.#index.close();
  }
}
