/** RETURN options of SEARCH and SORT, and the ESEARCH response. RFC 9051 §6.4.4, §7.3.4; RFC 4731, RFC 5182, RFC 9394. */
import { Bad } from "../answers.ts";
import type { Decoder } from "./decoder.ts";
import { partialRange } from "./fetch.ts";
import { writeSet } from "./sets.ts";

export type Range = { first: number; last: number };
export type Return = { min: boolean; max: boolean; all: boolean; count: boolean; save: boolean; partial: Range | null };

/** `RETURN (...)`, when it is there. */
export function parseReturn(d: Decoder): Return | null {
  if (!d.takeWord("RETURN")) return null;
  const wanted: Return = { min: false, max: false, all: false, count: false, save: false, partial: null };
  d.sp().list(() => {
    const word = d.word();
    if (word === "MIN") wanted.min = true;
    else if (word === "MAX") wanted.max = true;
    else if (word === "ALL") wanted.all = true;
    else if (word === "COUNT") wanted.count = true;
    else if (word === "SAVE") wanted.save = true;
    else if (word === "PARTIAL") wanted.partial = partialRange(d.sp());
    else throw new Bad(`Unknown RETURN option ${word}`);
  });
  // RFC 9394 §3.1.
  if (wanted.partial && wanted.all) throw new Bad("ALL and PARTIAL exclude each other");
  const { min, max, count, save, partial } = wanted;
  if (!min && !max && !count && !save && !partial) wanted.all = true;
  return wanted;
}

/** Nothing but SAVE: there is no response at all (RFC 9051 §6.4.4.1). */
export function isSilent({ min, max, all, count, partial }: Return): boolean {
  return !min && !max && !all && !count && !partial;
}

/** The n-th to m-th of the results, from the end when negative. */
export function part(numbers: Uint32Array, { first, last }: Range): Uint32Array {
  if (first > 0) return numbers.subarray(first - 1, last);
  return numbers.subarray(Math.max(0, numbers.length + last), Math.max(0, numbers.length + first + 1));
}

/** ` MIN 2 MAX 9 COUNT 4 ALL 2,5:6,9`; `numbers` in the order of the result. */
export function writeResults(wanted: Return, numbers: Uint32Array): string {
  const some = numbers.length > 0;
  let text = "";
  if (wanted.min && some) text += ` MIN ${numbers[0]}`;
  if (wanted.max && some) text += ` MAX ${numbers[numbers.length - 1]}`;
  if (wanted.count) text += ` COUNT ${numbers.length}`;
  if (wanted.all && some) text += ` ALL ${writeSet(numbers)}`;
  if (wanted.partial) text += writePartial(wanted.partial, numbers);
  return text;
}

function writePartial(range: Range, numbers: Uint32Array): string {
  const slice = part(numbers, range);
  // RFC 9394 §3.1: from the end, the slice is still shown ascending.
  return ` PARTIAL (${range.first}:${range.last} ${slice.length === 0 ? "NIL" : writeSet(slice)})`;
}

/** What `$` holds afterwards (RFC 5182 §2.4, RFC 9394 §3.1): all that was found, unless only ends or a slice were asked for. */
export function savedBy(wanted: Return, uids: Uint32Array): Uint32Array {
  const { min, max, all, count, partial } = wanted;
  if (all || count || (!min && !max && !partial)) return uids;
  const kept = new Set<number>(partial ? part(uids, partial) : []);
  if (min && uids.length > 0) kept.add(uids[0] as number);
  if (max && uids.length > 0) kept.add(uids[uids.length - 1] as number);
  return Uint32Array.from(kept).sort();
}
