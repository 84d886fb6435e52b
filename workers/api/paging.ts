/**
 * Pages of the few lists that are read whole: an installation's nodes. Cut by the order's own key, so
 * that what is added or taken out meanwhile neither repeats a row nor skips one. All others are cut in D1 (`directory/keyset.ts`).
 */
import { fromBase64url, toBase64url, utf8, utf8Decode } from "../../src/core/bytes.ts";
import { Problem } from "../directory/problem.ts";

type Query = { after?: string | undefined; limit: number };

/** `key` is unique among the items; they are put in its order. */
export function inPages<T>(items: readonly T[], key: (item: T) => string, query: Query) {
  const keyed = items.map((item) => ({ item, key: key(item) })).sort((a, b) => order(a.key, b.key));
  const after = query.after === undefined ? null : readCursor(query.after);
  const rest = after === null ? keyed : keyed.filter((one) => one.key > after);
  const shown = rest.slice(0, query.limit);
  const last = rest.length > shown.length ? shown.at(-1) : undefined;
  return { items: shown.map(({ item }) => item), next: last === undefined ? null : cursorOf(last.key) };
}

function order(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** For lists that the directory itself reads by the page. */
export function cursorOf(key: string): string {
  return toBase64url(utf8(key));
}

export function readCursor(text: string): string {
  try {
    return utf8Decode(fromBase64url(text));
  } catch {
    throw new Problem(422, "bad-cursor", "This is not a cursor of this list.", { field: "after" });
  }
}
