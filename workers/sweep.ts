/**
 * Finding what the bells missed: all of R2 every five minutes, one node's part whenever its heartbeat comes in. A node that
 * is silent is probed with a single object, so its queue is not tried ten thousand times for nothing.
 */
import { eq, lt, sql } from "drizzle-orm";
import type { SpoolState } from "../src/core/contract/handoff.ts";
import { ulid } from "../src/core/ulid.ts";
import { undoMs } from "./directory/former.ts";
import {
  attempt,
  challenge,
  formerAddress,
  idempotency,
  invitation,
  journal,
  node,
  seen,
  senderTally,
  session,
  tally,
  vacationSent,
  webhookDelivery,
  webhookEndpoint,
} from "./directory/schema.ts";
import { handOff } from "./handoff.ts";
import { tidyKept } from "./kept.ts";
import { followMoves } from "./moves.ts";
import { type Parked, park } from "./parking.ts";
import { type Edge, logTrouble } from "./platform.ts";
import { deleteOldRaw } from "./raw-link.ts";
import { isParked, placeOf, ring, waitingFor } from "./spool.ts";
import { destroyOldSeeds, transitLifeMs } from "./transit.ts";
import { webhookNode } from "./webhook.ts";

/** Fresher objects have a bell on its way. */
const graceMs = 5_000;
/** What no bell brought home within this is stuck, and is not tried with every heartbeat. */
const youngMs = 10 * 60_000;
const quarterMs = 15 * 60_000;
/** Keys tried per node and round; the next round goes on. */
const perRound = 500;

/** The cron's work. What fails is tried with the next sweep, and stops nothing else. */
export async function sweep(edge: Edge): Promise<void> {
  const facts = { id: node.id, redrivenAt: node.redrivenAt, unreachableSince: node.unreachableSince };
  const nodes = await edge.db.select({ ...facts, facts: node.facts }).from(node);
  const step = (work: Promise<void>): Promise<void> => work.catch((error: unknown) => logTrouble("sweep", error));
  for (const one of nodes) await step(redrive(edge, one, one.unreachableSince !== null));
  for (const one of nodes) await step(tidyKept(edge, one));
  await step(followMoves(edge));
  await step(ringWebhooks(edge));
  await step(destroyOldSeeds(edge));
  await step(deleteOldRaw(edge));
  await step(expire(edge));
}

/** Rings for what is due of all that waits for this node, once one of it was answered. `all`: the node was silent and is back. */
export async function redrive(edge: Edge, { id, redrivenAt }: Driven, all: boolean): Promise<void> {
  const now = edge.clock();
  await edge.db.update(node).set({ redrivenAt: now }).where(eq(node.id, id));
  const due: string[] = [];
  const parked: Parked[] = [];
  const state: SpoolState = { waiting: 0, parked: 0, oldest: null, at: now };
  for await (const { key, facts, uploaded } of waitingFor(edge, `${id}/`)) {
    if (facts !== null && isParked(facts, now)) {
      parked.push({ key, facts });
      state.parked++;
      continue;
    }
    state.waiting++;
    state.oldest = Math.min(state.oldest ?? now, facts?.at ?? uploaded);
    if (now - uploaded >= graceMs && (all || isDue(uploaded, redrivenAt ?? 0, now))) due.push(key);
  }
  await noteSpool(edge, id, state);
  await park(edge, parked);
  const [first, ...rest] = inTurns(due).slice(0, perRound);
  if (first === undefined || (await handOff(edge, first)) === "silent") return;
  ring(edge, rest, { once: true });
}

/** For the operator, and for the node's own metrics. */
async function noteSpool(edge: Edge, id: string, state: SpoolState): Promise<void> {
  const facts = sql`json_set(coalesce(${node.facts}, '{}'), '$.spool', json(${JSON.stringify(state)}))`;
  await edge.db.update(node).set({ facts }).where(eq(node.id, id));
}

export type Driven = { id: string; redrivenAt: number | null };

/** Young mail in every round, older once in a quarter of an hour: by its age alone, since nobody notes when each was tried. */
function isDue(uploaded: number, lastRound: number, now: number): boolean {
  const quarters = (at: number): number => Math.floor((at - uploaded) / quarterMs);
  return now - uploaded < youngMs || quarters(now) > quarters(lastRound);
}

/** One of each box, then the second of each: a mailbox that takes nothing (full, damaged) holds up nobody else's mail. */
function inTurns(keys: readonly string[]): string[] {
  const seen = new Map<string, number>();
  const turns = keys.map((key) => {
    const { box } = placeOf(key) ?? { box: "" };
    const turn = seen.get(box) ?? 0;
    seen.set(box, turn + 1);
    return { key, turn };
  });
  return turns.sort((a, b) => a.turn - b.turn).map(({ key }) => key);
}

/** Webhooks know by their log when they are due; those whose transit seed is destroyed can't be sent any more. */
async function ringWebhooks(edge: Edge): Promise<void> {
  const now = edge.clock();
  const due: string[] = [];
  for await (const { key, facts, uploaded } of waitingFor(edge, `${webhookNode}/`)) {
    if (facts !== null && now - facts.at > transitLifeMs) await edge.env.SPOOL.delete(key);
    else if (now - uploaded >= graceMs) due.push(key);
  }
  ring(edge, due.slice(0, perRound));
}

const zeros = (n: number): Uint8Array<ArrayBuffer> => new Uint8Array(n);

/** What has a date and is past it. */
async function expire(edge: Edge): Promise<void> {
  const now = edge.clock();
  const firstDay = Math.floor((now - edge.config.retentionMs) / 86_400_000);
  await edge.db.batch([
    edge.db.delete(journal).where(lt(journal.expiresAt, now)),
    edge.db.delete(tally).where(lt(tally.day, firstDay)),
    edge.db.delete(senderTally).where(lt(senderTally.day, firstDay)),
    edge.db.delete(seen).where(lt(seen.expiresAt, now)),
    edge.db.delete(session).where(lt(session.expiresAt, now)),
    edge.db.delete(attempt).where(lt(attempt.expiresAt, now)),
    edge.db.delete(challenge).where(lt(challenge.expiresAt, now)),
    edge.db.delete(formerAddress).where(lt(formerAddress.changedAt, now - undoMs)),
    edge.db.delete(idempotency).where(lt(idempotency.expiresAt, now)),
    edge.db.delete(invitation).where(lt(invitation.expiresAt, now)),
    edge.db
      .delete(webhookEndpoint)
      .where(
        sql`${webhookEndpoint.domain} not like 'dns:%' and ${webhookEndpoint.domain} not in (select id from domain)`,
      ),
    // By their ids, which begin with the time.
    edge.db.delete(webhookDelivery).where(
      lt(
        webhookDelivery.id,
        ulid(() => now - edge.config.retentionMs, zeros),
      ),
    ),
    edge.db.delete(vacationSent).where(lt(vacationSent.expiresAt, now)),
  ]);
}
