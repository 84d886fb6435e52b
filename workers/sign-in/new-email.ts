/** An account's address: proven by a link that was mailed there, or changed by one at the new address. */
import { and, eq, ne, not, or } from "drizzle-orm";
import { type Account, accountByEmail } from "../directory/accounts.ts";
import { audited } from "../directory/audit.ts";
import { heldFor, isHeld } from "../directory/former.ts";
import { isUniqueViolation, type World } from "../directory/open.ts";
import { Problem } from "../directory/problem.ts";
import { account, challenge, session } from "../directory/schema.ts";
import { type Edge, logTrouble } from "../platform.ts";
import { accountOf, afterAnswer, gone, linkFor, typedAddress } from "./by-mail.ts";
import { type Asked, takeAnswer } from "./challenge.ts";
import { countOrRefuse, limits } from "./limit.ts";
import { mailLink, type WayOut, wayOut } from "./links.ts";
import { mailUndo, newUndo } from "./undo.ts";

export async function askVerified(edge: Edge, world: World, of: Account): Promise<void> {
  await countOrRefuse(world, limits.mailedLink, of.email);
  await mailLink(edge, world, await wayOut(edge), "verify-email", { email: of.email, account: of.id });
}

/** The link goes to the new address: until it is opened there, nothing changes. */
export async function askNewEmail(edge: Edge, world: World, of: Account, text: string, ip: string): Promise<void> {
  const email = await typedAddress(world, text, ip);
  if (email === of.email) throw new Problem(422, "same-address", "That is your address already.", { field: "email" });
  const out = await wayOut(edge);
  const send = async (): Promise<void> => {
    const free = (await accountByEmail(world, email)) === null && !(await isHeld(world, email, of.id));
    if (free) await mailLink(edge, world, out, "change-email", { email, account: of.id });
  };
  afterAnswer(edge, world, send);
}

type Change = { out: WayOut; keep: string | null };

/** Either kind of link that proves an address. Changing it ends every session but `keep`. */
export async function confirmEmail(edge: Edge, world: World, token: string, keep: string | null): Promise<Account> {
  const proven = await takeAnswer(world, "verify-email", token);
  if (proven !== null) return prove(world, proven);
  await linkFor(world, "change-email", token);
  // Nothing is changed of which the former address can't hear.
  const out = await wayOut(edge);
  const changed = await takeAnswer(world, "change-email", token);
  if (changed === null) throw gone();
  return changeEmail(edge, world, changed, { out, keep });
}

async function prove(world: World, asked: Asked): Promise<Account> {
  const found = await accountOf(world, asked);
  const now = world.clock();
  // Only the address it was mailed to: the account may have another by now.
  const same = and(eq(account.id, found.id), eq(account.email, asked.email ?? ""));
  await audited({ ...world, actor: found.id }, { domain: null, act: "email.proved", subject: found.email }, [
    world.db.update(account).set({ emailVerifiedAt: now }).where(same),
  ]);
  return found;
}

/** The former address is mailed a way back, where it was ever proven: else it may be a stranger's, mistyped. */
async function changeEmail(edge: Edge, world: World, asked: Asked, how: Change): Promise<Account> {
  const found = await accountOf(world, asked);
  const email = asked.email ?? found.email;
  const undo = found.emailVerifiedAt === null ? null : await newUndo(world, found);
  const entry = { domain: null, act: "email.changed", subject: email, detail: { from: found.email } } as const;
  const now = world.clock();
  // Not where it was changed, or changed back, since this began.
  const same = and(eq(account.id, found.id), eq(account.email, found.email), not(heldFor(world, email, found.id)));
  try {
    const done = await audited({ ...world, actor: found.id }, entry, [
      world.db.delete(session).where(and(eq(session.account, found.id), ne(session.id, how.keep ?? ""))),
      world.db
        .delete(challenge)
        .where(
          and(eq(challenge.account, found.id), or(eq(challenge.kind, "reset"), eq(challenge.kind, "verify-email"))),
        ),
      ...(undo === null ? [] : [undo.row]),
      world.db.update(account).set({ email, emailVerifiedAt: now }).where(same).returning({ id: account.id }),
    ]);
    if ((done.at(-1) as unknown[]).length === 0) throw taken();
  } catch (error) {
    throw isUniqueViolation(error, "account.email") ? taken() : error;
  }
  const told = mailUndo(edge, how.out, found.email, undo?.token ?? null);
  await told.catch((error: unknown) => logTrouble("notice", error));
  return { ...found, email };
}

function taken(): Problem {
  return new Problem(409, "account-exists", "There is an account with this address.");
}
