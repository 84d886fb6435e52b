/** Signing in by password, and the installation's very first account. One answer, in one time, for every way to be wrong. */
import { equalConstantTime, utf8 } from "../../src/core/bytes.ts";
import {
  type Account,
  accountByEmail,
  addAccount,
  changePassword,
  hasAccounts,
  removeAccount,
  setUpClosed,
} from "../directory/accounts.ts";
import { foldAddress } from "../directory/address.ts";
import { record } from "../directory/audit.ts";
import type { World } from "../directory/open.ts";
import { Problem } from "../directory/problem.ts";
import { acceptInvitation, invitationFor } from "../directory/team.ts";
import { count, countOrRefuse, forgive, isCounted, limits } from "./limit.ts";
import { passkeysOf } from "./passkey.ts";
import { checkPasswordRule, hashPassword, passwordMatches } from "./password.ts";
import { codesLeft, makeCodes, takeRecoveryCode } from "./recovery.ts";
import { digest } from "./secret.ts";
import { closeOtherSessions, markProved } from "./session.ts";
import { mayChangeFactors } from "./strength.ts";
import { confirmTotp, hasTotp, takeCode } from "./totp.ts";

export type Credentials = { email: string; password: string };

/** Throws 401 `wrong-credentials` for an unknown address, a wrong password and a frozen account alike; 429 over the limits. */
export async function signIn(world: World, given: Credentials, ip: string): Promise<Account> {
  const email = given.email.trim().toLowerCase();
  const place = `${email}\0${ip}`;
  await countOrRefuse(world, limits.signInAddress, ip);
  await countOrRefuse(world, limits.signInPlace, place);
  // Counted all the same, or its time would tell a neighbour behind the same address who signs in there.
  const known = await isCounted(world, limits.knownPlace, place);
  await (known ? count : countOrRefuse)(world, limits.signInAccount, email);
  const found = await accountByEmail(world, email);
  const right = await passwordMatches(given.password, found?.password ?? null);
  if (found === null || !right || found.state !== "active") {
    throw new Problem(401, "wrong-credentials", "The address or the password is not right.");
  }
  await forgive(world, limits.signInAccount, email);
  await forgive(world, limits.signInPlace, place);
  await count(world, limits.knownPlace, place);
  return found;
}

/** Whether a password alone is not enough for this account. */
export function needsCode(world: World, account: string): Promise<boolean> {
  return hasTotp(world, account);
}

/** A code of this moment, or one of the recovery codes; under a limit that makes guessing hopeless. */
export async function secondFactor(world: World, account: string, seed: Uint8Array, code: string): Promise<void> {
  const { used } = await countOrRefuse(world, limits.secondFactor, account);
  await countOrRefuse(world, limits.secondFactorDay, account);
  const right = (await takeCode(world, account, seed, code)) || (await takeRecoveryCode(world, account, code));
  if (!right && used === limits.secondFactor.max)
    await record({ ...world, actor: account }, { domain: null, act: "codes.guessed", subject: account });
  if (!right) throw new Problem(401, "wrong-code", "That code is not right, or was used already.", { field: "code" });
  await forgive(world, limits.secondFactor, account);
  await forgive(world, limits.secondFactorDay, account);
}

/** Codes that stand in for a lost factor, or a Problem where there is none that could be lost. */
export async function newRecoveryCodes(world: World, account: string): Promise<string[]> {
  if (!(await hasTotp(world, account)) && (await passkeysOf(world, account)).length === 0)
    throw new Problem(
      409,
      "totp-off",
      "Recovery codes stand in for a second factor: have codes from an app or a passkey.",
    );
  await mayChangeFactors(world, account);
  return makeCodes(world, account);
}

/** For programs: both factors in one call. Answers whether there was a second one. */
export async function signInWithCode(
  world: World,
  given: Credentials & { code?: string | undefined },
  seed: Uint8Array,
  ip: string,
): Promise<{ account: Account; strong: boolean }> {
  const account = await signIn(world, given, ip);
  const asks = await needsCode(world, account.id);
  // Somebody whose only factor is a passkey may have lost it: their recovery codes are taken, never asked for.
  if (!asks && (!given.code || (await codesLeft(world, account.id)) === 0)) return { account, strong: false };
  if (given.code === undefined || given.code === "")
    throw new Problem(401, "second-factor-needed", "Send the code of this moment too.", { field: "code" });
  await secondFactor(world, account.id, seed, given.code);
  return { account, strong: true };
}

