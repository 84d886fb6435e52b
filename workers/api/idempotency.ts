/**
 * A POST with an Idempotency-Key is carried out once: its repetition, for a day, gets the first answer again
 * (draft-ietf-httpapi-idempotency-key-header). A failure is not kept, so it may be tried again. Answers can hold what is shown
 * once only (an API key), so they are kept under a key that needs both the edge's seed and the client's Idempotency-Key.
 *
 * A Worker may die on the way. The record is marked in the batch that changes the directory (`held.ts`), so its repetition knows:
 * not marked, nothing was changed and it takes over after a minute, whereupon the first can change nothing any more; marked, it
 * was carried out and only the answer is lost, which the repetition says. Mail sent and calls to nodes have ids of their own.
 */
import { and, eq, lt } from "drizzle-orm";
import type { Context } from "hono";
import { utf8 } from "../../src/core/bytes.ts";
import { labels } from "../../src/core/seal/labels.ts";
import { configOf } from "../config.ts";
import { carriedOut, type Held, underWay, wasTakenOver } from "../directory/held.ts";
import { newId, type World } from "../directory/open.ts";
import { Problem } from "../directory/problem.ts";
import { idempotency } from "../directory/schema.ts";
import { type AtRestKey, openAtRest, sealAtRest } from "../sign-in/at-rest.ts";
import { digest } from "../sign-in/secret.ts";
import type { App, Visitor } from "../sign-in/visitor.ts";
import type { AnyCall, Row } from "./row.ts";

const keptMs = 86_400_000;
/** No POST takes longer; past this its Worker is gone, or will find that it may change nothing. */
const leaseMs = 60_000;

type Kept = typeof idempotency.$inferSelect;

export async function idempotently(
  c: Context<App>,
  visitor: Visitor,
  row: Row,
  call: AnyCall,
  respond: () => Promise<Response>,
): Promise<Response> {
  const key = c.req.header("idempotency-key");
  if (key === undefined) return respond();
  if (key === "" || key.length > 200)
    throw new Problem(400, "bad-idempotency-key", "An Idempotency-Key has 1 to 200 characters.");
  const { world } = call;
  const held = { id: await digest(`${visitor.account.id}\0${row.method} ${c.req.path}\0${key}`), holder: newId(world) };
  const request = await digest(JSON.stringify(call.body ?? null));
  const salt = utf8(`${visitor.account.id}\0${key}`);
  const lock = { seed: configOf(c.env).edgeSeed, label: labels.remembered, salt };
  const kept = await claim(world, held, request);
  if (kept !== null && kept.request !== request)
    throw new Problem(422, "idempotency-key-reused", "This Idempotency-Key was used with another body.");
  if (kept !== null && !(await takenOver(world, held, kept))) return repeated(world, kept, lock);
  call.world = { ...world, held: [held] };
  return remembering(world, held, lock, respond);
}

/** Null: it is this try's. Else the record of an earlier one. */
async function claim(world: World, { id, holder }: Held, request: string): Promise<Kept | null> {
  const now = world.clock();
  const times = { leaseUntil: now + leaseMs, expiresAt: now + keptMs };
  const [, , [kept]] = await world.db.batch([
    world.db.delete(idempotency).where(and(eq(idempotency.id, id), lt(idempotency.expiresAt, now))),
    world.db
      .insert(idempotency)
      .values({ id, request, holder, status: underWay, answer: "", ...times })
      .onConflictDoNothing(),
    world.db.select().from(idempotency).where(eq(idempotency.id, id)),
  ]);
  return kept === undefined || kept.holder === holder ? null : kept;
}

/** From a try that changed nothing and has had its time; of two that want it, one gets it. */
async function takenOver(world: World, { id, holder }: Held, kept: Kept): Promise<boolean> {
  const now = world.clock();
  if (kept.status !== underWay || kept.leaseUntil > now) return false;
  const still = and(eq(idempotency.status, underWay), eq(idempotency.holder, kept.holder));
  const taken = await world.db
    .update(idempotency)
    .set({ holder, leaseUntil: now + leaseMs })
    .where(and(eq(idempotency.id, id), still))
    .returning({ id: idempotency.id });
  return taken.length > 0;
}

async function repeated(world: World, kept: Kept, lock: AtRestKey): Promise<Response> {
  const { status, leaseUntil } = kept;
  const now = world.clock();
  if (status === carriedOut && leaseUntil <= now)
    throw new Problem(409, "answer-lost", "This was carried out, but its answer is lost. Read what there is now.");
  if (status === underWay || status === carriedOut)
    throw new Problem(409, "in-progress", "The first request with this Idempotency-Key is still being carried out.", {
      retryAfter: Math.max(1, Math.ceil((leaseUntil - now) / 1000)),
    });
  const headers = { "content-type": "application/json", "idempotency-replayed": "true" };
  if (status === 204) return new Response(null, { status, headers: { "idempotency-replayed": "true" } });
  return new Response(await openAtRest(lock, kept.answer), { status, headers });
}

async function remembering(
  world: World,
  { id, holder }: Held,
  lock: AtRestKey,
  respond: () => Promise<Response>,
): Promise<Response> {
  const mine = and(eq(idempotency.id, id), eq(idempotency.holder, holder));
  try {
    const response = await respond();
    const { status } = response;
    const answer = await sealAtRest(lock, new Uint8Array(await response.clone().arrayBuffer()), world.random);
    await world.db.update(idempotency).set({ status, answer }).where(mine);
    return response;
  } catch (error) {
    if (wasTakenOver(error))
      throw new Problem(409, "taken-over", "A repetition of this took over from it: nothing was done here.");
    // What was refused may be tried again. After a fault of ours only what changed nothing may.
    const again = error instanceof Problem ? mine : and(mine, eq(idempotency.status, underWay));
    await world.db.delete(idempotency).where(again);
    throw error;
  }
}
