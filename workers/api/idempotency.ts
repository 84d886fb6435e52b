/**
 * A POST with an Idempotency-Key is carried out once: its repetition, for a day, gets the first answer again
 * (draft-ietf-httpapi-idempotency-key-header). A failure is not kept, so it may be tried again. Answers can hold what is shown
 * once only (an API key), so they are kept under a key that needs both the edge's seed and the client's Idempotency-Key.
 */
import { and, eq, gt, lt } from "drizzle-orm";
import type { Context } from "hono";
import { utf8 } from "../../src/core/bytes.ts";
import { labels } from "../../src/core/seal/labels.ts";
import { configOf } from "../config.ts";
import type { World } from "../directory/open.ts";
import { Problem } from "../directory/problem.ts";
import { idempotency } from "../directory/schema.ts";
import { type AtRestKey, openAtRest, sealAtRest } from "../sign-in/at-rest.ts";
import { digest } from "../sign-in/secret.ts";
import type { App, Visitor } from "../sign-in/visitor.ts";
import type { Row } from "./row.ts";

const keptMs = 86_400_000;
/** Of a POST that is being carried out right now. */
const pending = 0;

export async function idempotently(
  c: Context<App>,
  visitor: Visitor,
  row: Row,
  body: unknown,
  respond: () => Promise<Response>,
): Promise<Response> {
  const key = c.req.header("idempotency-key");
  if (key === undefined) return respond();
  if (key === "" || key.length > 200)
    throw new Problem(400, "bad-idempotency-key", "An Idempotency-Key has 1 to 200 characters.");
  const world = c.get("world");
  const id = await digest(`${visitor.account.id}\0${row.method} ${c.req.path}\0${key}`);
  const request = await digest(JSON.stringify(body ?? null));
  const salt = utf8(`${visitor.account.id}\0${key}`);
  const lock = { seed: configOf(c.env).edgeSeed, label: labels.remembered, salt };
  if (!(await claim(world, id, request))) return repeated(world, id, request, lock);
  return remembering(world, id, lock, respond);
}

async function claim(world: World, id: string, request: string): Promise<boolean> {
  const now = world.clock();
  const [, claimed] = await world.db.batch([
    world.db.delete(idempotency).where(and(eq(idempotency.id, id), lt(idempotency.expiresAt, now))),
    world.db
      .insert(idempotency)
      .values({ id, request, status: pending, answer: "", expiresAt: now + keptMs })
      .onConflictDoNothing()
      .returning({ id: idempotency.id }),
  ]);
  return claimed.length > 0;
}

async function repeated(world: World, id: string, request: string, lock: AtRestKey): Promise<Response> {
  const [kept] = await world.db
    .select()
    .from(idempotency)
    .where(and(eq(idempotency.id, id), gt(idempotency.expiresAt, world.clock())))
    .limit(1);
  if (kept !== undefined && kept.request !== request)
    throw new Problem(422, "idempotency-key-reused", "This Idempotency-Key was used with another body.");
  if (kept === undefined || kept.status === pending)
    throw new Problem(409, "in-progress", "The first request with this Idempotency-Key is still being carried out.");
  const headers = { "content-type": "application/json", "idempotency-replayed": "true" };
  if (kept.status === 204) return new Response(null, { status: 204, headers: { "idempotency-replayed": "true" } });
  return new Response(await openAtRest(lock, kept.answer), { status: kept.status, headers });
}

async function remembering(
  world: World,
  id: string,
  lock: AtRestKey,
  respond: () => Promise<Response>,
): Promise<Response> {
  try {
    const response = await respond();
    const { status } = response;
    const answer = await sealAtRest(lock, new Uint8Array(await response.clone().arrayBuffer()), world.random);
    await world.db.update(idempotency).set({ status, answer }).where(eq(idempotency.id, id));
    return response;
  } catch (error) {
    await world.db.delete(idempotency).where(eq(idempotency.id, id));
    throw error;
  }
}
