/** Accounts: who may sign in. Passwords arrive here hashed (`sign-in/password.ts`). */
import { count, eq } from "drizzle-orm";
import { isUniqueViolation, newId, type World } from "./open.ts";
import { Problem } from "./problem.ts";
import { account } from "./schema.ts";

export type Account = typeof account.$inferSelect;

export async function accountByEmail(world: World, email: string): Promise<Account | null> {
  const [row] = await world.db.select().from(account).where(eq(account.email, email.toLowerCase())).limit(1);
  return row ?? null;
}

export async function accountById(world: World, id: string): Promise<Account | null> {
  const [row] = await world.db.select().from(account).where(eq(account.id, id)).limit(1);
  return row ?? null;
}

export async function hasAccounts(world: World): Promise<boolean> {
  const [row] = await world.db.select({ n: count() }).from(account);
  return (row?.n ?? 0) > 0;
}

export type NewAccount = { email: string; password: string; name: string; operator: boolean };

export async function addAccount(world: World, input: NewAccount): Promise<Account> {
  const row: Account = {
    ...input,
    id: newId(world),
    email: input.email.toLowerCase(),
    state: "active",
    emailVerifiedAt: null,
    createdAt: world.clock(),
  };
  try {
    await world.db.insert(account).values(row);
  } catch (error) {
    if (isUniqueViolation(error)) throw new Problem(409, "account-exists", "There is an account with this address.");
    throw error;
  }
  return row;
}

export async function changePassword(world: World, id: string, password: string): Promise<void> {
  await world.db.update(account).set({ password }).where(eq(account.id, id));
}

export async function renameAccount(world: World, id: string, name: string): Promise<void> {
  await world.db.update(account).set({ name }).where(eq(account.id, id));
}
