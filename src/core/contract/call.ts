/**
 * A signed call between edge and node. What is signed is a small JSON manifest in a header, so that a receiver can check
 * who sent what to whom before it reads the body, and then checks the streamed body against the manifest's hash.
 * Headers are those of Standard Webhooks (`webhook-id`, `webhook-timestamp`, `webhook-signature: v1a,BASE64`) plus
 * `postern-manifest`; the signed text is `id.timestamp.manifest`. Ed25519, RFC 8032.
 */
import { z } from "zod";
import { fromBase64, fromBase64url, hex, toBase64, toBase64url, utf8, utf8Decode } from "../bytes.ts";
import { limits } from "../limits.ts";
import type { Crypto } from "../ports.ts";

export const manifestSchema = z.strictObject({
  /** `edge`, or the node's id. */
  audience: z.string().min(1).max(64),
  method: z.enum(["POST", "GET"]),
  path: z.string().startsWith("/").max(200),
  /** Mailbox id where the call is about one. */
  mailbox: z.string().max(64).optional(),
  /** Placement epoch of that mailbox as the sender knows it. */
  epoch: z.int().nonnegative().optional(),
  /** Idempotency id: a retry keeps it and takes a new timestamp and signature. */
  id: z.string().min(1).max(128),
  size: z.int().nonnegative(),
  /** SHA-256 of the body, lower-case hex. */
  sha256: z.string().regex(/^[0-9a-f]{64}$/),
});
export type Manifest = z.infer<typeof manifestSchema>;

/** Who calls: a name the receiver looks the public key up by. */
export type Identity = { name: string; seed: Uint8Array };

export type CallHeaders = {
  "webhook-id": string;
  "webhook-timestamp": string;
  "webhook-signature": string;
  "postern-manifest": string;
  "postern-sender": string;
};

export async function signCall(
  manifest: Omit<Manifest, "size" | "sha256">,
  body: Uint8Array,
  identity: Identity,
  now: number,
  crypto: Crypto,
): Promise<CallHeaders> {
  const hash = crypto.sha256();
  hash.update(body);
  const whole: Manifest = { ...manifest, size: body.length, sha256: hex(hash.digest()) };
  return signManifest(whole, identity, now, crypto);
}

export async function signManifest(
  manifest: Manifest,
  identity: Identity,
  now: number,
  crypto: Crypto,
): Promise<CallHeaders> {
  const encoded = toBase64url(utf8(JSON.stringify(manifest)));
  const timestamp = String(Math.floor(now / 1000));
  const signature = await crypto.signEd25519(identity.seed, signedText(manifest.id, timestamp, encoded));
  return {
    "webhook-id": manifest.id,
    "webhook-timestamp": timestamp,
    "webhook-signature": `v1a,${toBase64(signature)}`,
    "postern-manifest": encoded,
    "postern-sender": identity.name,
  };
}

export type Refusal = "missing-header" | "bad-manifest" | "stale" | "bad-signature" | "unknown-sender" | "misaddressed";
export type CallCheck = { ok: true; manifest: Manifest; sender: string } | { ok: false; why: Refusal };

/**
 * Everything about a call but its body. The caller then hashes the body as it streams and compares with
 * `manifest.size` and `manifest.sha256` before acting on it.
 */
export async function checkCall(
  request: { method: string; path: string; header(name: string): string | null | undefined },
  expect: { audience: string; publicKeyOf(sender: string): Promise<Uint8Array | null> | Uint8Array | null },
  now: number,
  crypto: Crypto,
): Promise<CallCheck> {
  const id = request.header("webhook-id");
  const timestamp = request.header("webhook-timestamp");
  const signatures = request.header("webhook-signature");
  const encoded = request.header("postern-manifest");
  const sender = request.header("postern-sender");
  if (!id || !timestamp || !signatures || !encoded || !sender) return { ok: false, why: "missing-header" };
  if (encoded.length > 4096 || signatures.length > 1024 || !/^\d{1,12}$/.test(timestamp))
    return { ok: false, why: "bad-manifest" };
  const skew = Math.abs(Number(timestamp) - now / 1000);
  if (skew > limits.callSkewSeconds) return { ok: false, why: "stale" };
  const publicKey = await expect.publicKeyOf(sender);
  if (publicKey === null) return { ok: false, why: "unknown-sender" };
  if (!(await anyGood(signatures, publicKey, signedText(id, timestamp, encoded), crypto)))
    return { ok: false, why: "bad-signature" };
  const manifest = parseManifest(encoded);
  if (manifest === null || manifest.id !== id) return { ok: false, why: "bad-manifest" };
  const addressed =
    manifest.audience === expect.audience && manifest.method === request.method && manifest.path === request.path;
  return addressed ? { ok: true, manifest, sender } : { ok: false, why: "misaddressed" };
}

/** Does this whole body belong to the manifest? */
export function bodyMatches(manifest: Manifest, body: Uint8Array, crypto: Crypto): boolean {
  if (body.length !== manifest.size) return false;
  const hash = crypto.sha256();
  hash.update(body);
  return hex(hash.digest()) === manifest.sha256;
}

function signedText(id: string, timestamp: string, encoded: string): Uint8Array {
  return utf8(`${id}.${timestamp}.${encoded}`);
}

function parseManifest(encoded: string): Manifest | null {
  try {
    const parsed = manifestSchema.safeParse(JSON.parse(utf8Decode(fromBase64url(encoded))));
    return parsed.success ? parsed.data : null;
  } catch {
    return null;
  }
}

// Standard Webhooks allows several signatures, space-separated, while a key rotates.
async function anyGood(signatures: string, publicKey: Uint8Array, text: Uint8Array, crypto: Crypto): Promise<boolean> {
  for (const one of signatures.split(" ").slice(0, 4)) {
    if (!one.startsWith("v1a,")) continue;
    try {
      const verdict = await crypto.verifyEd25519(publicKey, text, fromBase64(one.slice(4)));
      if (verdict === "good") return true;
    } catch {
      // not base64: as good as absent
    }
  }
  return false;
}
