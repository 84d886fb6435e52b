/**
 * Codes by time: RFC 6238 over RFC 4226, HMAC-SHA-1, six digits, thirty seconds, as every authenticator app has them. The
 * neighbouring steps are taken too (clocks drift), a step once only. The secret is encrypted under the edge's own seed.
 */
import { and, eq, isNotNull, lt } from "drizzle-orm";
import { equalConstantTime, utf8 } from "../../src/core/bytes.ts";
import { labels } from "../../src/core/seal/labels.ts";
import { audited } from "../directory/audit.ts";
import type { World } from "../directory/open.ts";
import { Problem } from "../directory/problem.ts";
import { recoveryCode, totp } from "../directory/schema.ts";
import { type AtRestKey, openAtRest, sealAtRest } from "./at-rest.ts";
import { weakenIfBare } from "./strength.ts";

const stepMs = 30_000;
const digits = 6;
const base32Alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

/** The code of one step. */
export async function codeAt(secret: Uint8Array<ArrayBuffer>, step: number): Promise<string> {
  const key = await crypto.subtle.importKey("raw", secret, { name: "HMAC", hash: "SHA-1" }, false, ["sign"]);
  const counter = new Uint8Array(8);
  new DataView(counter.buffer).setBigUint64(0, BigInt(step));
  const mac = new DataView(await crypto.subtle.sign("HMAC", key, counter));
  // RFC 4226 §5.3: dynamic truncation.
  const offset = mac.getUint8(mac.byteLength - 1) & 15;
  const number = mac.getUint32(offset) & 0x7fffffff;
  return String(number % 10 ** digits).padStart(digits, "0");
}

/** A fresh secret, pending until `confirmTotp`; replaces a pending one, never one that counts. */
export async function beginTotp(world: World, account: string, seed: Uint8Array): Promise<Uint8Array<ArrayBuffer>> {
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

/** The recovery codes go too: they stand in for a code that nothing asks for any more. */
export async function endTotp(world: World, account: string): Promise<void> {
  await audited(world, { domain: null, act: "totp.off", subject: account }, [
    world.db.delete(recoveryCode).where(eq(recoveryCode.account, account)),
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
  const step = await stepOf(await openAtRest(keyOf(seed), row.secret), code, Math.floor(world.clock() / stepMs));
  if (step === null) return false;
  const taken = await world.db
    .update(totp)
    .set({ lastStep: step })
    .where(and(eq(totp.account, account), lt(totp.lastStep, step)))
    .returning({ account: totp.account });
  return taken.length > 0;
}

async function stepOf(secret: Uint8Array<ArrayBuffer>, code: string, now: number): Promise<number | null> {
  const typed = utf8(code.replace(/\s/g, ""));
  let found: number | null = null;
  for (const step of [now - 1, now, now + 1]) {
    if (equalConstantTime(typed, utf8(await codeAt(secret, step)))) found = step;
  }
  return found;
}

/** What an authenticator app reads from a QR code. */
export function totpUri(secret: Uint8Array, email: string, host: string): string {
  const label = encodeURIComponent(`Postern:${email}`);
  return `otpauth://totp/${label}?secret=${base32(secret)}&issuer=${encodeURIComponent(`Postern ${host}`)}`;
}

/** RFC 4648 §6, without padding, as apps want it. */
export function base32(bytes: Uint8Array): string {
  let text = "";
  let held = 0;
  let bits = 0;
  for (const byte of bytes) {
    held = ((held << 8) | byte) & 0xfff;
    bits += 8;
    while (bits >= 5) {
      bits -= 5;
      text += base32Alphabet.charAt((held >> bits) & 31);
    }
  }
  return bits > 0 ? text + base32Alphabet.charAt((held << (5 - bits)) & 31) : text;
}

function keyOf(seed: Uint8Array): AtRestKey {
  return { seed, label: labels.totpSecret, salt: new Uint8Array(0) };
}
