/**
 * Pages by the order's own key: D1 reads one page, and what is added or taken out meanwhile neither repeats a row nor skips one.
 * A cursor only says where to go on; whose rows are read is said anew with each page.
 */
import { asc, desc, type SQL, type SQLWrapper, sql } from "drizzle-orm";
import { z } from "zod";
import { fromBase64url, toBase64url, utf8, utf8Decode } from "../../src/core/bytes.ts";
import { Problem } from "./problem.ts";

export type PageQuery = { after?: string | undefined; limit: number };
export type Page<T> = { items: T[]; next: string | null };
type Value = string | number;
/** Columns that are unique together among the rows, and what a row has in them. */
export type Order<T> = { by: readonly SQLWrapper[]; of: (row: T) => readonly Value[]; falling?: true };
export type Cut = { after: SQL | undefined; orderBy: SQL[]; limit: number };

export async function pageBy<T>(order: Order<T>, query: PageQuery, read: (cut: Cut) => Promise<T[]>): Promise<Page<T>> {
  const toward = order.falling ? desc : asc;
  const orderBy = order.by.map((column) => toward(column));
  const found = await read({ after: beyond(order, query.after), orderBy, limit: query.limit + 1 });
  const items = found.slice(0, query.limit);
  const last = found.length > query.limit ? items.at(-1) : undefined;
  return { items, next: last === undefined ? null : toBase64url(utf8(JSON.stringify(order.of(last)))) };
}

function beyond<T>({ by, falling }: Order<T>, cursor: string | undefined): SQL | undefined {
  if (cursor === undefined) return undefined;
  const values = readCursor(cursor, by.length).map((value) => sql`${value}`);
  const comma = sql`, `;
  return sql`(${sql.join([...by], comma)}) ${falling ? sql`<` : sql`>`} (${sql.join(values, comma)})`;
}

const cursorSchema = z.array(z.union([z.string(), z.int()]));

function readCursor(text: string, length: number): Value[] {
  try {
    return cursorSchema.length(length).parse(JSON.parse(utf8Decode(fromBase64url(text))));
  } catch {
    throw new Problem(422, "bad-cursor", "This is not a cursor of this list.", { field: "after" });
  }
}
