/** Which entries make a batch of FETCH, as columns: out of the folder's listing, or row by row. */
import type { Database } from "../sqlite/database.ts";
import { FlaggedColumns } from "./flags.ts";
import { chosen, flaggedAt, type Known, placeOf } from "./listing.ts";
import type { Flagged, UidRanges, Want } from "./types.ts";

/** A batch ends at either. */
const mostBytes = 768 * 1024;
const mostRows = 4000;

export type Entries = Flagged & {
  messages: readonly number[];
  sizes: Uint32Array;
  internalDates: Float64Array;
  savedAt: Float64Array;
};
/** Roughly what a message of that size adds to a batch. */
export type Weigh = (size: number) => number;
/** As many entries as make a batch (the first one always fits), and from which UID the next one goes on. */
type Some = { entries: Entries; next: number | null };

export function listedEntries(known: Known, ranges: UidRanges, weigh: Weigh, from: number): Some {
  const { uids } = known.listing;
  const places: number[] = [];
  let weight = 0;
  for (const [first, last] of ranges) {
    if (last < from) continue;
    for (let at = placeOf(uids, Math.max(first, from)); at < uids.length && (uids[at] as number) <= last; at++) {
      if (places.length === mostRows || weight >= mostBytes) {
        return { entries: listedAt(known, Uint32Array.from(places)), next: uids[at] as number };
      }
      weight += weigh(known.facts.sizes[at] as number);
      places.push(at);
    }
  }
  return { entries: listedAt(known, Uint32Array.from(places)), next: null };
}

function listedAt({ listing, facts }: Known, places: Uint32Array): Entries {
  return {
    ...flaggedAt(listing, places),
    messages: [...chosen(facts.messages, places)],
    sizes: chosen(facts.sizes, places),
    internalDates: chosen(facts.internalDates, places),
    savedAt: chosen(facts.savedAt, places),
  };
}

type Entry = [
  uid: number,
  modseq: number,
  flags: number,
  keywords: string,
  size: number,
  internalDate: number,
  savedAt: number,
  message: number,
];
type Ask = { folder: number; ranges: UidRanges; want: Want; weigh: Weigh; from: number };

export function readEntries(db: Database, { folder, ranges, want, weigh, from }: Ask): Some {
  const all: Entry[] = [];
  let weight = 0;
  for (const [first, last] of ranges) {
    if (last < from) continue;
    for (const entry of entriesIn(db, folder, [Math.max(first, from), last], want, mostRows + 1 - all.length)) {
      if (all.length === mostRows || weight >= mostBytes) return { entries: columnsOf(all), next: entry[0] };
      weight += weigh(entry[4]);
      all.push(entry);
    }
  }
  return { entries: columnsOf(all), next: null };
}

function entriesIn(db: Database, folder: number, [first, last]: UidRanges[number], want: Want, most: number): Entry[] {
  // Modseqs are spoken of only where they are asked for: else the planner walks their index and sorts.
  const since = want.changedSince === undefined ? "? = 0" : "modseq > ?";
  return db.tuples<Entry>(
    `SELECT uid, modseq, flags, keywords, size, internal_date, saved_at, message FROM entry
     WHERE folder = ? AND uid BETWEEN ? AND ? AND ${since} ORDER BY uid LIMIT ?`,
    folder,
    first,
    Math.min(last, 0xffffffff),
    want.changedSince ?? 0,
    most,
  );
}

function columnsOf(entries: readonly Entry[]): Entries {
  const flagged = new FlaggedColumns();
  for (const [uid, modseq, flags, keywords] of entries) flagged.push(uid, modseq, flags, keywords);
  return {
    ...flagged.done(),
    messages: entries.map((entry) => entry[7]),
    sizes: Uint32Array.from(entries, (entry) => entry[4]),
    internalDates: Float64Array.from(entries, (entry) => entry[5]),
    savedAt: Float64Array.from(entries, (entry) => entry[6]),
  };
}
