/**
 * "Is one of these", for any number of values. D1 binds at most 100 parameters a statement; a JSON list is one of them, and an
 * index on the column still serves.
 */
import { type SQL, type SQLWrapper, sql } from "drizzle-orm";

export function among(column: SQLWrapper, values: Iterable<string>): SQL {
  return sql`${column} in (select value from json_each(${JSON.stringify([...values])}))`;
}
