/**
 * The flags of every message that a session knows, as far as it has seen them: two bytes a message, since a folder has few
 * different lists. Once complete, FETCH FLAGS and searches for flags need no store; every change heard keeps it so.
 */
import type { Flagged, Query } from "../port.ts";
import type { Numbers } from "./numbers.ts";

const MOST_LISTS = 0xfff0;

export class KnownFlags {
  readonly #numbers: Numbers;
  /** Lists by mark; mark 0 is "not seen yet". */
  readonly #lists: (readonly string[])[] = [[]];
  readonly #texts: string[] = [""];
  readonly #marks = new Map<string, number>();
  #isComplete = false;
  #changes = 0;

  constructor(numbers: Numbers) {
    this.#numbers = numbers;
    this.#isComplete = numbers.count === 0;
  }

  get isComplete(): boolean {
    return this.#isComplete;
  }

  /** Moves with every change heard: a reading during which it moved may be stale. */
  get changes(): number {
    return this.#changes;
  }

  /** Flags as read from the store. */
  learn(messages: Flagged): void {
    const marks = messages.flagSets.map((flags) => this.#mark(flags));
    const at = this.#numbers.marks;
    for (let i = 0; i < messages.uids.length; i++) {
      const seq = this.#numbers.seqOf(messages.uids[i] as number);
      if (seq > 0) at[seq - 1] = marks[messages.flagSet[i] as number] ?? 0;
    }
  }

  /** A change of them, of any session. */
  change(messages: Flagged): void {
    this.#changes++;
    if (this.#isComplete || this.#lists.length > 1) this.learn(messages);
  }

  /** A reading of all is done, and began when `changes` was so. */
  finish(changes: number): void {
    this.#isComplete = changes === this.#changes && this.#lists.length < MOST_LISTS && !this.#numbers.marks.includes(0);
  }

  /** The list of the message with that number, joined by spaces. */
  textOf(seq: number): string {
    return this.#texts[this.#numbers.markAt(seq)] ?? "";
  }

  #mark(flags: readonly string[]): number {
    const text = flags.join(" ");
    const known = this.#marks.get(text);
    if (known !== undefined) return known;
    if (this.#lists.length >= MOST_LISTS) {
      this.#isComplete = false;
      return 0;
    }
    this.#marks.set(text, this.#lists.length);
    this.#texts.push(text);
    return this.#lists.push(flags) - 1;
  }

  /** The UIDs that match, where flags and UIDs alone decide and all are known; else null. */
  search(query: Query): Uint32Array | null {
    if (!this.#isComplete || !isAboutFlags(query)) return null;
    const { marks, uids } = this.#numbers;
    const test = this.#test(query);
    return uids.filter((uid, i) => test(uid, marks[i] as number));
  }

  #test(query: Query): (uid: number, mark: number) => boolean {
    switch (query.kind) {
      case "flag": {
        const name = query.flag.toLowerCase();
        const has = this.#lists.map((flags) => flags.some((flag) => flag.toLowerCase() === name) === query.set);
        return (_uid, mark) => has[mark] === true;
      }
      case "uids":
        return (uid) => query.ranges.some(([first, last]) => uid >= first && uid <= last);
      case "and":
      case "or": {
        const all = query.of.map((one) => this.#test(one));
        return query.kind === "and"
          ? (uid, mark) => all.every((test) => test(uid, mark))
          : (uid, mark) => all.some((test) => test(uid, mark));
      }
      case "not": {
        const test = this.#test(query.of);
        return (uid, mark) => !test(uid, mark);
      }
      default:
        return () => true;
    }
  }
}

/** Sets of many ranges are the store's: it looks them up, this looks through them. */
const MOST_RANGES = 20;

function isAboutFlags(query: Query): boolean {
  if (query.kind === "and" || query.kind === "or") return query.of.every(isAboutFlags);
  if (query.kind === "not") return isAboutFlags(query.of);
  if (query.kind === "uids") return query.ranges.length <= MOST_RANGES;
  return query.kind === "all" || query.kind === "flag";
}
