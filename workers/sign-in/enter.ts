/** Signing in by password, and the installation's very first account. One answer, in one time, for every way to be wrong. */
import { equalConstantTime, utf8 } from "../../src/core/bytes.ts";
import { type Account, accountByEmail, addAccount, hasAccounts } from "../directory/accounts.ts";
import { foldAddress } from "../directory/address.ts";
import type { World } from "../directory/open.ts";
import { Problem } from "../directory/problem.ts";
import { countOrRefuse, forgive, limits } from "./limit.ts";
import { checkPasswordRule, hashPassword, passwordMatches } from "./password.ts";
import { digest } from "./secret.ts";

export type Credentials = { email: string; password: string };

/** Throws 401 `wrong-credentials` for an unknown address, a wrong password and a frozen account alike; 429 over the limits. */
export async function signIn(world: World, given: Credentials, ip: string): Promise<Account> {
  const email = given.email.trim().toLowerCase();
  await countOrRefuse(world, limits.signInAddress, ip);
  await countOrRefuse(world, limits.signInAccount, email);
  const found = await accountByEmail(world, email);
  const right = await passwordMatches(given.password, found?.password ?? null);
  if (found === null || !right || found.state !== "active") {
    throw new Problem(401, "wrong-credentials", "The address or the password is not right.");
  }
  await forgive(world, limits.signInAccount, email);
  return found;
}

/** Asked again before something dangerous: the visitor's own password, under the same limits. */
export async function proveAgain(world: World, account: Account, password: string, ip: string): Promise<void> {
  const { id } = await signIn(world, { email: account.email, password }, ip);
  if (id !== account.id) throw new Problem(401, "wrong-credentials", "The password is not right.");
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
  if (!right || (await hasAccounts(world)))
    throw new Problem(403, "setup-closed", "Set-up is done already, or the token is not right.");
  return register(world, given, true);
}

/** A new account; its address is not yet known to be its owner's. */
export async function register(world: World, given: Credentials, operator: boolean): Promise<Account> {
  const email = foldAddress(given.email);
  if (email === null) throw new Problem(422, "bad-address", "Write your whole e-mail address.", { field: "email" });
  const address = `${email.local}@${email.domain}`;
  checkPasswordRule(given.password, address);
  const password = await hashPassword(given.password, world.random);
  return addAccount(world, { email: address, password, name: "", operator });
}
