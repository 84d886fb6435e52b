/**
 * Those parts of a query that stored columns decide, as SQL: the database then passes over the others by itself, and no row is made
 * of a message that does not match. What it can't say (texts, which are compared folded) is null and left to `query.ts`, which
 * gives the same answers to every query. Values are always bound, never written into the text.
 */
import type { Value } from "../../sqlite/database.ts";
import { bitOf } from "../flags.ts";
import type { Query } from "../types.ts";

/** Over `entry e` and, where `words` says so, `words w`. */
export type Condition = { sql: string; values: readonly Value[]; words: boolean };

const day = 86_400_000;
/** Beyond these, tests in order are the better way; and SQLite's own bounds are never met. */
const mostParts = 40;
const mostRanges = 20;

export function conditionOf(query: Query, now: number): Condition | null {
  return isLong(query) ? null : written(query, now);
}

export function isLong(query: Query): boolean {
  return partsOf(query) > mostParts;
}

function partsOf(query: Query): number {
  if (query.kind === "not") return 1 + partsOf(query.of);
  if (query.kind !== "and" && query.kind !== "or") return 1;
  return query.of.reduce((sum, one) => sum + partsOf(one), 1);
}

function written(query: Query, now: number): Condition | null {
  switch (query.kind) {
    case "all":
      return condition("1");
    case "uids":
      return uidsCondition(query.ranges);
    case "flag":
      return flagCondition(query.flag, query.set);
    case "modseq":
      return condition("e.modseq >= ?", query.atLeast);
    case "size":
      return condition(`e.size ${query.compare === "larger" ? ">" : "<"} ?`, query.bytes);
    case "age":
      // RFC 5032 §4.3: at the exact second counts as younger and as older.
      return condition(`e.internal_date ${query.compare === "older" ? "<=" : ">="} ?`, now - query.seconds * 1000);
    case "date":
      return dateCondition(query);
    case "id":
      return idCondition(query.which, query.id);
    case "not": {
      const inner = written(query.of, now);
      return inner && { ...inner, sql: `NOT (${inner.sql})` };
    }
    case "and":
    case "or":
      return joined(
        query.kind,
        query.of.map((one) => written(one, now)),
      );
    default:
      return null;
  }
}

function condition(sql: string, ...values: Value[]): Condition {
  return { sql, values, words: false };
}

export function joined(kind: "and" | "or", parts: readonly (Condition | null)[]): Condition | null {
  if (parts.length === 0) return condition(kind === "and" ? "1" : "0");
  const all = parts.filter((one) => one !== null);
  if (all.length < parts.length) return null;
  return {
    sql: all.map(({ sql }) => `(${sql})`).join(kind === "and" ? " AND " : " OR "),
    values: all.flatMap(({ values }) => values),
    words: all.some(({ words }) => words),
  };
}

function uidsCondition(ranges: readonly (readonly [number, number])[]): Condition | null {
  if (ranges.length > mostRanges) return null;
  if (ranges.length === 0) return condition("0");
  return condition(ranges.map(() => "e.uid BETWEEN ? AND ?").join(" OR "), ...ranges.flat());
}

function flagCondition(flag: string, set: boolean): Condition | null {
  const bit = bitOf(flag);
  if (bit !== null) return condition(`e.flags & ${bit} ${set ? "<>" : "="} 0`);
  // SQLite's lower() knows ASCII only.
  if (!/^[\x21-\x7e]+$/.test(flag)) return null;
  return condition(`instr(lower(e.keywords), ?) ${set ? ">" : "="} 0`, ` ${flag.toLowerCase()} `);
}

function dateCondition({ which, compare, day: wanted }: Extract<Query, { kind: "date" }>): Condition {
  const from = wanted * day;
  const stamp = (column: string): [sql: string, ...values: number[]] => {
    if (compare === "before") return [`${column} < ?`, from];
    return compare === "since" ? [`${column} >= ?`, from] : [`${column} >= ? AND ${column} < ?`, from, from + day];
  };
  if (which !== "sent") return condition(...stamp(which === "internal" ? "e.internal_date" : "e.saved_at"));
  // A message without a usable Date: counts by its arrival, as SORT counts it (RFC 5256 §2.2).
  const [sql, ...values] = stamp("e.internal_date");
  const sign = { before: "<", since: ">=", on: "=" }[compare];
  const text = `CASE WHEN w.sent_day IS NULL THEN ${sql} ELSE w.sent_day ${sign} ? END`;
  return { sql: text, values: [...values, wanted], words: true };
}

function idCondition(which: "email" | "thread", id: string): Condition {
  const number = Number((which === "email" ? /^M([1-9]\d{0,14})$/ : /^T([1-9]\d{0,14})$/).exec(id)?.[1] ?? 0);
  if (which === "email") return condition("e.message = ?", number);
  // A thread is named by its first message, which itself has none (stored as 0).
  return condition(
    "e.message IN (SELECT id FROM message WHERE thread = ? AND thread > 0 UNION ALL SELECT id FROM message WHERE id = ? AND thread = 0)",
    number,
    number,
  );
}
