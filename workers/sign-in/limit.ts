/**
 * Limits on guessing and on pace, counted in D1 so that every location sees the same number (the platform's rate-limit
 * binding counts per location and approximately). One statement counts and answers, so parallel guesses can't slip by.
 */
import { and, eq, gt, sql } from "drizzle-orm";
import { hex, utf8 } from "../../src/core/bytes.ts";
import type { World } from "../directory/open.ts";
import { Problem } from "../directory/problem.ts";
import { attempt } from "../directory/schema.ts";

export type Limit = { name: string; max: number; windowMs: number };
export type Count = { used: number; resetAt: number };

const minute = 60_000;
const day = 24 * 60 * minute;
export const limits = {
  /** Per client address, over all accounts. */
  signInAddress: { name: "sign-in-ip", max: 30, windowMs: 15 * minute },
  /** Per account and client address: one address alone never reaches the account's own limit. */
  signInPlace: { name: "sign-in-place", max: 10, windowMs: 15 * minute },
  /** Per account, over all addresses but those that somebody came in from lately: strangers can't lock an owner out there. */
  signInAccount: { name: "sign-in-account", max: 60, windowMs: 60 * minute },
  knownPlace: { name: "known-place", max: 1, windowMs: 30 * day },
  /** Six digits, three steps valid at a time: 10 guesses in 15 minutes are one chance in 30,000. */
  secondFactor: { name: "second-factor", max: 10, windowMs: 15 * minute },
  /** And for whoever keeps at it: one in 6,000 a day. */
  secondFactorDay: { name: "second-factor-day", max: 50, windowMs: day },
  /** Letters to one address, asked for by anybody; and asked for by one client. */
  mailedLink: { name: "mailed-link", max: 5, windowMs: 60 * minute },
  mailedLinkAddress: { name: "mailed-link-ip", max: 20, windowMs: 60 * minute },
  signUp: { name: "sign-up", max: 10, windowMs: 60 * minute },
  setup: { name: "setup", max: 20, windowMs: 15 * minute },
  /** Reading and sealing records without an account, per client address. */
  dnsOnly: { name: "dns-only", max: 60, windowMs: 10 * minute },
  /** Calls to a receiver that somebody only tries, per domain. */
  webhookTest: { name: "webhook-test", max: 20, windowMs: 10 * minute },
  api: { name: "api", max: 600, windowMs: minute },
} as const satisfies Record<string, Limit>;

export async function count(world: World, limit: Limit, who: string): Promise<Count> {
  const now = world.clock();
  const key = await keyOf(limit, who);
  const expiresAt = now + limit.windowMs;
  const fresh = sql`${attempt.expiresAt} <= ${now}`;
  const [row] = await world.db
    .insert(attempt)
    .values({ key, count: 1, expiresAt })
    .onConflictDoUpdate({
      target: attempt.key,
      set: {
        count: sql`case when ${fresh} then 1 else ${attempt.count} + 1 end`,
        expiresAt: sql`case when ${fresh} then ${expiresAt} else ${attempt.expiresAt} end`,
      },
    })
    .returning();
  return { used: row?.count ?? 1, resetAt: row?.expiresAt ?? expiresAt };
}

/** Counts one try and refuses it when the window is used up. */
export async function countOrRefuse(world: World, limit: Limit, who: string): Promise<Count> {
  const counted = await count(world, limit, who);
  if (counted.used <= limit.max) return counted;
  const retryAfter = Math.max(1, Math.ceil((counted.resetAt - world.clock()) / 1000));
  throw new Problem(429, "too-many", `Too many tries. Please wait ${inWords(retryAfter)}.`, { retryAfter });
}

/** Whether anything stands counted, without counting. */
export async function isCounted(world: World, limit: Limit, who: string): Promise<boolean> {
  const [row] = await world.db
    .select({ count: attempt.count })
    .from(attempt)
    .where(and(eq(attempt.key, await keyOf(limit, who)), gt(attempt.expiresAt, world.clock())))
    .limit(1);
  return row !== undefined;
}

export async function forgive(world: World, limit: Limit, who: string): Promise<void> {
  await world.db.delete(attempt).where(eq(attempt.key, await keyOf(limit, who)));
}

// Hashed, so that a copy of the table names nobody's address.
async function keyOf(limit: Limit, who: string): Promise<string> {
  const digest = await crypto.subtle.digest("SHA-256", utf8(`${limit.name}\0${who}`));
  return `${limit.name}:${hex(new Uint8Array(digest)).slice(0, 32)}`;
}

function inWords(seconds: number): string {
  return seconds < 90 ? `${seconds} seconds` : `${Math.ceil(seconds / 60)} minutes`;
}
