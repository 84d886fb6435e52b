/** A page of a domain's aliases: searched, narrowed and ordered, with a cursor that holds its place while rows come and go. */
import { and, asc, count, desc, eq, gt, lt, or, type SQL, type SQLWrapper, sql } from "drizzle-orm";
import { z } from "zod";
import { fromBase64url, toBase64url, utf8, utf8Decode } from "../../src/core/bytes.ts";
import { type Alias, withDestinations } from "./aliases.ts";
import type { World } from "./open.ts";
import { Problem } from "./problem.ts";
import { alias, destination } from "./schema.ts";

export const aliasSorts = ["alias", "newest", "changed"] as const;
export type AliasSort = (typeof aliasSorts)[number];

export type AliasQuery = {
  text?: string | undefined;
  state?: Alias["state"] | undefined;
  kind?: Alias["kind"] | undefined;
  /** By pattern where nothing else is said. */
  sort?: AliasSort | undefined;
  after?: string | undefined;
  limit: number;
};

const orders = {
  alias: { column: alias.pattern, of: (row: Alias) => row.pattern, falling: false },
  newest: { column: alias.createdAt, of: (row: Alias) => row.createdAt, falling: true },
  changed: { column: alias.updatedAt, of: (row: Alias) => row.updatedAt, falling: true },
} as const;

export async function aliases(
  world: World,
  domainId: string,
  query: AliasQuery,
): Promise<{ rows: Alias[]; next: string | null; total: number }> {
  const sort = query.sort ?? "alias";
  const { column, falling } = orders[sort];
  const toward = falling ? desc : asc;
  const filter = [eq(alias.domain, domainId), ...conditions(query)];
  const page = world.db
    .select()
    .from(alias)
    .where(and(...filter, afterCursor(sort, query.after)))
    .orderBy(toward(column), toward(alias.id))
    .limit(query.limit + 1);
  const tally = world.db
    .select({ n: count() })
    .from(alias)
    .where(and(...filter));
  const [found, counted] = await world.db.batch([page, tally]);
  const rows = await withDestinations(world, found.slice(0, query.limit));
  const last = found.length > query.limit ? rows.at(-1) : undefined;
  return { rows, next: last === undefined ? null : cursorOf(sort, last), total: counted[0]?.n ?? 0 };
}

/** As many as a domain is meant to have, and what one statement may bind. */
const mostAtOnce = 20_000;

/** The ids of all that a query finds, whatever page it is on: for changing them together. */
export async function matchingIds(world: World, domainId: string, query: Omit<AliasQuery, "limit">): Promise<string[]> {
  const rows = await world.db
    .select({ id: alias.id })
    .from(alias)
    .where(and(eq(alias.domain, domainId), ...conditions({ ...query, limit: mostAtOnce })))
    .limit(mostAtOnce);
  return rows.map(({ id }) => id);
}

// instr and not LIKE: D1 refuses LIKE patterns of more than 50 bytes.
function conditions(query: AliasQuery): (SQL | undefined)[] {
  const text = query.text?.trim().toLowerCase();
  const has = (column: SQLWrapper): SQL => sql`instr(lower(${column}), ${text}) > 0`;
  const reaches = sql`exists (select 1 from ${destination} where ${destination.alias} = ${alias.id} and ${has(destination.target)})`;
  return [
    query.state === undefined ? undefined : eq(alias.state, query.state),
    query.kind === undefined ? undefined : eq(alias.kind, query.kind),
    text ? or(has(alias.pattern), has(alias.note), has(alias.labels), reaches) : undefined,
  ];
}

function cursorOf(sort: AliasSort, row: Alias): string {
  return toBase64url(utf8(JSON.stringify([sort, orders[sort].of(row), row.id])));
}

const cursorSchema = z.union([
  z.tuple([z.literal("alias"), z.string(), z.string()]),
  z.tuple([z.enum(["newest", "changed"]), z.int(), z.string()]),
]);

function afterCursor(sort: AliasSort, cursor: string | undefined): SQL | undefined {
  if (cursor === undefined) return undefined;
  const [given, value, id] = readCursor(cursor);
  if (given !== sort) throw badCursor();
  const { column, falling } = orders[sort];
  const beyond = falling ? lt : gt;
  return or(beyond(column, value), and(eq(column, value), beyond(alias.id, id)));
}

function readCursor(cursor: string): z.infer<typeof cursorSchema> {
  try {
    return cursorSchema.parse(JSON.parse(utf8Decode(fromBase64url(cursor))));
  } catch {
    throw badCursor();
  }
}

function badCursor(): Problem {
  return new Problem(422, "bad-cursor", "This cursor is not one we gave out for this order.", { field: "after" });
}
