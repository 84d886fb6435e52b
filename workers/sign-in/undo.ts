/**
 * "This was not me": the way back for whoever reads mail at an account's former address, for a week, once. It puts the address
 * back, ends what a thief may have come in by since, and leaves a password that nobody knows. Each former address has its own
 * link. An older one undoes the later changes too, and ends their links: a thief's second change gains nothing.
 */
import { and, eq, exists, gte, isNull, or, sql } from "drizzle-orm";
import { equalConstantTime, utf8 } from "../../src/core/bytes.ts";
import type { Account } from "../directory/accounts.ts";
import { audited } from "../directory/audit.ts";
import { standing } from "../directory/former.ts";
import { isUniqueViolation, newId, type World } from "../directory/open.ts";
import { Problem } from "../directory/problem.ts";
import {
  account,
  apiKey,
  challenge,
  formerAddress,
  invitation,
  passkey,
  recoveryCode,
  session,
  totp,
} from "../directory/schema.ts";
import { type Edge, logTrouble } from "../platform.ts";
import { accountOf, gone } from "./by-mail.ts";
import { countOrRefuse, limits } from "./limit.ts";
import { mail, mailLink, type WayOut, wayOut } from "./links.ts";
import { hashPassword } from "./password.ts";
import { digest, newSecret } from "./secret.ts";
import { weakened } from "./strength.ts";

export type Former = typeof formerAddress.$inferSelect;

/** The link's token, and the statement that keeps it; which does nothing where the address is not this any more. */
export async function newUndo(world: World, { id: whose, email }: Account) {
  const secret = newSecret(world.random);
  const id = newId(world);
  const earlier = sql`(select max(changed_at) + 1 from former_address where account = ${whose})`;
  const at = sql`max(${world.clock()}, coalesce(${earlier}, 0))`;
  const values = sql`select ${id}, id, email, ${await digest(secret)}, ${at} from account where id = ${whose} and email = ${email}`;
  return { token: `${id}-${secret}`, row: world.db.insert(formerAddress).select(values) };
}

export async function mailUndo(edge: Edge, out: WayOut, to: string, token: string | null): Promise<void> {
  const way =
    token === null
      ? [`If not, write at once to whoever runs ${out.origin}.`]
      : [
          "If not, take it back within seven days. Open this page, and press the button on it:",
          `${out.origin}/undo/${token}`,
          "",
          "Whoever is in is thrown out, and a link to choose a new password is mailed to you.",
        ];
  await mail(edge, out, to, "About your account", [
    "Your account has another address now; this one opens it no more.",
    "",
    "If this was you, there is nothing to do.",
    ...way,
  ]);
}

/** What a link is about, without using it; throws 404 for an old, used or made-up one. */
export async function undoFor(world: World, token: string): Promise<Former> {
  const [, id = "", secret = ""] = /^([0-9A-Z]{26})-([\w-]{43})$/.exec(token) ?? [];
  const [found] = await world.db
    .select()
    .from(formerAddress)
    .where(and(eq(formerAddress.id, id), standing(world)))
    .limit(1);
  if (found === undefined || !equalConstantTime(utf8(await digest(secret)), utf8(found.hash))) throw gone();
  return found;
}

/** Answers the address that the account has again; a link to choose a password is on its way there. */
export async function undoChange(edge: Edge, world: World, token: string, ip: string): Promise<string> {
  await countOrRefuse(world, limits.setup, ip);
  const link = await undoFor(world, token);
  const found = await accountOf(world, link);
  await putBack(world, link, found);
  const mailed = wayOut(edge).then((out) =>
    mailLink(edge, world, out, "reset", { email: link.email, account: found.id }),
  );
  await mailed.catch((error: unknown) => logTrouble("undo", error));
  return link.email;
}

async function putBack(world: World, link: Former, found: Account): Promise<void> {
  const { db } = world;
  const { account: id, email, changedAt: since } = link;
  const nobodys = await hashPassword(newSecret(world.random), world.random);
  const fresh = exists(db.select({ id: formerAddress.id }).from(formerAddress).where(eq(formerAddress.id, link.id)));
  const later = and(eq(formerAddress.account, id), gte(formerAddress.changedAt, since));
  const entry = { domain: null, act: "email.restored", subject: email, detail: { from: found.email } } as const;
  try {
    const done = await audited({ ...world, actor: id }, entry, [
      db.delete(session).where(and(eq(session.account, id), fresh)),
      db.delete(challenge).where(and(eq(challenge.account, id), fresh)),
      db.delete(apiKey).where(and(eq(apiKey.account, id), gte(apiKey.createdAt, since), fresh)),
      db.delete(passkey).where(and(eq(passkey.account, id), gte(passkey.createdAt, since), fresh)),
      db
        .delete(totp)
        .where(and(eq(totp.account, id), or(isNull(totp.confirmedAt), gte(totp.confirmedAt, since)), fresh)),
      // When they were made is not kept: a thief may have made new ones, or have seen these.
      db.delete(recoveryCode).where(and(eq(recoveryCode.account, id), fresh)),
      db.delete(invitation).where(and(eq(invitation.invitedBy, id), gte(invitation.createdAt, since), fresh)),
      ...weakened(world, id),
      db
        .update(account)
        .set({ email, emailVerifiedAt: world.clock(), password: nobodys })
        .where(and(eq(account.id, id), fresh)),
      db.delete(formerAddress).where(later).returning({ id: formerAddress.id }),
    ]);
    if ((done.at(-1) as unknown[]).length === 0) throw gone();
  } catch (error) {
    if (isUniqueViolation(error, "account.email"))
      throw new Problem(409, "account-exists", "There is an account with this address.");
    throw error;
  }
}
