/**
 * A mailbox's locked inbox: sealed messages wait here, durably, until their owner logs in. What is acknowledged has been synced;
 * arrivals that wait together share one sync. A large one is written as it comes and counts for nothing until it is finished. Ids
 * are remembered after filing, so that a re-drive is recognised for ever.
 */
import { chunkBytes, headerBytes, tagBytes } from "../../core/seal/format.ts";
import type { Database } from "../sqlite/database.ts";
import { type CarriedPage, type CarriedTo, pieceRoom, readCarried } from "./inbox-carry.ts";
import type { Hooks } from "./mailbox.ts";

export type Accepted = "stored" | "duplicate";
type Job = { run: () => () => void; failed: (cause: unknown) => void };
/** One that waits. */
export type Sealed = { id: string; number: number; size: number };

const states = { coming: 0, waiting: 1, unreadable: 2 };
const sealedChunk = chunkBytes + tagBytes;

export class Inbox {
  readonly #db: Database;
  readonly #hooks: Pick<Hooks, "now" | "soon">;
  #jobs: Job[] = [];
  /** Arrivals under way: bytes and pieces so far. */
  readonly #coming = new Map<number, { size: number; pieces: number }>();
  waiting = 0;
  waitingBytes = 0;

  constructor(db: Database, hooks: Pick<Hooks, "now" | "soon">) {
    this.#db = db;
    this.#hooks = hooks;
    this.#forgetUnfinished();
    this.#recount();
  }

  get isBusy(): boolean {
    return this.#jobs.length > 0 || this.#coming.size > 0;
  }

  /** Resolves once the ciphertext and its id are synced. */
  accept(id: string, bytes: Uint8Array): Promise<Accepted> {
    return this.#together(() => {
      if (this.#knows(id)) return { value: "duplicate" };
      const { id: number } = this.#insert(id, bytes.length, states.waiting);
      this.#write(number, { size: 0, pieces: 0 }, bytes);
      return { value: "stored", after: () => this.#wait(bytes.length) };
    });
  }

  /** The next bytes of a message that is coming in, or its first ones (`arrival` null); answers the number it goes by. */
  take(arrival: number | null, bytes: Uint8Array): Promise<number> {
    return this.#together(() => {
      if (arrival !== null && !this.#coming.has(arrival)) throw new Error("an arrival that never began");
      const number = arrival ?? this.#insert(null, 0, states.coming).id;
      const before = this.#coming.get(number) ?? { size: 0, pieces: 0 };
      const after = this.#write(number, before, bytes);
      return { value: number, after: () => void this.#coming.set(number, after) };
    });
  }

