/** Questions that must be answered once, soon: handed out as a secret, kept hashed, gone when answered. */
import { and, eq, gt, lt } from "drizzle-orm";
import type { World } from "../directory/open.ts";
import { challenge } from "../directory/schema.ts";
import { digest, newSecret } from "./secret.ts";

type Kind = (typeof challenge.$inferSelect)["kind"];

export const minute = 60_000;

export async function putQuestion(world: World, kind: Kind, account: string | null, lastsMs: number): Promise<string> {
  const secret = newSecret(world.random);
  const now = world.clock();
  await world.db.batch([
    world.db.delete(challenge).where(lt(challenge.expiresAt, now)),
    world.db.insert(challenge).values({ id: await digest(secret), kind, account, expiresAt: now + lastsMs }),
  ]);
  return secret;
}

/** Whose question it was, and null for a wrong, old or answered one. Answering uses it up. */
export async function takeAnswer(world: World, kind: Kind, secret: string): Promise<{ account: string | null } | null> {
  const [taken] = await world.db
    .delete(challenge)
    .where(
      and(eq(challenge.id, await digest(secret)), eq(challenge.kind, kind), gt(challenge.expiresAt, world.clock())),
    )
    .returning({ account: challenge.account });
  return taken ?? null;
}

/** The same without using it up: a second factor may be mistyped. */
export async function peekAnswer(world: World, kind: Kind, secret: string): Promise<{ account: string | null } | null> {
  const [found] = await world.db
    .select({ account: challenge.account })
    .from(challenge)
    .where(
      and(eq(challenge.id, await digest(secret)), eq(challenge.kind, kind), gt(challenge.expiresAt, world.clock())),
    )
    .limit(1);
  return found ?? null;
}
