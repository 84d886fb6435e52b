/**
 * Passkeys: WebAuthn Level 3 (W3C), both ceremonies, checked by @simplewebauthn/server. A passkey is asked to verify its user
 * (§6.1, UV), so it counts as two factors. Attestation is not asked for: what maker built the authenticator is none of our business.
 */
import {
  type RegistrationResponseJSON,
  verifyAuthenticationResponse,
  verifyRegistrationResponse,
} from "@simplewebauthn/server";
import { decodeAttestationObject, decodeClientDataJSON, isoCBOR } from "@simplewebauthn/server/helpers";
import { and, desc, eq } from "drizzle-orm";
import { z } from "zod";
import { fromBase64url, toBase64, toBase64url } from "../../src/core/bytes.ts";
import { audited } from "../directory/audit.ts";
import { type Page, type PageQuery, pageBy } from "../directory/keyset.ts";
import { isUniqueViolation, type World } from "../directory/open.ts";
import { Problem } from "../directory/problem.ts";
import { passkey } from "../directory/schema.ts";
import { type Asked, minute, putQuestion, takeAnswer } from "./challenge.ts";
import { algorithmOf, coseOf } from "./passkey-key.ts";
import { mayChangeFactors, weakenIfBare } from "./strength.ts";

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

export async function askForNew(world: World, account: string): Promise<string> {
  await mayChangeFactors(world, account);
  return putQuestion(world, "passkey-add", { account }, 5 * minute);
}

export function askForKnown(world: World): Promise<string> {
  return putQuestion(world, "passkey-in", {}, 5 * minute);
}

/** §7.1. */
export async function addPasskey(
  world: World,
  account: string,
  given: z.output<typeof registrationSchema>,
  site: Site,
): Promise<void> {
  const { challenge, asked } = await answered(world, "passkey-add", given.clientDataJSON);
  if (asked.account !== account) throw refused();
  const { id, publicKey, counter, algorithm } = await guarded(() => verifiedNew(given, challenge, site));
  const row = { id, account, name: given.name, publicKey: toBase64(publicKey), algorithm, counter };
  try {
    await audited(world, { domain: null, act: "passkey.added", subject: given.name }, [
      world.db.insert(passkey).values({ ...row, createdAt: world.clock() }),
    ]);
  } catch (error) {
    if (isUniqueViolation(error)) throw new Problem(409, "passkey-known", "This passkey is known here already.");
    throw error;
  }
}

/** §7.2. Answers whose passkey it was; throws one answer for everything that is wrong. */
export async function usePasskey(world: World, given: z.output<typeof assertionSchema>, site: Site): Promise<string> {
  const { challenge } = await answered(world, "passkey-in", given.clientDataJSON);
  const [row] = await world.db.select().from(passkey).where(eq(passkey.id, given.id)).limit(1);
  if (row === undefined) throw refused();
  const { publicKey, counter } = await guarded(() => verifiedKnown(row, given, challenge, site));
  await world.db
    .update(passkey)
    .set({ publicKey: toBase64(publicKey), counter, lastUsedAt: world.clock() })
    .where(eq(passkey.id, row.id));
  return row.account;
}

export async function passkeysOf(world: World, account: string): Promise<Passkey[]> {
  return world.db.select().from(passkey).where(eq(passkey.account, account)).orderBy(desc(passkey.createdAt));
}

export async function passkeyPage(world: World, account: string, query: PageQuery): Promise<Page<Passkey>> {
  const of = ({ createdAt, id }: Passkey) => [createdAt, id];
  const order = { by: [passkey.createdAt, passkey.id], of, falling: true } as const;
  return pageBy(order, query, ({ after, orderBy, limit }) =>
    world.db
      .select()
      .from(passkey)
      .where(and(eq(passkey.account, account), after))
      .orderBy(...orderBy)
      .limit(limit),
  );
}

export async function removePasskey(world: World, account: string, id: string): Promise<boolean> {
  const mine = and(eq(passkey.id, id), eq(passkey.account, account));
  const [found] = await world.db.select({ name: passkey.name }).from(passkey).where(mine).limit(1);
  if (found === undefined) return false;
  await mayChangeFactors(world, account);
  await audited(world, { domain: null, act: "passkey.removed", subject: found.name }, [
    world.db.delete(passkey).where(mine),
  ]);
  await weakenIfBare(world, account);
  return true;
}

const clientDataSchema = z.object({ challenge: z.string(), crossOrigin: z.literal(false).optional() });

/** Uses up the question that this answers, whatever else turns out to be wrong with the answer. */
async function answered(
  world: World,
  kind: "passkey-add" | "passkey-in",
  encoded: string,
): Promise<{ challenge: string; asked: Asked }> {
  // The library lets a page that frames ours ask (crossOrigin) unless the browser names it; nobody may.
  const { challenge } = await guarded(() => clientDataSchema.parse(decodeClientDataJSON(encoded)));
  const asked = await takeAnswer(world, kind, challenge);
  if (asked === null) throw refused();
  return { challenge, asked };
}

/** IANA COSE: ES256, EdDSA (Ed25519), RS256; as the page asks for. */
const algorithms = [-7, -8, -257];

async function verifiedNew(given: z.output<typeof registrationSchema>, challenge: string, site: Site) {
  const { clientDataJSON, attestationObject } = given;
  const { verified, registrationInfo } = await verifyRegistrationResponse({
    response: wrapped({ clientDataJSON, attestationObject: withoutAttestation(attestationObject) }),
    expectedChallenge: challenge,
    expectedOrigin: site.origin,
    expectedRPID: site.host,
    supportedAlgorithmIDs: algorithms,
  });
  if (!verified) throw new RangeError("not verified");
  const { id, publicKey, counter } = registrationInfo.credential;
  // §7.1 step 26.
  if (fromBase64url(id).length > 1023) throw new RangeError("credential's id");
  return { id, publicKey, counter, algorithm: algorithmOf(publicKey) };
}

async function verifiedKnown(row: Passkey, given: z.output<typeof assertionSchema>, challenge: string, site: Site) {
  const { id, ...response } = given;
  const publicKey = await coseOf(row);
  const { verified, authenticationInfo } = await verifyAuthenticationResponse({
    response: { id, rawId: id, type: "public-key", response, clientExtensionResults: {} },
    expectedChallenge: challenge,
    expectedOrigin: site.origin,
    expectedRPID: site.host,
    credential: { id, publicKey, counter: row.counter },
  });
  if (!verified) throw new RangeError("not verified");
  return { publicKey, counter: authenticationInfo.newCounter };
}

/** What the library reads; of the outer identifier it asks no more than to be there, since the signed data have their own. */
function wrapped(response: RegistrationResponseJSON["response"]): RegistrationResponseJSON {
  return { id: "-", rawId: "-", type: "public-key", response, clientExtensionResults: {} };
}

/** What a client makes of an attestation that was not asked for (§5.1.3): so nobody's certificates, or the addresses in them, are read here. */
function withoutAttestation(encoded: string): string {
  const authData = decodeAttestationObject(fromBase64url(encoded)).get("authData");
  const bare = new Map<string, string | Uint8Array | Map<string, never>>([
    ["fmt", "none"],
    ["attStmt", new Map<string, never>()],
    ["authData", authData],
  ]);
  return toBase64url(isoCBOR.encode(bare));
}

async function guarded<T>(work: () => T | Promise<T>): Promise<T> {
  try {
    return await work();
  } catch {
    throw refused();
  }
}

function refused(): Problem {
  return new Problem(401, "passkey-refused", "This passkey was not accepted. Please try again.");
}
