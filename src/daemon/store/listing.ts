/**
 * What a folder's entries say, as columns in memory while the folder is being read: SELECT and FETCH then pass over no rows. Brought up
 * to date by modseq before every use (each change moves it, in the same commit), read anew where that would not be less work, and
 * given up when the mailbox has not been read for some seconds.
 */
import type { Database } from "../sqlite/database.ts";
import { FlagSets } from "./flags.ts";
import type { FolderRow, Mailbox } from "./mailbox.ts";
import type { Flagged } from "./types.ts";

/** What of an entry never changes. */
type Facts = { messages: Float64Array; sizes: Uint32Array; internalDates: Float64Array; savedAt: Float64Array };

/** Ascending by UID. Never to be handed out: what crosses to another thread is cut out of it. */
export type Listing = { uids: Uint32Array; modseqs: Float64Array; flagSet: Uint16Array; sets: FlagSets };
export type Known = { listing: Listing; facts: Facts };
type Held = {
  uidvalidity: number;
  modseq: number;
  listing: Listing;
  facts: Facts | null;
  sentDays: Float64Array | null;
};

/** Messages of all folders held. */
const mostHeld = 250_000;
/** Above it a batch reads its own rows: reading all of them would keep others waiting. */
const mostFacts = 30_000;
/** More changes than these, and reading all is less work. */
const mostChanges = 2000;

export class Listings {
  /** Least recently asked for first. */
  readonly #held = new Map<number, Held>();

  clear(): void {
    this.#held.clear();
  }

  /** The whole folder, for SELECT. */
  of({ db }: Mailbox, row: FolderRow): Listing {
    return this.#current(db, row)?.listing ?? this.#read(db, row).listing;
  }

  /** The whole folder with its facts; null where it is not held, or too large for that. */
  known({ db }: Mailbox, row: FolderRow): Known | null {
    if (row.messages > mostFacts) return null;
    const held = this.#current(db, row);
    if (!held) return null;
    held.facts ??= factsFrom(db, row.id, 1);
    return held.facts.messages.length === held.listing.uids.length
      ? { listing: held.listing, facts: held.facts }
      : null;
  }

  /** The day that each message's Date: says, NaN where it says none. Of a folder that is known. */
  sentDays({ db }: Mailbox, row: FolderRow): Float64Array {
    const held = this.#held.get(row.id);
    if (held?.sentDays) return held.sentDays;
    const days = sentDaysFrom(db, row.id);
    if (held) held.sentDays = days;
    return days;
  }

  #current(db: Database, row: FolderRow): Held | null {
    const held = this.#held.get(row.id);
    this.#held.delete(row.id);
    if (!held || held.uidvalidity !== row.uidvalidity) return null;
    if (held.modseq !== row.modseq && !caughtUp(db, held, row)) return null;
    held.modseq = row.modseq;
    this.#held.set(row.id, held);
    return held;
  }

  #read(db: Database, row: FolderRow): Held {
    const held = {
      uidvalidity: row.uidvalidity,
      modseq: row.modseq,
      listing: listingFrom(db, row.id, 1),
      facts: null,
      sentDays: null,
    };
    this.#held.set(row.id, held);
    let sum = 0;
    for (const { listing } of this.#held.values()) sum += listing.uids.length;
    for (const [folder, { listing }] of this.#held) {
      if (sum <= mostHeld) break;
      this.#held.delete(folder);
      sum -= listing.uids.length;
    }
    return held;
  }
}

/** The database joins each column to one text: ten thousand rows cost no ten thousand arrays. Keywords have no control characters. */
const columns = `group_concat(uid), group_concat(modseq), group_concat(flags || keywords, char(10))`;

export function listingFrom(db: Database, folder: number, from: number): Listing {
  const [row] = db.tuples<[string | null, string, string]>(
    `SELECT ${columns} FROM entry WHERE folder = ? AND uid >= ?`,
    folder,
    from,
  );
  const sets = new FlagSets();
  if (!row || row[0] === null)
    return { uids: new Uint32Array(0), modseqs: new Float64Array(0), flagSet: new Uint16Array(0), sets };
  const [uids, modseqs, flags] = row;
  return {
    uids: Uint32Array.from(numbers(uids)),
    modseqs: Float64Array.from(numbers(modseqs)),
    flagSet: Uint16Array.from(flags.split("\n"), (text) => sets.numberOf(text)),
    sets,
  };
}

function factsFrom(db: Database, folder: number, from: number): Facts {
  const [row] = db.tuples<[string | null, string, string, string]>(
    `SELECT group_concat(message), group_concat(size), group_concat(internal_date), group_concat(saved_at)
     FROM entry WHERE folder = ? AND uid >= ?`,
    folder,
    from,
  );
  const [messages, sizes, internalDates, savedAt] = row && row[0] !== null ? row : ["", "", "", ""];
  return {
    messages: Float64Array.from(numbers(messages ?? "")),
    sizes: Uint32Array.from(numbers(sizes)),
    internalDates: Float64Array.from(numbers(internalDates)),
    savedAt: Float64Array.from(numbers(savedAt)),
  };
}

