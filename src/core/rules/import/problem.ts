/**
 * What is wrong with a list of aliases, told to its owner: where, what, and whether the entry is left out (`error`) or only
 * worth knowing (`notice`). Bounded, since a hostile file has a million mistakes.
 */
export type ProblemCode =
  | "bad-file"
  | "too-long"
  | "too-many-records"
  | "too-many-aliases"
  | "too-many-destinations"
  | "misspelt"
  | "bad-alias"
  | "bad-pattern"
  | "no-wildcards-here"
  | "other-domain"
  | "bad-destination"
  | "no-destination"
  | "loop"
  | "bad-port"
  | "reseal-needed"
  | "sealed-unreadable"
  | "kept-elsewhere"
  | "unsupported"
  | "merged"
  | "cut";

export type Problem = {
  level: "error" | "notice";
  code: ProblemCode;
  /** Which record, line or entry, from 1; null for the whole. */
  at: number | null;
  /** Characters before the place within a record; null where that says nothing. */
  offset: number | null;
  /** A sentence for the owner. */
  text: string;
};

export type Place = { at: number | null; offset: number | null };
export const nowhere: Place = { at: null, offset: null };

export class Problems {
  readonly list: Problem[] = [];
  readonly #hushed = new Set<number>();
  #more = 0;

  /** What is said of this record from now on quotes none of it: it was sealed, and problems are shown in the open. */
  hush(at: number): void {
    this.#hushed.add(at);
  }

  isHushed(place: Place): boolean {
    return place.at !== null && this.#hushed.has(place.at);
  }

  error(code: ProblemCode, place: Place, text: string): void {
    this.#add({ level: "error", code, at: place.at, offset: place.offset, text });
  }

  notice(code: ProblemCode, place: Place, text: string): void {
    this.#add({ level: "notice", code, at: place.at, offset: place.offset, text });
  }

  /** The first hundred, and how many more there are. */
  all(): Problem[] {
    if (this.#more === 0) return this.list;
    const text = `There are ${this.#more} more problems.`;
    return [...this.list, { level: "error", code: "bad-file", ...nowhere, text }];
  }

  #add(problem: Problem): void {
    const text = this.isHushed(problem) ? `An item of the sealed record is left out: ${problem.code}.` : problem.text;
    if (this.list.length < 100) this.list.push({ ...problem, text });
    else this.#more++;
  }
}

/** A piece of the owner's text, safe to show: printable, one line, at most 60 characters. */
export function quote(text: string): string {
  const line = text
    .toWellFormed()
    .replace(/[\p{C}\p{Z}]+/gu, " ")
    .trim();
  const chars = Array.from(line.slice(0, 200));
  return `“${chars.length > 60 ? `${chars.slice(0, 59).join("")}…` : chars.join("")}”`;
}
