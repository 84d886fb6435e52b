/** What a second factor gave goes with the last of them: sessions and keys made under it count as weak from then on. */
import { and, eq, isNotNull, notExists } from "drizzle-orm";
import type { World } from "../directory/open.ts";
import { apiKey, passkey, session, totp } from "../directory/schema.ts";

export async function weakenIfBare(world: World, account: string): Promise<void> {
  const { db } = world;
  const codes = db
    .select({ account: totp.account })
    .from(totp)
    .where(and(eq(totp.account, account), isNotNull(totp.confirmedAt)));
  const passkeys = db.select({ id: passkey.id }).from(passkey).where(eq(passkey.account, account));
  const bare = and(notExists(codes), notExists(passkeys));
  const weak = { strong: false };
  await db.batch([
    db
      .update(session)
      .set(weak)
      .where(and(eq(session.account, account), bare)),
    db
      .update(apiKey)
      .set(weak)
      .where(and(eq(apiKey.account, account), bare)),
  ]);
}
