/** The directory's door: drizzle over D1, and the world that its functions ask for time and chance. */

import type { DrizzleD1Database } from "drizzle-orm/d1";
import { drizzle } from "drizzle-orm/d1";
import type { Clock, Random } from "../../src/core/ports.ts";
import { ulid } from "../../src/core/ulid.ts";
import type { Held } from "./held.ts";
import * as schema from "./schema.ts";

export type Directory = DrizzleD1Database<typeof schema> & { $client: D1Database };
export type World = {
  db: Directory;
  clock: Clock;
  random: Random;
  /** Who does what is being done, for the audit log; an account id or `system`. */
  actor: string;
  /** The actor came in with a second factor, a passkey, or an API key that was made so. */
  strong: boolean;
  /** The domains that the actor's API key is for; null: all of the account's. */
  only: readonly string[] | null;
  /** Records that say whether a change was carried out: they go along with it. */
  held?: readonly Held[];
  /** Hears of each row of the audit log once it is written: some are told to people by mail. */
  heard?: (row: typeof schema.audit.$inferSelect) => void;
};

export function openDirectory(d1: D1Database): Directory {
  return drizzle(d1, { schema, casing: "snake_case" });
}

export function openWorld(d1: D1Database, actor = "system"): World {
  return {
    db: openDirectory(d1),
    clock: () => Date.now(),
    random: (n) => crypto.getRandomValues(new Uint8Array(n)),
    actor,
    strong: false,
    only: null,
  };
}

export function newId(world: World): string {
  return ulid(world.clock, world.random);
}

/** `of`: only of this column. D1's errors carry the statement and its parameters: only the class of the trouble may be shown or logged. */
export function isUniqueViolation(error: unknown, of = ""): boolean {
  for (let at: unknown = error; at instanceof Error; at = at.cause) {
    if (at.message.includes(`UNIQUE constraint failed: ${of}`)) return true;
  }
  return false;
}

/** A statement of ours that said NULL where it found what it must not go on from: nothing of its batch was done. */
export function isGivenUp(error: unknown): boolean {
  for (let at: unknown = error; at instanceof Error; at = at.cause) {
    if (at.message.includes("NOT NULL constraint failed")) return true;
  }
  return false;
}
