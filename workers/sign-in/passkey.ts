/**
 * Passkeys: WebAuthn Level 3 (W3C), both ceremonies. A passkey is asked to verify its user (§6.1, UV), so it counts as two
 * factors. Attestation is not asked for: what maker built the authenticator is none of our business.
 */
import { and, desc, eq } from "drizzle-orm";
import { z } from "zod";
import {
  equalConstantTime,
  fromBase64,
  fromBase64url,
  readU32be,
  toBase64,
  toBase64url,
  utf8,
  utf8Decode,
} from "../../src/core/bytes.ts";
import { audited } from "../directory/audit.ts";
import { isUniqueViolation, type World } from "../directory/open.ts";
import { Problem } from "../directory/problem.ts";
import { passkey } from "../directory/schema.ts";
import { readCbor } from "./cbor.ts";
import { minute, putQuestion, takeAnswer } from "./challenge.ts";
import { readCoseKey, verifyBy } from "./cose.ts";
import { weakenIfBare } from "./strength.ts";

export type Passkey = typeof passkey.$inferSelect;
/** The page's origin; its host is the relying party's id. */
type Site = { origin: string; host: string };

const text = z.string().max(8000);
export const registrationSchema = z.object({
  clientDataJSON: text,
  attestationObject: text,
  name: z.string().min(1).max(100),
});
export const assertionSchema = z.object({ id: text, clientDataJSON: text, authenticatorData: text, signature: text });

export function askForNew(world: World, account: string): Promise<string> {
  return putQuestion(world, "passkey-add", { account }, 5 * minute);
}

export function askForKnown(world: World): Promise<string> {
  return putQuestion(world, "passkey-in", {}, 5 * minute);
}

/** §7.1, without attestation. */
export async function addPasskey(
  world: World,
  account: string,
  given: z.output<typeof registrationSchema>,
  site: Site,
): Promise<void> {
  const found = await guarded(async () => {
    const challenge = readClientData(given.clientDataJSON, "webauthn.create", site);
    const asked = await takeAnswer(world, "passkey-add", challenge);
    if (asked?.account !== account) throw new RangeError("no such question");
    const { value } = readCbor(fromBase64url(given.attestationObject));
    const data = value instanceof Map ? value.get("authData") : null;
    if (!(data instanceof Uint8Array)) throw new RangeError("no authenticator data");
    return readCredential(await readAuthenticatorData(data, site));
  });
  try {
    const row = {
      id: found.id,
      account,
      name: given.name,
      publicKey: toBase64(found.key.spki),
      algorithm: found.key.algorithm,
    };
    await audited(world, { domain: null, act: "passkey.added", subject: given.name }, [
      world.db.insert(passkey).values({ ...row, counter: found.counter, createdAt: world.clock() }),
    ]);
  } catch (error) {
    if (isUniqueViolation(error)) throw new Problem(409, "passkey-known", "This passkey is known here already.");
    throw error;
  }
}

/** §7.2. Answers whose passkey it was; throws one answer for everything that is wrong. */
export async function usePasskey(world: World, given: z.output<typeof assertionSchema>, site: Site): Promise<string> {
  return guarded(async () => {
    const challenge = readClientData(given.clientDataJSON, "webauthn.get", site);
    const [row] = await world.db.select().from(passkey).where(eq(passkey.id, given.id)).limit(1);
    if ((await takeAnswer(world, "passkey-in", challenge)) === null || row === undefined)
      throw new RangeError("unknown");
    const bytes = fromBase64url(given.authenticatorData);
    const { counter } = await readAuthenticatorData(bytes, site);
    const clientHash = await crypto.subtle.digest("SHA-256", fromBase64url(given.clientDataJSON));
    const signed = new Uint8Array([...bytes, ...new Uint8Array(clientHash)]);
    const key = { algorithm: row.algorithm, spki: fromBase64(row.publicKey) };
    if (!(await verifyBy(key, fromBase64url(given.signature), signed))) throw new RangeError("signature");
    // §7.2 step 21: a counter that does not move forward is a copied key; synced passkeys always say 0.
    if (counter <= row.counter && (counter !== 0 || row.counter !== 0)) throw new RangeError("counter");
    await world.db.update(passkey).set({ counter, lastUsedAt: world.clock() }).where(eq(passkey.id, row.id));
    return row.account;
  });
}

export async function passkeysOf(world: World, account: string): Promise<Passkey[]> {
  return world.db.select().from(passkey).where(eq(passkey.account, account)).orderBy(desc(passkey.createdAt));
}

export async function removePasskey(world: World, account: string, id: string): Promise<boolean> {
  const mine = and(eq(passkey.id, id), eq(passkey.account, account));
  const [found] = await world.db.select({ name: passkey.name }).from(passkey).where(mine).limit(1);
  if (found === undefined) return false;
  await audited(world, { domain: null, act: "passkey.removed", subject: found.name }, [
    world.db.delete(passkey).where(mine),
  ]);
  await weakenIfBare(world, account);
  return true;
}

async function guarded<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof RangeError || error instanceof TypeError || error instanceof SyntaxError)
      throw new Problem(401, "passkey-refused", "This passkey was not accepted. Please try again.");
    throw error;
  }
}

const clientDataSchema = z.object({
  type: z.string(),
  challenge: z.string(),
  origin: z.string(),
  crossOrigin: z.boolean().optional(),
});

/** The challenge that was answered. */
function readClientData(encoded: string, type: string, site: Site): string {
  const read = clientDataSchema.safeParse(JSON.parse(utf8Decode(fromBase64url(encoded))));
  const ours = read.success && read.data.type === type && read.data.origin === site.origin && !read.data.crossOrigin;
  if (!ours) throw new RangeError("client data");
  return read.data.challenge;
}

type AuthenticatorData = { counter: number; rest: Uint8Array };

const flag = { userPresent: 1, userVerified: 4, attested: 0x40 } as const;

/** §6.1: hash of the relying party's id, flags, counter. */
async function readAuthenticatorData(bytes: Uint8Array, site: Site): Promise<AuthenticatorData> {
  if (bytes.length < 37) throw new RangeError("cut");
  const rpHash = new Uint8Array(await crypto.subtle.digest("SHA-256", utf8(site.host)));
  const flags = bytes[32] ?? 0;
  const there = (flags & flag.userPresent) !== 0 && (flags & flag.userVerified) !== 0;
  if (!equalConstantTime(bytes.subarray(0, 32), rpHash) || !there) throw new RangeError("authenticator data");
  return {
    counter: readU32be(bytes, 33),
    rest: (flags & flag.attested) === 0 ? bytes.subarray(0, 0) : bytes.subarray(37),
  };
}

/** §6.5.1: AAGUID, length and bytes of the credential's id, its public key. */
function readCredential({ counter, rest }: AuthenticatorData) {
  const length = ((rest[16] ?? 0) << 8) | (rest[17] ?? 0);
  if (length === 0 || length > 1023 || rest.length < 18 + length) throw new RangeError("credential");
  return { id: toBase64url(rest.subarray(18, 18 + length)), key: readCoseKey(rest.subarray(18 + length)), counter };
}
