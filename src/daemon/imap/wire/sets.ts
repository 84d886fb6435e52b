/**
 * sequence-set of RFC 9051 §9: ranges of message numbers or UIDs, `*` for the last message, `$` for the saved search
 * result (SEARCHRES). And the writing of sets, as short as they go.
 */
import { Bad } from "../answers.ts";
import type { UidRanges } from "../port.ts";

/** `*`, until a view says which message that is. */
export const STAR = Number.POSITIVE_INFINITY;

export type MessageSet = { uid: boolean; ranges: readonly (readonly [number, number])[]; saved: boolean };

export function parseSet(text: string, uid: boolean): MessageSet {
  if (text === "$") return { uid, ranges: [], saved: true };
  if (text === "") throw new Bad("Expected a message set");
  return { uid, saved: false, ranges: text.split(",").map(parseRange) };
}

function parseRange(text: string): [number, number] {
  const [first, last, more] = text.split(":");
  if (more !== undefined) throw new Bad("Invalid message set");
  const from = parseNumber(first ?? "");
  return [from, last === undefined ? from : parseNumber(last)];
}

function parseNumber(text: string): number {
  if (text === "*") return STAR;
  if (!/^[1-9][0-9]{0,9}$/.test(text) || Number(text) > 0xffffffff) throw new Bad("Invalid message set");
  return Number(text);
}

/** Ascending, merged, `*` replaced by `last`. */
export function resolve(ranges: MessageSet["ranges"], last: number): UidRanges {
  const plain = ranges.map(([a, b]): [number, number] => {
    const x = a === STAR ? last : a;
    const y = b === STAR ? last : b;
    return x <= y ? [x, y] : [y, x];
  });
  return merge(plain);
}

function merge(ranges: [number, number][]): [number, number][] {
  if (ranges.length < 2) return ranges;
  ranges.sort((a, b) => a[0] - b[0]);
  const merged: [number, number][] = [];
  for (const range of ranges) {
    const last = merged.at(-1);
    if (last && range[0] <= last[1] + 1) last[1] = Math.max(last[1], range[1]);
    else merged.push([range[0], range[1]]);
  }
  return merged;
}

/** Ascending numbers → ranges. */
export function rangesOf(numbers: ArrayLike<number>): [number, number][] {
  const ranges: [number, number][] = [];
  for (let i = 0; i < numbers.length; i++) {
    const n = numbers[i] as number;
    const last = ranges.at(-1);
    if (last && n === last[1] + 1) last[1] = n;
    else ranges.push([n, n]);
  }
  return ranges;
}

/** `1:3,5`, in the order given: COPYUID's second set and sorted results keep theirs. Empty for none. */
export function writeSet(numbers: ArrayLike<number>): string {
  return writeRanges(rangesOf(numbers));
}

export function writeRanges(ranges: UidRanges): string {
  return ranges.map(([a, b]) => (a === b ? `${a}` : `${a}:${b}`)).join(",");
}

/** What is in both; each ascending and disjoint. */
export function intersection(some: UidRanges, others: UidRanges): [number, number][] {
  const both: [number, number][] = [];
  for (let i = 0, j = 0; i < some.length && j < others.length; ) {
    const [a, b] = some[i] as readonly [number, number];
    const [c, d] = others[j] as readonly [number, number];
    if (Math.max(a, c) <= Math.min(b, d)) both.push([Math.max(a, c), Math.min(b, d)]);
    if (b < d) i++;
    else j++;
  }
  return both;
}

export function contains(ranges: UidRanges, n: number): boolean {
  let low = 0;
  let high = ranges.length - 1;
  while (low <= high) {
    const mid = (low + high) >> 1;
    const [first, last] = ranges[mid] as readonly [number, number];
    if (n < first) high = mid - 1;
    else if (n > last) low = mid + 1;
    else return true;
  }
  return false;
}
