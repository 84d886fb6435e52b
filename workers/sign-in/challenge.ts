/** Questions that must be answered once, soon: handed out as a secret, kept hashed, gone when answered. */
import { and, eq, gt, lt, type SQL } from "drizzle-orm";
import type { World } from "../directory/open.ts";
import { challenge } from "../directory/schema.ts";
import { digest, newSecret } from "./secret.ts";

type Kind = (typeof challenge.$inferSelect)["kind"];
/** Whose question it is; `email`, where a mailed link asks it: the address that the link went to. */
export type Asked = { account: string | null; email: string | null };

export const minute = 60_000;

export async function putQuestion(
  world: World,
  kind: Kind,
  of: { account?: string; email?: string },
  lastsMs: number,
): Promise<string> {
  const secret = newSecret(world.random);
  const now = world.clock();
  await world.db.batch([
    world.db.delete(challenge).where(lt(challenge.expiresAt, now)),
    world.db.insert(challenge).values({ id: await digest(secret), kind, ...of, expiresAt: now + lastsMs }),
  ]);
  return secret;
}

/** Null for a wrong, old or answered one. Answering uses it up: of two at the same moment, one gets it. */
export async function takeAnswer(world: World, kind: Kind, secret: string): Promise<Asked | null> {
  const [taken] = await world.db
    .delete(challenge)
    .where(await standing(world, kind, secret))
    .returning(asked);
  return taken ?? null;
}

/** The same without using it up: a second factor may be mistyped. */
export async function peekAnswer(world: World, kind: Kind, secret: string): Promise<Asked | null> {
  const [found] = await world.db
    .select(asked)
    .from(challenge)
    .where(await standing(world, kind, secret))
    .limit(1);
  return found ?? null;
}

const asked = { account: challenge.account, email: challenge.email };

async function standing(world: World, kind: Kind, secret: string): Promise<SQL | undefined> {
  return and(eq(challenge.id, await digest(secret)), eq(challenge.kind, kind), gt(challenge.expiresAt, world.clock()));
}
