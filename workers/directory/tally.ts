/** How much came, and how it ended. */
import { and, gte, sum } from "drizzle-orm";
import { among } from "./among.ts";
import type { World } from "./open.ts";
import { tally as tallyTable } from "./schema.ts";
import { firstOf } from "./stats.ts";

export type Tally = { accepted: number; refused: number; deferred: number };

/** In so many days, UTC, that end with today. */
export async function tally(world: World, domains: readonly string[], dayCount: number): Promise<Tally> {
  const counted: Tally = { accepted: 0, refused: 0, deferred: 0 };
  if (domains.length === 0) return counted;
  const rows = await world.db
    .select({ outcome: tallyTable.outcome, n: sum(tallyTable.n).mapWith(Number) })
    .from(tallyTable)
    .where(and(among(tallyTable.domain, domains), gte(tallyTable.day, firstOf(world, dayCount))))
    .groupBy(tallyTable.outcome);
  for (const row of rows) counted[row.outcome] = row.n;
  return counted;
}
