/**
 * What a mailed link does: a new account, a new password. Whoever asks gets one answer whether or not there is such an account:
 * looking it up and writing the letter come after the answer, so that time tells nothing either. A new password opens no session
 * and takes no second factor away.
 */
import { eq } from "drizzle-orm";
import { type Account, accountByEmail, accountById, addAccount } from "../directory/accounts.ts";
import { audited } from "../directory/audit.ts";
import { isHeld } from "../directory/former.ts";
import type { World } from "../directory/open.ts";
import { Problem } from "../directory/problem.ts";
import { account, apiKey, challenge, passkey, session } from "../directory/schema.ts";
import type { Edge } from "../platform.ts";
import { type Asked, peekAnswer, takeAnswer } from "./challenge.ts";
import { foldEmail } from "./enter.ts";
import { countOrRefuse, limits } from "./limit.ts";
import { mail, mailLink, wayOut } from "./links.ts";
import { checkPasswordRule, hashPassword } from "./password.ts";
import { isReliedOn } from "./strength.ts";

/** Both limits count what was typed, account or not. */
export async function typedAddress(world: World, text: string, ip: string): Promise<string> {
  const email = foldEmail(text);
  await countOrRefuse(world, limits.mailedLinkAddress, ip);
  await countOrRefuse(world, limits.mailedLink, email);
  return email;
}

export async function askSignUp(edge: Edge, world: World, text: string, ip: string): Promise<void> {
  const email = await typedAddress(world, text, ip);
  const out = await wayOut(edge);
  const send = async (): Promise<void> => {
    if (await isHeld(world, email)) return mail(edge, out, email, "This address is kept for a week", kept);
    if ((await accountByEmail(world, email)) === null) return mailLink(edge, world, out, "sign-up", { email });
    await mail(edge, out, email, "You have an account here", [
      "Somebody, perhaps you, asked for an account with this address. There is one already.",
      `Sign in: ${out.origin}/sign-in`,
      `Forgot the password? ${out.origin}/forgotten`,
    ]);
  };
  afterAnswer(edge, world, send);
}

export async function askReset(edge: Edge, world: World, text: string, ip: string): Promise<void> {
  const email = await typedAddress(world, text, ip);
  const out = await wayOut(edge);
  const send = async (): Promise<void> => {
    const found = await accountByEmail(world, email);
    if (found?.state === "active") return mailLink(edge, world, out, "reset", { email, account: found.id });
    if (await isHeld(world, email)) await mail(edge, out, email, "This address is kept for a week", kept);
  };
  afterAnswer(edge, world, send);
}

const kept = [
  "An account had this address until lately, and has another now. For a week it can be taken back; until then no other account",
  "can have this address.",
  "",
  "If you did not change it: the letter about the change, with the subject “About your account”, holds the link for that.",
];

/** Well after: begun at once, the work took time that the answer was still waiting for, and so told who has an account. */
export function afterAnswer(edge: Edge, world: World, work: () => Promise<void>): void {
  const [jitter = 0] = world.random(1);
  edge.later(scheduler.wait(100 + jitter).then(work));
}

/** What the page of a link is about, without using the link up; throws 404 for an old, used or made-up one. */
export async function linkFor(world: World, kind: Parameters<typeof peekAnswer>[1], token: string): Promise<Asked> {
  const asked = await peekAnswer(world, kind, token);
  if (asked === null) throw gone();
  return asked;
}

export async function finishSignUp(world: World, token: string, password: string): Promise<Account> {
  const { email } = await linkFor(world, "sign-up", token);
  checkPasswordRule(password, email ?? "");
  const hash = await hashPassword(password, world.random);
  if ((await takeAnswer(world, "sign-up", token)) === null || email === null) throw gone();
  return addAccount(world, { email, password: hash, name: "", operator: false, emailVerifiedAt: world.clock() });
}

/**
 * Every session ends, and links and half-done sign-ins with them. `alsoKeys`: passkeys and API keys too, for somebody whose
 * account was entered; always where the address was never proven before, since another may have made the account. Passkeys stay
 * where a domain relies on them: whoever reads somebody's mail gets past no second factor by it.
 */
export async function resetPassword(
  world: World,
  given: { token: string; password: string; alsoKeys: boolean },
  ip: string,
): Promise<{ passkeysStay: boolean }> {
  await countOrRefuse(world, limits.setup, ip);
  const found = await accountOf(world, await linkFor(world, "reset", given.token));
  checkPasswordRule(given.password, found.email);
  const password = await hashPassword(given.password, world.random);
  if ((await takeAnswer(world, "reset", given.token)) === null) throw gone();
  const { db } = world;
  const keysToo = given.alsoKeys || found.emailVerifiedAt === null;
  const passkeysStay = found.emailVerifiedAt !== null && (await isReliedOn(world, found.id));
  const keys = [
    ...(passkeysStay ? [] : [db.delete(passkey).where(eq(passkey.account, found.id))]),
    db.delete(apiKey).where(eq(apiKey.account, found.id)),
  ];
  const detail = { keysToo, passkeysStay };
  const entry = { domain: null, act: "password.reset", subject: found.email, detail } as const;
  await audited({ ...world, actor: found.id }, entry, [
    ...(keysToo ? keys : []),
    db.delete(session).where(eq(session.account, found.id)),
    db.delete(challenge).where(eq(challenge.account, found.id)),
    db
      .update(account)
      .set({ password, emailVerifiedAt: found.emailVerifiedAt ?? world.clock() })
      .where(eq(account.id, found.id)),
  ]);
  return { passkeysStay: keysToo && passkeysStay };
}

export async function accountOf(world: World, { account: id }: Asked): Promise<Account> {
  const found = id === null ? null : await accountById(world, id);
  if (found === null || found.state !== "active") throw gone();
  return found;
}

export function gone(): Problem {
  return new Problem(404, "link-gone", "This link was used, is too old, or was replaced by a newer one.");
}
