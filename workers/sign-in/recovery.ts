/** Ten one-time codes for somebody who lost the second factor: 50 random bits each, hashed, under the second factor's limit. */
import { and, count, eq, isNull } from "drizzle-orm";
import { audited, record } from "../directory/audit.ts";
import type { World } from "../directory/open.ts";
import { recoveryCode } from "../directory/schema.ts";
import { digest } from "./secret.ts";

/** Crockford's letters: no I, L, O or U to misread. */
const letters = "0123456789abcdefghjkmnpqrstvwxyz";

export async function makeCodes(world: World, account: string): Promise<string[]> {
  const codes = Array.from({ length: 10 }, () => spell(world.random(10)));
  const rows = await Promise.all(
    codes.map(async (code) => ({ account, hash: await hashOf(account, code), usedAt: null })),
  );
  await audited(world, { domain: null, act: "recovery-codes.made", subject: account }, [
    world.db.delete(recoveryCode).where(eq(recoveryCode.account, account)),
    world.db.insert(recoveryCode).values(rows),
  ]);
  return codes;
}

export async function takeRecoveryCode(world: World, account: string, typed: string): Promise<boolean> {
  const used = await world.db
    .update(recoveryCode)
    .set({ usedAt: world.clock() })
    .where(and(eq(recoveryCode.hash, await hashOf(account, typed)), isNull(recoveryCode.usedAt)))
    .returning({ hash: recoveryCode.hash });
  if (used.length === 0) return false;
  await record({ ...world, actor: account }, { domain: null, act: "recovery-code.used", subject: account });
  return true;
}

export async function codesLeft(world: World, account: string): Promise<number> {
  const [row] = await world.db
    .select({ n: count() })
    .from(recoveryCode)
    .where(and(eq(recoveryCode.account, account), isNull(recoveryCode.usedAt)));
  return row?.n ?? 0;
}

function spell(bytes: Uint8Array): string {
  const text = Array.from(bytes, (byte) => letters.charAt(byte & 31)).join("");
  return `${text.slice(0, 5)}-${text.slice(5)}`;
}

function hashOf(account: string, code: string): Promise<string> {
  const plain = code
    .toLowerCase()
    .replace(/[^0-9a-z]/g, "")
    .replaceAll("o", "0")
    .replace(/[il]/g, "1");
  return digest(`${account}\0${plain}`);
}
