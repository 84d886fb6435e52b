/**
 * A POST with an Idempotency-Key is carried out once: its repetition, for a day, gets the first answer again
 * (draft-ietf-httpapi-idempotency-key-header). A failure is not kept, so it may be tried again.
 */
import { and, eq, gt, lt } from "drizzle-orm";
import type { Context } from "hono";
import type { World } from "../directory/open.ts";
import { Problem } from "../directory/problem.ts";
import { idempotency } from "../directory/schema.ts";
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
  if (!(await claim(world, id, request))) return repeated(world, id, request);
  return remembering(world, id, respond);
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

async function repeated(world: World, id: string, request: string): Promise<Response> {
  const [kept] = await world.db
    .select()
    .from(idempotency)
    .where(and(eq(idempotency.id, id), gt(idempotency.expiresAt, world.clock())))
    .limit(1);
  if (kept === undefined || kept.status === pending)
    throw new Problem(409, "in-progress", "The first request with this Idempotency-Key is still being carried out.");
  if (kept.request !== request)
    throw new Problem(422, "idempotency-key-reused", "This Idempotency-Key was used with another body.");
  const headers = { "content-type": "application/json", "idempotency-replayed": "true" };
  return new Response(kept.status === 204 ? null : kept.answer, { status: kept.status, headers });
}

async function remembering(world: World, id: string, respond: () => Promise<Response>): Promise<Response> {
  try {
    const response = await respond();
    const { status } = response;
    const answer = await response.clone().text();
    await world.db.update(idempotency).set({ status, answer }).where(eq(idempotency.id, id));
    return response;
  } catch (error) {
    await world.db.delete(idempotency).where(eq(idempotency.id, id));
    throw error;
  }
}