function sentDaysFrom(db: Database, folder: number): Float64Array {
  const days = db.value<string | null>(
    `SELECT group_concat(coalesce(w.sent_day, 'null')) FROM entry e
     CROSS JOIN words w INDEXED BY words_sent ON w.message = e.message WHERE e.folder = ?`,
    folder,
  );
  const said = JSON.parse(`[${days ?? ""}]`) as (number | null)[];
  return Float64Array.from(said, (one) => one ?? Number.NaN);
}

function numbers(text: string): number[] {
  return JSON.parse(`[${text}]`) as number[];
}

type Changed = [uid: number, modseq: number, flags: string];

/** False where all must be read anew. */
function caughtUp(db: Database, held: Held, row: FolderRow): boolean {
  if (held.modseq > row.modseq || held.modseq < row.forgotten_modseq) return false;
  const { listing } = held;
  const lastUid = listing.uids.at(-1) ?? 0;
  const changed = db.tuples<Changed>(
    `SELECT uid, modseq, flags || keywords FROM entry INDEXED BY entry_modseq
     WHERE folder = ? AND modseq > ? AND uid <= ? LIMIT ?`,
    row.id,
    held.modseq,
    lastUid,
    mostChanges + 1,
  );
  if (changed.length > mostChanges) return false;
  for (const one of changed) if (!put(listing, one)) return false;
  const gone = db.column<number>("SELECT uid FROM expunged WHERE folder = ? AND modseq > ?", row.id, held.modseq);
  if (gone.length > 0) leaveOut(held, new Set(gone));
  if (row.uidnext > lastUid + 1) append(db, held, row.id, lastUid + 1);
  return held.listing.uids.length === row.messages;
}

function put({ uids, modseqs, flagSet, sets }: Listing, [uid, modseq, flags]: Changed): boolean {
  const at = placeOf(uids, uid);
  if (uids[at] !== uid) return false;
  modseqs[at] = modseq;
  flagSet[at] = sets.numberOf(flags);
  return true;
}

function leaveOut(held: Held, gone: ReadonlySet<number>): void {
  const { listing, facts } = held;
  const stays = listing.uids.map((uid) => (gone.has(uid) ? 0 : 1));
  const kept = <T extends Uint32Array | Uint16Array | Float64Array>(column: T): T =>
    column.filter((_value, i) => stays[i] === 1) as T;
  held.listing = {
    uids: kept(listing.uids),
    modseqs: kept(listing.modseqs),
    flagSet: kept(listing.flagSet),
    sets: listing.sets,
  };
  held.sentDays = null;
  held.facts = facts && {
    messages: kept(facts.messages),
    sizes: kept(facts.sizes),
    internalDates: kept(facts.internalDates),
    savedAt: kept(facts.savedAt),
  };
}

function append(db: Database, held: Held, folder: number, from: number): void {
  const more = listingFrom(db, folder, from);
  const { uids, modseqs, flagSet, sets } = held.listing;
  held.listing = {
    uids: joined(uids, more.uids),
    modseqs: joined(modseqs, more.modseqs),
    flagSet: joined(
      flagSet,
      more.flagSet.map((set) => sets.numberOf(more.sets.textOf(set))),
    ),
    sets,
  };
  held.facts = null;
  held.sentDays = null;
}

function joined<T extends Uint32Array | Uint16Array | Float64Array>(one: T, other: T): T {
  const both = new (one.constructor as new (length: number) => T)(one.length + other.length);
  both.set(one);
  both.set(other, one.length);
  return both;
}

/** Where `uid` stands, or would stand. */
export function placeOf(uids: Uint32Array, uid: number): number {
  let low = 0;
  let high = uids.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((uids[middle] as number) < uid) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** All of them, in columns of their own. */
export function flaggedOf({ uids, modseqs, flagSet, sets }: Listing): Flagged {
  return { uids: uids.slice(), modseqs: modseqs.slice(), flagSets: sets.lists(), flagSet: flagSet.slice() };
}

/** Those at `places`, in columns of their own. */
export function flaggedAt({ uids, modseqs, flagSet, sets }: Listing, places: Uint32Array): Flagged {
  const used = new Map<number, number>();
  const flagSets: string[][] = [];
  const numbers = new Uint16Array(places.length);
  places.forEach((at, i) => {
    const set = flagSet[at] as number;
    let number = used.get(set);
    if (number === undefined) {
      number = flagSets.push(sets.listOf(set)) - 1;
      used.set(set, number);
    }
    numbers[i] = number;
  });
  return { uids: chosen(uids, places), modseqs: chosen(modseqs, places), flagSets, flagSet: numbers };
}

export function chosen<T extends Uint32Array | Float64Array>(column: T, places: Uint32Array): T {
  const values = new (column.constructor as new (length: number) => T)(places.length);
  for (let i = 0; i < places.length; i++) values[i] = column[places[i] as number] as number;
  return values;
}
