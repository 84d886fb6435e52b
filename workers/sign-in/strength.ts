/**
 * What second factors are worth. What they gave goes with the last of them: sessions and keys made under it count as weak from
 * then on, and no recovery code stands in for it. While a domain demands the one that somebody has, neither their password nor
 * their mail is enough to put another in its place: they show it first, or a recovery code, or are asked into the domain anew.
 */
import { and, eq, exists, isNotNull, notExists, or } from "drizzle-orm";
import type { World } from "../directory/open.ts";
import { Problem } from "../directory/problem.ts";
import { apiKey, domain, membership, passkey, recoveryCode, session, totp } from "../directory/schema.ts";

/** Throws 403 where the actor has not shown the factor that a domain of theirs relies on. */
export async function mayChangeFactors(world: World, account: string): Promise<void> {
  if (world.strong || !(await isReliedOn(world, account))) return;
  throw new Problem(
    403,
    "second-factor-needed",
    "A domain of yours demands the second factor that you have. Prove by it first: by your passkey, or with a code.",
  );
}

/** Whether the account has a second factor, and belongs to a domain that demands one. */
export async function isReliedOn(world: World, account: string): Promise<boolean> {
  const { codes, passkeys } = factorsOf(world, account);
  const [found] = await world.db
    .select({ domain: domain.id })
    .from(membership)
    .innerJoin(domain, eq(domain.id, membership.domain))
    .where(and(eq(membership.account, account), eq(domain.mfa, true), or(exists(codes), exists(passkeys))))
    .limit(1);
  return found !== undefined;
}

function factorsOf({ db }: World, account: string) {
  const codes = db
    .select({ account: totp.account })
    .from(totp)
    .where(and(eq(totp.account, account), isNotNull(totp.confirmedAt)));
  return { codes, passkeys: db.select({ id: passkey.id }).from(passkey).where(eq(passkey.account, account)) };
}

export async function weakenIfBare(world: World, account: string): Promise<void> {
  await world.db.batch(weakened(world, account));
}

/** The statements that do it, where no factor is left. */
export function weakened(world: World, account: string) {
  const { db } = world;
  const { codes, passkeys } = factorsOf(world, account);
  const bare = and(notExists(codes), notExists(passkeys));
  const weak = { strong: false };
  return [
    db.delete(recoveryCode).where(and(eq(recoveryCode.account, account), bare)),
    db
      .update(session)
      .set(weak)
      .where(and(eq(session.account, account), bare)),
    db
      .update(apiKey)
      .set(weak)
      .where(and(eq(apiKey.account, account), bare)),
  ] as const;
}
