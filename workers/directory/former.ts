/**
 * Addresses that accounts had until lately. For a week each is held for its account: whoever reads mail there can take the account
 * back, and nobody puts another account in the way by making one with that address.
 */
import { and, eq, exists, gt, ne, type SQL } from "drizzle-orm";
import type { World } from "./open.ts";
import { formerAddress } from "./schema.ts";

export const undoMs = 7 * 86_400_000;

export function standing(world: World): SQL {
  return gt(formerAddress.changedAt, world.clock() - undoMs);
}

/** Whether an address is held for another account than `mine`, as a condition of a statement. */
export function heldFor(world: World, email: string, mine = ""): SQL {
  return exists(held(world, email, mine));
}

export async function isHeld(world: World, email: string, mine = ""): Promise<boolean> {
  return (await held(world, email, mine).limit(1)).length > 0;
}

/** Whether an account's address may still be put back. */
export function mayBeUndone(world: World, account: string): SQL {
  const mine = world.db.select({ id: formerAddress.id }).from(formerAddress);
  return exists(mine.where(and(eq(formerAddress.account, account), standing(world))));
}

function held(world: World, email: string, mine: string) {
  const others = and(eq(formerAddress.email, email), ne(formerAddress.account, mine), standing(world));
  return world.db.select({ id: formerAddress.id }).from(formerAddress).where(others);
}
