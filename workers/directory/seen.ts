/** Keys of messages already accepted (R10), kept 7 days: a sender that did not hear our 250 gets it again, and nothing else happens. */
import type { BatchItem } from "drizzle-orm/batch";
import { among } from "./among.ts";
import type { Directory } from "./open.ts";
import { seen } from "./schema.ts";

const keepMs = 7 * 86_400_000;

/** The keys among these that were accepted before. */
export async function seenBefore(db: Directory, keys: readonly string[]): Promise<ReadonlySet<string>> {
  const rows = await db.select({ key: seen.key }).from(seen).where(among(seen.key, keys));
  return new Set(rows.map(({ key }) => key));
}

export function remember(db: Directory, key: string, journal: string, now: number): BatchItem<"sqlite"> {
  const row = { key, journal, reply: "", expiresAt: now + keepMs };
  return db.insert(seen).values(row).onConflictDoNothing();
}
