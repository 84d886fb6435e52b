/**
 * POP3 programs read a maildrop from one end to the other. Once a session reads one message after the next, those that follow are
 * read together and in time, so that sixty-four of them cost one question to the store. Bounded in messages and bytes.
 */
import type { StoreThread } from "./threads.ts";
import type { Section } from "./types.ts";

const mostAtOnce = 64;
const mostBytes = 256 * 1024;
/** Larger ones are read by themselves, when they are asked for. */
const mostSize = 64 * 1024;
/** When so few are left, the next ones are asked for. */
const fewLeft = 24;

export type Place = { uid: number; size: number };
type Read = Map<number, Uint8Array>;

export class ReadAhead {
  readonly #places: readonly Place[];
  readonly #thread: () => { thread: StoreThread; session: number };
  readonly #folder: number;
  /** Messages read or being read, by place in the maildrop. */
  readonly #held = new Map<number, Promise<Read>>();
  #what: "all" | "header" = "all";
  #last = -2;

  /** `thread` throws once the session has ended. */
  constructor(places: readonly Place[], folder: number, thread: () => { thread: StoreThread; session: number }) {
    this.#places = places;
    this.#folder = folder;
    this.#thread = thread;
  }

  /** The message at `place`, or its header; null when it is gone. */
  async read(place: number, what: "all" | "header"): Promise<Uint8Array | null> {
    if (what !== this.#what) this.#held.clear();
    const goesOn = what === this.#what && place === this.#last + 1;
    this.#what = what;
    this.#last = place;
    if (!goesOn) this.#held.clear();
    else this.#ask(place);
    const uid = this.#places[place]?.uid ?? 0;
    const found = (await this.#held.get(place))?.get(uid);
    this.#held.delete(place);
    return found ?? this.section(uid, { part: [], what });
  }

  async section(uid: number, section: Section): Promise<Uint8Array | null> {
    const { thread, session } = this.#thread();
    const bytes = await thread.call("section", { session, folder: this.#folder, uid, section });
    return bytes instanceof Uint8Array ? bytes : null;
  }

  #ask(place: number): void {
    if (this.#held.size > fewLeft) return;
    const from = this.#held.size === 0 ? place : Math.max(...this.#held.keys()) + 1;
    const next = this.#run(from);
    const [first, last] = [next[0], next.at(-1)];
    if (!first || !last) return;
    const reading = this.#read(first.uid, last.uid);
    // Whoever stops reading leaves it behind.
    reading.catch(() => undefined);
    for (const i of next.keys()) this.#held.set(from + i, reading);
  }

  /** As many from there on as are small and fit together. */
  #run(from: number): Place[] {
    const run: Place[] = [];
    let bytes = 0;
    for (const one of this.#places.slice(from, from + mostAtOnce)) {
      bytes += one.size;
      if (one.size > mostSize || bytes > mostBytes) break;
      run.push(one);
    }
    return run;
  }

  async #read(first: number, last: number): Promise<Read> {
    const { thread, session } = this.#thread();
    const want = { sections: [{ part: [], what: this.#what }] };
    const { rows } = await thread.call("fetch", {
      session,
      folder: this.#folder,
      ranges: [[first, last]],
      want,
      from: 0,
    });
    const read: Read = new Map();
    const { bytes, ends } = rows.sections?.[0] ?? { bytes: new Uint8Array(0), ends: [] };
    for (const [i, uid] of rows.uids.entries()) read.set(uid, bytes.subarray(ends[i - 1] ?? 0, ends[i]));
    return read;
  }
}
