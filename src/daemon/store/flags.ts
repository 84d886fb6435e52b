/**
 * Flags of entries: system flags as bits, keywords as one text. Keywords are equal without regard to case and keep the
 * spelling that the mailbox saw first. Lists of flags travel once per distinct combination.
 */
import type { Database } from "../sqlite/database.ts";
import type { FlagChange, Flagged } from "./types.ts";

export const bits = { seen: 1, answered: 2, flagged: 4, deleted: 8, draft: 16 };
const names: readonly (readonly [string, number])[] = [
  ["\\Answered", bits.answered],
  ["\\Flagged", bits.flagged],
  ["\\Deleted", bits.deleted],
  ["\\Seen", bits.seen],
  ["\\Draft", bits.draft],
];
const byName = new Map(names.map(([name, bit]) => [name.toLowerCase(), bit]));

/** `keywords`: sorted by folded name, each with a space on both sides of it; empty when there are none. */
export type FlagSet = { flags: number; keywords: string };

export function bitOf(flag: string): number | null {
  return byName.get(flag.toLowerCase()) ?? null;
}

/** What entries store for these flags; unknown system flags and \Recent are left out. New keywords are noted in the folder. */
export function internFlags(db: Database, folder: number, flags: readonly string[]): FlagSet {
  return flagSet(flags, (keyword) => spelled(db, folder, keyword));
}

/** The same for flags that are to be taken away: nothing is noted. */
export function readFlags(flags: readonly string[]): FlagSet {
  return flagSet(flags, (keyword) => keyword);
}

function flagSet(flags: readonly string[], spelling: (keyword: string) => string | null): FlagSet {
  let mask = 0;
  const keywords = new Map<string, string>();
  for (const flag of flags) {
    const bit = bitOf(flag);
    if (bit !== null) mask |= bit;
    else if (!flag.startsWith("\\")) {
      const keyword = spelling(flag);
      if (keyword !== null) keywords.set(flag.toLowerCase(), keyword);
    }
  }
  return { flags: mask, keywords: joined(keywords) };
}

/** Of one folder: each SELECT says them all. */
const mostKeywords = 500;

/** null where the folder has its fill of keywords: a new one is left out, as a server may (RFC 9051 §2.3.2), and no mail is refused for it. */
function spelled(db: Database, folder: number, keyword: string): string | null {
  const folded = keyword.toLowerCase();
  const here = db.value<string>("SELECT name FROM keyword WHERE folder = ? AND folded = ?", folder, folded);
  if (here !== undefined) return here;
  const count = db.value<number>("SELECT count(*) FROM keyword WHERE folder = ?", folder) ?? 0;
  if (count >= mostKeywords) return null;
  const first = db.value<string>("SELECT name FROM keyword WHERE folded = ? LIMIT 1", folded) ?? keyword;
  db.run("INSERT INTO keyword (folder, folded, name) VALUES (?, ?, ?)", folder, folded, first);
  return first;
}

/** A copy's keywords belong to the target folder from then on. */
export function noteKeywords(db: Database, folder: number, keywords: string): void {
  if (keywords !== "") for (const keyword of split(keywords)) spelled(db, folder, keyword);
}

function joined(keywords: ReadonlyMap<string, string>): string {
  if (keywords.size === 0) return "";
  const sorted = [...keywords].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, name]) => name);
  return ` ${sorted.join(" ")} `;
}

function split(keywords: string): string[] {
  return keywords.split(" ").filter((keyword) => keyword !== "");
}

export function changed(had: FlagSet, change: FlagChange["mode"], given: FlagSet): FlagSet {
  if (change === "set") return given;
  const words = new Map(split(had.keywords).map((word) => [word.toLowerCase(), word]));
  for (const word of split(given.keywords)) {
    if (change === "add") words.set(word.toLowerCase(), word);
    else words.delete(word.toLowerCase());
  }
  const flags = change === "add" ? had.flags | given.flags : had.flags & ~given.flags;
  return { flags, keywords: joined(words) };
}

export function listed({ flags, keywords }: FlagSet): string[] {
  const list = names.filter(([, bit]) => flags & bit).map(([name]) => name);
  return keywords === "" ? list : [...list, ...split(keywords)];
}

/** Distinct combinations, by number. A combination as text: its bits as a decimal number, then its keywords as they are stored. */
export class FlagSets {
  readonly #texts: string[] = [];
  readonly #numbers = new Map<string, number>();

  numberOf(text: string): number {
    let number = this.#numbers.get(text);
    if (number === undefined) {
      number = this.#texts.push(text) - 1;
      this.#numbers.set(text, number);
    }
    return number;
  }

  textOf(number: number): string {
    return this.#texts[number] ?? "0";
  }

  lists(): string[][] {
    return this.map(listed);
  }

  listOf(number: number): string[] {
    return listed(setOf(this.textOf(number)));
  }

  map<T>(value: (set: FlagSet) => T): T[] {
    return this.#texts.map((text) => value(setOf(text)));
  }
}

function setOf(text: string): FlagSet {
  const flags = Number.parseInt(text, 10);
  return { flags, keywords: text.slice(String(flags).length) };
}

/** Collects messages with their flags as columns. */
export class FlaggedColumns {
  readonly #uids: number[] = [];
  readonly #modseqs: number[] = [];
  readonly #set: number[] = [];
  readonly #sets: string[][] = [];
  readonly #known = new Map<string, Map<number, number>>();

  get length(): number {
    return this.#uids.length;
  }

  push(uid: number, modseq: number, flags: number, keywords: string): void {
    this.#uids.push(uid);
    this.#modseqs.push(modseq);
    this.#set.push(this.#numberOf(flags, keywords));
  }

  #numberOf(flags: number, keywords: string): number {
    let same = this.#known.get(keywords);
    if (!same) {
      same = new Map();
      this.#known.set(keywords, same);
    }
    let number = same.get(flags);
    if (number === undefined) {
      number = this.#sets.push(listed({ flags, keywords })) - 1;
      same.set(flags, number);
    }
    return number;
  }

  done(): Flagged {
    return {
      uids: Uint32Array.from(this.#uids),
      modseqs: Float64Array.from(this.#modseqs),
      flagSets: this.#sets,
      flagSet: Uint16Array.from(this.#set),
    };
  }
}