  /** All of it was taken, and is what it should be: from here on it waits. */
  finish(arrival: number, id: string): Promise<Accepted> {
    const size = this.#coming.get(arrival)?.size ?? 0;
    return this.#together(() => {
      const after = () => this.#coming.delete(arrival);
      if (this.#knows(id)) {
        this.#delete(arrival);
        return { value: "duplicate", after };
      }
      const text = "UPDATE arrival SET id = ?, size = ?, state = ?, arrived_at = ? WHERE number = ? AND state = ?";
      const { changes } = this.#db.run(text, id, size, states.waiting, this.#hooks.now(), arrival, states.coming);
      if (changes !== 1) throw new Error("an arrival that never began");
      return {
        value: "stored",
        after: () => {
          after();
          this.#wait(size);
        },
      };
    });
  }

  /** It was cut off, or not what was announced. */
  drop(arrival: number): Promise<void> {
    return this.#together(() => {
      this.#delete(arrival);
      return { value: undefined, after: () => void this.#coming.delete(arrival) };
    });
  }

  /** Runs with all that arrived in the same turn, in one transaction. */
  #together<T>(work: () => { value: T; after?: () => void }): Promise<T> {
    return new Promise((resolve, failed) => {
      const run = () => {
        const { value, after } = work();
        return () => {
          after?.();
          resolve(value);
        };
      };
      if (this.#jobs.length === 0) this.#hooks.soon(() => this.#commit());
      this.#jobs.push({ run, failed });
    });
  }

  #commit(): void {
    const jobs = this.#jobs;
    this.#jobs = [];
    let settle: (() => void)[];
    try {
      settle = this.#db.transaction(() => jobs.map(({ run }) => run()));
    } catch (cause) {
      for (const { failed } of jobs) failed(cause);
      return;
    }
    for (const done of settle) done();
  }

  #knows(id: string): boolean {
    return (
      this.#db.value("SELECT 1 FROM known WHERE id = ?", id) !== undefined ||
      this.#db.value("SELECT 1 FROM arrival WHERE id = ?", id) !== undefined
    );
  }

  #insert(id: string | null, size: number, state: number): { id: number } {
    const text = "INSERT INTO arrival (id, arrived_at, size, state) VALUES (?, ?, ?, ?)";
    return this.#db.run(text, id, this.#hooks.now(), size, state);
  }

  #write(number: number, { size, pieces }: { size: number; pieces: number }, bytes: Uint8Array) {
    for (const piece of cut(bytes, size)) {
      this.#db.run("INSERT INTO piece (id, bytes) VALUES (?, ?)", number * pieceRoom + pieces++, piece);
    }
    return { size: size + bytes.length, pieces };
  }

  #delete(number: number): void {
    this.#db.run("DELETE FROM piece WHERE id >= ? AND id < ?", number * pieceRoom, (number + 1) * pieceRoom);
    this.#db.run("DELETE FROM arrival WHERE number = ?", number);
  }

  #wait(size: number): void {
    this.waiting++;
    this.waitingBytes += size;
  }

  // Left over where the last run ended in the middle: nobody was told that they are here.
  #forgetUnfinished(): void {
    const left = this.#db.column<number>("SELECT number FROM arrival WHERE state = ?", states.coming);
    if (left.length > 0) this.#db.transaction(() => left.forEach((number) => void this.#delete(number)));
  }

  /** The oldest, bounded by count and bytes; at least one where there is one. */
  oldest(most: number, mostBytes: number): Sealed[] {
    const all = this.#db.all<Sealed>(
      "SELECT id, number, size FROM arrival WHERE state = ? ORDER BY number LIMIT ?",
      states.waiting,
      most,
    );
    let total = 0;
    const past = all.findIndex(({ size }, i) => {
      total += size;
      return i > 0 && total > mostBytes;
    });
    return past < 0 ? all : all.slice(0, past);
  }

  /** Its ciphertext, piece by piece. */
  *pieces(number: number): Generator<Uint8Array> {
    for (let piece = 0; ; piece++) {
      const bytes = this.#db.value<Uint8Array>("SELECT bytes FROM piece WHERE id = ?", number * pieceRoom + piece);
      if (!bytes) return;
      yield bytes;
    }
  }

  /** After their commit in the mailbox: these are filed. */
  filed(ids: readonly string[]): void {
    const gone = { count: 0, bytes: 0 };
    this.#db.transaction(() => {
      for (const id of ids) {
        this.#db.run("INSERT OR IGNORE INTO known (id, at) VALUES (?, ?)", id, this.#hooks.now());
        const arrival = this.#db.get<{ number: number; size: number; state: number }>(
          "SELECT number, size, state FROM arrival WHERE id = ?",
          id,
        );
        if (arrival === undefined) continue;
        this.#delete(arrival.number);
        if (arrival.state !== states.waiting) continue;
        gone.count++;
        gone.bytes += arrival.size;
      }
    });
    // Not counted anew: a hundred thousand that wait would be gone through for every hundred.
    this.waiting -= gone.count;
    this.waitingBytes -= gone.bytes;
  }

  /** Not to be opened with the mailbox's key: kept aside, never dropped. */
  setAside(id: string): void {
    this.#db.run("UPDATE arrival SET state = ? WHERE id = ?", states.unreadable, id);
    this.#recount();
  }

  /** Another key may open what one did not. */
  retryUnreadable(): void {
    if (this.unreadable === 0) return;
    this.#db.run("UPDATE arrival SET state = ? WHERE state = ?", states.waiting, states.unreadable);
    this.#recount();
  }

  get unreadable(): number {
    return this.#db.value<number>("SELECT count(*) FROM arrival WHERE state = ?", states.unreadable) ?? 0;
  }

  /** Everything that waits, also what did not open, into another inbox; what that knows already stays out. Answers how many went. */
  async carryInto(other: Inbox): Promise<number> {
    this.retryUnreadable();
    let carried = 0;
    for (const { id, number } of this.oldest(Number.MAX_SAFE_INTEGER, Number.MAX_SAFE_INTEGER)) {
      const bytes = Buffer.concat([...this.pieces(number)]);
      if ((await other.accept(id, bytes)) === "stored") carried++;
    }
    return carried;
  }

  /** All that is acknowledged, page by page, for another node; while nothing is taken or filed. */
  carried(from: CarriedTo): CarriedPage {
    return readCarried(this.#db, from);
  }

  /** About how many bytes that is. */
  get carriedBytes(): number {
    const sealed = this.#db.value<number>("SELECT coalesce(sum(size), 0) FROM arrival WHERE state <> ?", states.coming);
    const known = this.#db.value<number>("SELECT count(*) FROM known");
    return (sealed ?? 0) + (known ?? 0) * 100;
  }

  #recount(): void {
    const counted = this.#db.get<{ n: number; size: number }>(
      "SELECT count(*) AS n, coalesce(sum(size), 0) AS size FROM arrival WHERE state = ?",
      states.waiting,
    );
    this.waiting = counted?.n ?? 0;
    this.waitingBytes = counted?.size ?? 0;
  }

  close(): void {
    this.#db.close();
  }
}

/** Pieces end where chunks of the sealed format end, so that opening one puts nothing together. `at`: bytes in front of these. */
function* cut(bytes: Uint8Array, at: number): Generator<Uint8Array> {
  for (let done = 0; done < bytes.length; ) {
    const inChunk = (at + done - headerBytes) % sealedChunk;
    const room = at + done < headerBytes + sealedChunk ? headerBytes + sealedChunk - at - done : sealedChunk - inChunk;
    yield bytes.subarray(done, done + room);
    done += room;
  }
}