const proofLastsMs = 15 * 60_000;

/** Whether its owner has proved to be there within the last quarter of an hour. */
export function provedLately(world: World, session: { provedAt: number }): boolean {
  return session.provedAt > world.clock() - proofLastsMs;
}

/**
 * Asked again before something dangerous: the visitor's own password, and a code where signing in asks for one, under the same
 * limits. Answers whether there was a code.
 */
export async function proveAgain(
  world: World,
  account: Account,
  given: { password: string; code?: string | undefined },
  seed: Uint8Array,
  ip: string,
): Promise<boolean> {
  return (await signInWithCode(world, { ...given, email: account.email }, seed, ip)).strong;
}

/** The first right code switches codes on and makes this session a strong one; answers the recovery codes, this once. */
export async function switchCodesOn(
  world: World,
  me: { account: string; session: string },
  seed: Uint8Array,
  code: string,
): Promise<string[]> {
  await countOrRefuse(world, limits.secondFactor, me.account);
  await confirmTotp(world, me.account, seed, code);
  await forgive(world, limits.secondFactor, me.account);
  await markProved(world, me.session, true);
  return makeCodes(world, me.account);
}

/** Its owner types the address: a wrong click deletes nothing. */
export async function leave(world: World, account: Account, typed: string): Promise<void> {
  if (typed.trim().toLowerCase() !== account.email)
    throw new Problem(422, "not-confirmed", `Type ${account.email} to delete the account.`, { field: "email" });
  await removeAccount(world, account);
}

/** By somebody who knows the old one; every other session ends. */
export async function newPassword(
  world: World,
  account: Account,
  given: { current: string; password: string },
  keepSession: string,
  ip: string,
): Promise<void> {
  const { password } = given;
  const known = await signIn(world, { email: account.email, password: given.current }, ip);
  checkPasswordRule(password, account.email);
  await changePassword(world, known, await hashPassword(password, world.random));
  await closeOtherSessions(world, account.id, keepSession);
  await record(world, { domain: null, act: "password.changed", subject: account.email });
}

/** The operator's account, by the set-up token, while there is no account at all. */
export async function setUp(
  world: World,
  given: Credentials & { token: string },
  setupToken: string,
  ip: string,
): Promise<Account> {
  await countOrRefuse(world, limits.setup, ip);
  // Hashed first: equal lengths, so the comparison tells nothing of the token's.
  const right = equalConstantTime(utf8(await digest(given.token)), utf8(await digest(setupToken)));
  if (!right || (await hasAccounts(world))) throw setUpClosed();
  return register(world, given, true);
}

/** A new account; its address is not yet known to be its owner's. */
export async function register(world: World, given: Credentials, operator: boolean): Promise<Account> {
  const email = foldEmail(given.email);
  checkPasswordRule(given.password, email);
  const password = await hashPassword(given.password, world.random);
  return addAccount(world, { email, password, name: "", operator, emailVerifiedAt: null });
}

/** For somebody without an account: whoever holds the link chooses the password, since it was meant for that address alone. */
export async function joinNew(
  world: World,
  given: { token: string; password: string },
  ip: string,
): Promise<{ account: Account; domain: string }> {
  await countOrRefuse(world, limits.signUp, ip);
  const found = await invitationFor(world, given.token);
  if (found === null) throw new Problem(404, "no-invitation", "This invitation is used up or too old.");
  const account = await register(world, { email: found.email, password: given.password }, false);
  return { account, domain: await acceptInvitation({ ...world, actor: account.id }, given.token, account) };
}

/** An address as accounts are known by, or a 422. */
export function foldEmail(text: string): string {
  const folded = foldAddress(text);
  if (folded === null) throw new Problem(422, "bad-address", "Write a whole e-mail address.", { field: "email" });
  return `${folded.local}@${folded.domain}`;
}

/** Whether strangers may make accounts here; the operator decides. */
export function signUpIsOpen(env: { SIGN_UP: string }): boolean {
  return env.SIGN_UP === "open";
}
