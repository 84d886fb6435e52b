/**
 * Codes by time: RFC 6238 by otpauth, HMAC-SHA-1, six digits, thirty seconds, as every authenticator app has them. The
 * neighbouring steps are taken too (clocks drift), a step once only. The secret is encrypted under the edge's own seed.
 */
import { and, eq, isNotNull, lt } from "drizzle-orm";
import { Secret, TOTP } from "otpauth/slim";
import { labels } from "../../src/core/seal/labels.ts";
import { audited } from "../directory/audit.ts";
import type { World } from "../directory/open.ts";
import { Problem } from "../directory/problem.ts";
import { totp } from "../directory/schema.ts";
import { type AtRestKey, openAtRest, sealAtRest } from "./at-rest.ts";
import { mayChangeFactors, weakenIfBare } from "./strength.ts";

const stepMs = 30_000;
const shape = { algorithm: "SHA1", digits: 6, period: stepMs / 1000 } as const;

/** A fresh secret, pending until `confirmTotp`; replaces a pending one, never one that counts. */
export async function beginTotp(world: World, account: string, seed: Uint8Array): Promise<Uint8Array<ArrayBuffer>> {
  await mayChangeFactors(world, account);
  const secret = new Uint8Array(world.random(20));
  const sealed = await sealAtRest(keyOf(seed), secret, world.random);
  const [row] = await world.db
    .insert(totp)
    .values({ account, secret: sealed })
    .onConflictDoUpdate({
      target: totp.account,
      set: { secret: sealed, lastStep: 0 },
      setWhere: eq(totp.lastStep, 0),
    })
    .returning({ account: totp.account });
  if (row === undefined) throw new Problem(409, "totp-on", "Codes are on already. Switch them off first.");
  return secret;
}

/** The pending secret, to be shown again while it is pending. */
export async function pendingTotp(
  world: World,
  account: string,
  seed: Uint8Array,
): Promise<Uint8Array<ArrayBuffer> | null> {
  const [row] = await world.db.select().from(totp).where(eq(totp.account, account)).limit(1);
  return row === undefined || row.confirmedAt !== null ? null : openAtRest(keyOf(seed), row.secret);
}

export async function hasTotp(world: World, account: string): Promise<boolean> {
  const [row] = await world.db
    .select({ account: totp.account })
    .from(totp)
    .where(and(eq(totp.account, account), isNotNull(totp.confirmedAt)))
    .limit(1);
  return row !== undefined;
}

/** The first right code switches codes on. */
export async function confirmTotp(world: World, account: string, seed: Uint8Array, code: string): Promise<void> {
  if (!(await takeStep(world, account, seed, code)))
    throw new Problem(422, "wrong-code", "That is not the code of this moment.", { field: "code" });
  await audited(world, { domain: null, act: "totp.on", subject: account }, [
    world.db.update(totp).set({ confirmedAt: world.clock() }).where(eq(totp.account, account)),
  ]);
}

export async function endTotp(world: World, account: string): Promise<void> {
  await mayChangeFactors(world, account);
  await audited(world, { domain: null, act: "totp.off", subject: account }, [
    world.db.delete(totp).where(eq(totp.account, account)),
  ]);
  await weakenIfBare(world, account);
}

/** Whether it is the code of this moment; never while codes are not switched on yet. */
export async function takeCode(world: World, account: string, seed: Uint8Array, code: string): Promise<boolean> {
  return (await hasTotp(world, account)) && takeStep(world, account, seed, code);
}

/** True once per step: the step is taken by a conditional write, so two requests with one code can't both win. */
async function takeStep(world: World, account: string, seed: Uint8Array, code: string): Promise<boolean> {
  const [row] = await world.db.select().from(totp).where(eq(totp.account, account)).limit(1);
  if (row === undefined) return false;
  const step = stepOf(await openAtRest(keyOf(seed), row.secret), code, world.clock());
  if (step === null) return false;
  const taken = await world.db
    .update(totp)
    .set({ lastStep: step })
    .where(and(eq(totp.account, account), lt(totp.lastStep, step)))
    .returning({ account: totp.account });
  return taken.length > 0;
}

function stepOf(secret: Uint8Array, code: string, timestamp: number): number | null {
  const token = code.replace(/\s/g, "");
  const delta = TOTP.validate({ ...shape, token, secret: secretOf(secret), timestamp, window: 1 });
  return delta === null ? null : Math.floor(timestamp / stepMs) + delta;
}

/** What an authenticator app reads from a QR code. */
export function totpUri(secret: Uint8Array, email: string, host: string): string {
  return new TOTP({ ...shape, issuer: `Postern ${host}`, label: email, secret: secretOf(secret) }).toString();
}

/** RFC 4648 §6, without padding, as apps want it. */
export function base32(secret: Uint8Array): string {
  return secretOf(secret).base32;
}

function secretOf(bytes: Uint8Array): Secret {
  return new Secret({ buffer: new Uint8Array(bytes).buffer });
}

function keyOf(seed: Uint8Array): AtRestKey {
  return { seed, label: labels.totpSecret, salt: new Uint8Array(0) };
}
