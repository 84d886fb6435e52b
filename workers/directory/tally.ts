/** Counting the journal: how much came, how it ended. */
import { and, count, gte } from "drizzle-orm";
import { among } from "./among.ts";
import type { World } from "./open.ts";
import { journal } from "./schema.ts";

export type Tally = { accepted: number; refused: number; deferred: number };

export async function tally(world: World, domains: readonly string[], since: number): Promise<Tally> {
  const counted: Tally = { accepted: 0, refused: 0, deferred: 0 };
  if (domains.length === 0) return counted;
  const rows = await world.db
    .select({ outcome: journal.outcome, n: count() })
    .from(journal)
    .where(and(among(journal.domain, domains), gte(journal.at, since)))
    .groupBy(journal.outcome);
  for (const row of rows) counted[row.outcome] = row.n;
  return counted;
}
