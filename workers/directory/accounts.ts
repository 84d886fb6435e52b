/** Accounts: who may sign in. Passwords arrive here hashed (`sign-in/password.ts`). */
import { and, count, eq, ne, not, notExists, or, type SQL, sql } from "drizzle-orm";
import { alias } from "drizzle-orm/sqlite-core";
import { record } from "./audit.ts";
import { heldFor, mayBeUndone } from "./former.ts";
import { isUniqueViolation, newId, type World } from "./open.ts";
import { Problem } from "./problem.ts";
import { account, audit, domain, membership, senderRule } from "./schema.ts";

const other = alias(membership, "other");

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

export type NewAccount = {
  email: string;
  password: string;
  name: string;
  operator: boolean;
  emailVerifiedAt: number | null;
};

/** An operator's is the very first: asked inside the statement, so that of two at once one makes it. */
export async function addAccount(world: World, input: NewAccount): Promise<Account> {
  const row: Account = {
    ...input,
    id: newId(world),
    email: input.email.toLowerCase(),
    state: "active",
    createdAt: world.clock(),
  };
  const { id, email, emailVerifiedAt, password, name, state, operator, createdAt } = row;
  const values = sql`select ${id}, ${email}, ${emailVerifiedAt}, ${password}, ${name}, ${state}, ${operator ? 1 : 0}, ${createdAt}`;
  const exists = new Problem(409, "account-exists", "There is an account with this address.");
  const none = operator ? sql`not exists (select 1 from account)` : sql`true`;
  try {
    const free = sql`${values} where not ${heldFor(world, email)} and ${none}`;
    const made = await world.db.insert(account).select(free).returning({ id: account.id });
    if (made.length === 0) throw operator ? setUpClosed() : exists;
  } catch (error) {
    throw isUniqueViolation(error) ? exists : error;
  }
  return row;
}

export function setUpClosed(): Problem {
  return new Problem(403, "setup-closed", "Set-up is done already, or the token is not right.");
}

/** In place of the one that was shown to be known; refused where another has come in between. */
export async function changePassword(world: World, of: Account, password: string): Promise<void> {
  const changed = await world.db
    .update(account)
    .set({ password })
    .where(and(eq(account.id, of.id), eq(account.password, of.password)))
    .returning({ id: account.id });
  if (changed.length === 0)
    throw new Problem(409, "changed-meanwhile", "The password was changed meanwhile. Please sign in again.");
}

export async function renameAccount(world: World, id: string, name: string): Promise<void> {
  await world.db.update(account).set({ name }).where(eq(account.id, id));
}

/**
 * Deletes an account with its sessions, keys and own log. Refused while a domain has no other owner, or the installation no other
 * operator; asked inside the statement, so that two who leave at once can't both be the last but one.
 */
export async function removeAccount(world: World, of: Account): Promise<void> {
  const alone = await ownedAlone(world, of.id);
  if (alone.length > 0)
    throw new Problem(409, "last-owner", `Make somebody else an owner first, or remove: ${alone.join(", ")}.`);
  const [row] = await world.db.select({ id: account.id }).from(account).where(mayBeUndone(world, of.id)).limit(1);
  if (row !== undefined)
    throw new Problem(
      409,
      "address-changed",
      "The address of this account was changed within the last week. Until its former address can't take it back any more, it can't be deleted.",
    );
  const domains = await world.db.select().from(membership).where(eq(membership.account, of.id));
  const [gone] = await world.db.batch([
    world.db
      .delete(account)
      .where(
        and(
          eq(account.id, of.id),
          notExists(aloneIn(world, of.id)),
          not(mayBeUndone(world, of.id)),
          or(eq(account.operator, false), otherOperator(of.id)),
        ),
      )
      .returning({ id: account.id }),
    world.db
      .delete(audit)
      .where(and(eq(audit.chain, of.id), notExists(world.db.select().from(account).where(eq(account.id, of.id))))),
    world.db
      .delete(senderRule)
      .where(and(eq(senderRule.scope, of.id), notExists(world.db.select().from(account).where(eq(account.id, of.id))))),
  ]);
  if (gone.length === 0)
    throw new Problem(409, "last-operator", "This installation needs an operator: nobody else is one.");
  for (const { domain: id } of domains)
    await record(world, { domain: id, act: "member.left", subject: of.email, detail: { accountRemoved: true } });
}

async function ownedAlone(world: World, id: string): Promise<string[]> {
  return (await aloneIn(world, id)).map(({ name }) => name);
}

function aloneIn(world: World, id: string) {
  const others = world.db
    .select({ account: other.account })
    .from(other)
    .where(and(eq(other.domain, domain.id), eq(other.role, "owner"), ne(other.account, id)));
  return world.db
    .select({ name: domain.name })
    .from(membership)
    .innerJoin(domain, eq(domain.id, membership.domain))
    .where(and(eq(membership.account, id), eq(membership.role, "owner"), notExists(others)));
}

function otherOperator(id: string): SQL {
  return sql`exists (select 1 from account o where o.operator = 1 and o.id <> ${id})`;
}
