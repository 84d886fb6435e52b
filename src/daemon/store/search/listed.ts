/**
 * Queries that the entries themselves decide, answered from the folder's listing while that is held: dates, sizes, flags and numbers of
 * ten thousand messages are columns in memory then. The same answers as `condition.ts` and `query.ts` give.
 */
import { bitOf } from "../flags.ts";
import type { Known } from "../listing.ts";
import type { Query } from "../types.ts";
import { isLong } from "./condition.ts";
import { isIn } from "./query.ts";

type Test = (at: number) => boolean;

const day = 86_400_000;

/** Places of those that match, ascending; null where something else must be looked at. `sentDays`: asked for only when needed; NaN: none. */
export function placesOf(query: Query, known: Known, now: number, sentDays: () => Float64Array): number[] | null {
  if (isLong(query) || !isOfEntries(query)) return null;
  const test = testOf(query, { known, now, sentDays });
  const places: number[] = [];
  for (let at = 0; at < known.listing.uids.length; at++) if (test(at)) places.push(at);
  return places;
}

function isOfEntries(query: Query): boolean {
  switch (query.kind) {
    case "and":
    case "or":
      return query.of.every(isOfEntries);
    case "not":
      return isOfEntries(query.of);
    case "id":
      return query.which === "email";
    default:
      return ["all", "uids", "flag", "modseq", "size", "age", "date"].includes(query.kind);
  }
}

type Given = { known: Known; now: number; sentDays: () => Float64Array };

function testOf(query: Query, given: Given): Test {
  const { listing, facts } = given.known;
  switch (query.kind) {
    case "uids":
      return (at) => isIn(query.ranges, listing.uids[at] as number);
    case "flag":
      return flagTest(query.flag, query.set, given.known);
    case "modseq":
      return (at) => (listing.modseqs[at] as number) >= query.atLeast;
    case "size":
      return query.compare === "larger"
        ? (at) => (facts.sizes[at] as number) > query.bytes
        : (at) => (facts.sizes[at] as number) < query.bytes;
    case "age": {
      // RFC 5032 §4.3: at the exact second counts as younger and as older.
      const edge = given.now - query.seconds * 1000;
      const { internalDates } = facts;
      return query.compare === "older"
        ? (at) => (internalDates[at] as number) <= edge
        : (at) => (internalDates[at] as number) >= edge;
    }
    case "date":
      return dateTest(query, given);
    case "id":
      return (at) => `M${facts.messages[at]}` === query.id;
    case "not": {
      const inner = testOf(query.of, given);
      return (at) => !inner(at);
    }
    case "and":
    case "or": {
      const tests = query.of.map((one) => testOf(one, given));
      return query.kind === "and" ? (at) => tests.every((test) => test(at)) : (at) => tests.some((test) => test(at));
    }
    default:
      return () => true;
  }
}

function flagTest(flag: string, set: boolean, { listing }: Known): Test {
  const bit = bitOf(flag);
  const wanted = ` ${flag.toLowerCase()} `;
  const has = listing.sets.map(
    ({ flags, keywords }) => (bit === null ? keywords.toLowerCase().includes(wanted) : (flags & bit) !== 0) === set,
  );
  return (at) => has[listing.flagSet[at] as number] === true;
}

function dateTest({ which, compare, day: wanted }: Extract<Query, { kind: "date" }>, given: Given): Test {
  const { internalDates, savedAt } = given.known.facts;
  const dayAt = dayOf(which === "saved" ? savedAt : internalDates);
  const days = which === "sent" ? sentDay(given.sentDays(), dayAt) : dayAt;
  if (compare === "before") return (at) => days(at) < wanted;
  return compare === "on" ? (at) => days(at) === wanted : (at) => days(at) >= wanted;
}

function dayOf(stamps: Float64Array): (at: number) => number {
  return (at) => Math.floor((stamps[at] as number) / day);
}

// A message without a usable Date: counts by its arrival, as SORT counts it (RFC 5256 §2.2).
function sentDay(sent: Float64Array, arrived: (at: number) => number): (at: number) => number {
  return (at) => {
    const said = sent[at] as number;
    return Number.isNaN(said) ? arrived(at) : said;
  };
}
