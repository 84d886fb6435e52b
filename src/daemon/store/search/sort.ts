/** SORT and SORT=DISPLAY: RFC 5256 §2.2, §3; RFC 5957. */
import type { Mailbox } from "../mailbox.ts";
import type { Query, SortKey } from "../types.ts";
import type { Candidate } from "./candidate.ts";
import { fold } from "./fold.ts";
import { findMatches, type Pause } from "./search.ts";
import { baseSubject } from "./subject.ts";

export async function sort(mailbox: Mailbox, folder: number, query: Query, keys: readonly SortKey[], pause: Pause) {
  const found = await findMatches(mailbox, folder, query, pause, true);
  const columns = keys.map(({ key, reverse }) => ({
    values: found.map((one) => sortValue(one, key)),
    sign: reverse ? -1 : 1,
  }));
  const order = found.map((_, i) => i);
  order.sort((a, b) => {
    for (const { values, sign } of columns) {
      const [x, y] = [values[a] ?? "", values[b] ?? ""];
      if (x !== y) return x < y ? -sign : sign;
    }
    return a - b;
  });
  return Uint32Array.from(order, (i) => found[i]?.uid ?? 0);
}

function sortValue(one: Candidate, key: SortKey["key"]): string | number {
  switch (key) {
    case "arrival":
      return one.internalDate;
    case "date":
      return sentAt(one);
    case "size":
      return one.size;
    case "subject":
      return fold(baseSubject(one.words.subject).base);
    case "displayfrom":
      return fold(display(firstOf(one.words.from_)));
    case "displayto":
      return fold(display(firstOf(one.words.to_)));
    default:
      return fold(local(firstOf({ from: one.words.from_, to: one.words.to_, cc: one.words.cc }[key])));
  }
}

/** The Date: field, or the arrival where there is none. */
export function sentAt(one: Candidate): number {
  return one.words.sent_at ?? one.internalDate;
}

function firstOf(addresses: string): string {
  return addresses.split("\n").find((line) => !line.endsWith(":")) ?? "";
}

function addressIn(line: string): string {
  return line.match(/<([^<>]*)>$/)?.[1] ?? line;
}

function local(line: string): string {
  return addressIn(line).replace(/@[^@]*$/, "");
}

function display(line: string): string {
  const name = line.match(/^(.*\S)\s*<[^<>]*>$/s)?.[1];
  return name ?? addressIn(line);
}
