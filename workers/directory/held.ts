/**
 * What stands in front of a change that is made under a record of `idempotency`, in the same batch: the record says that it was
 * carried out exactly when it was, and the whole batch fails for somebody from whom another took the record over.
 */
import { sql } from "drizzle-orm";
import type { Directory } from "./open.ts";
import { idempotency } from "./schema.ts";

/** A record, and the try that it was given to. */
export type Held = { id: string; holder: string };

/** The record's `status` before an answer is kept. */
export const underWay = 0;
export const carriedOut = 1;

/** No id is chosen for a holder of before, and a record without one is refused: that undoes the batch. */
export function marks(db: Directory, held: readonly Held[]) {
  return held.map(({ id, holder }) => {
    const mine = sql`(select id from ${idempotency} where id = ${id} and holder = ${holder})`;
    return db
      .insert(idempotency)
      .select(sql`select ${mine}, '', '', 0, ${carriedOut}, '', 0 where true`)
      .onConflictDoUpdate({ target: idempotency.id, set: { status: carriedOut } });
  });
}

export function wasTakenOver(error: unknown): boolean {
  for (let at: unknown = error; at instanceof Error; at = at.cause) {
    if (at.message.includes("NOT NULL constraint failed: idempotency.id")) return true;
  }
  return false;
}
