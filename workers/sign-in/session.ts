/**
 * Sessions: a random token in a cookie, its hash in D1. A session ends after 14 days unused, after 60 days at the latest,
 * or at once when its owner revokes it.
 */
import { and, desc, eq, gt, ne, type SQL, sql } from "drizzle-orm";
import type { Account } from "../directory/accounts.ts";
import { type Page, type PageQuery, pageBy } from "../directory/keyset.ts";
import type { World } from "../directory/open.ts";
import { Problem } from "../directory/problem.ts";
import { account, challenge, session } from "../directory/schema.ts";
import { digest, newSecret } from "./secret.ts";

export type Session = typeof session.$inferSelect;

const day = 86_400_000;
export const idleMs = 14 * day;
const lifetimeMs = 60 * day;
/** A visit is noted at most this often, so that reading pages does not write to D1 each time. */
const noteEveryMs = 5 * 60_000;

/**
 * `strong`: with a second factor or a passkey. A password that was changed since `of` was read ended all that was begun under it:
 * a sign-in that was just being carried out opens nothing any more.
 */
export async function openSession(world: World, of: Account, agent: string, strong: boolean): Promise<string> {
  const token = newSecret(world.random);
  const now = world.clock();
  const facts = sql`${now}, ${now}, ${now + lifetimeMs}, ${agent.slice(0, 300)}, ${strong ? 1 : 0}, ${now}`;
  const opened = await world.db
    .insert(session)
    .select(
      sql`select ${await digest(token)}, id, ${facts} from account where id = ${of.id} and password = ${of.password}`,
    )
    .returning({ id: session.id });
  if (opened.length > 0) return token;
  throw new Problem(401, "ended-meanwhile", "The password was changed meanwhile. Please sign in with the new one.");
}

export async function sessionFor(world: World, token: string): Promise<{ session: Session; account: Account } | null> {
  const now = world.clock();
  const [found] = await world.db
    .select({ session, account })
    .from(session)
    .innerJoin(account, eq(account.id, session.account))
    .where(
      and(
        eq(session.id, await digest(token)),
        gt(session.expiresAt, now),
        gt(session.lastSeenAt, now - idleMs),
        eq(account.state, "active"),
      ),
    )
    .limit(1);
  if (found === undefined) return null;
  if (found.session.lastSeenAt < now - noteEveryMs) await touch(world, found.session.id, now);
  return found;
}

export async function closeSession(world: World, id: string): Promise<void> {
  await world.db.delete(session).where(eq(session.id, id));
}

/** Revokes one of an account's own sessions; false when it has no such one. */
export async function revokeSession(world: World, accountId: string, id: string): Promise<boolean> {
  const gone = await world.db
    .delete(session)
    .where(and(eq(session.id, id), eq(session.account, accountId)))
    .returning({ id: session.id });
  return gone.length > 0;
}

/** And all that somebody may have begun in one: half-done sign-ins, mailed links, to another address too. */
export async function closeOtherSessions(world: World, accountId: string, keep: string): Promise<void> {
  await world.db.batch([
    world.db.delete(session).where(and(eq(session.account, accountId), ne(session.id, keep))),
    world.db.delete(challenge).where(eq(challenge.account, accountId)),
  ]);
}

export async function closeAllSessions(world: World, accountId: string): Promise<void> {
  await world.db.delete(session).where(eq(session.account, accountId));
}

export async function sessionsOf(world: World, accountId: string): Promise<Session[]> {
  return open(world, accountId).orderBy(desc(session.lastSeenAt));
}

/** The newest first. */
export async function sessionPage(world: World, accountId: string, query: PageQuery): Promise<Page<Session>> {
  const of = ({ createdAt, id }: Session) => [createdAt, id];
  const order = { by: [session.createdAt, session.id], of, falling: true } as const;
  return pageBy(order, query, ({ after, orderBy, limit }) =>
    open(world, accountId, after)
      .orderBy(...orderBy)
      .limit(limit),
  );
}

function open(world: World, accountId: string, which?: SQL) {
  const now = world.clock();
  const alive = and(gt(session.expiresAt, now), gt(session.lastSeenAt, now - idleMs));
  return world.db
    .select()
    .from(session)
    .where(and(eq(session.account, accountId), alive, which));
}

/** Its owner has just proved to be there; `strong` where by a second factor or a passkey. */
export async function markProved(world: World, id: string, strong: boolean): Promise<void> {
  const now = { provedAt: world.clock() };
  await world.db
    .update(session)
    .set(strong ? { ...now, strong } : now)
    .where(eq(session.id, id));
}

async function touch(world: World, id: string, now: number): Promise<void> {
  await world.db.update(session).set({ lastSeenAt: now }).where(eq(session.id, id));
}
