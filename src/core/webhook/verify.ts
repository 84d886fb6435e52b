/**
 * The receiver's side of `sign.ts`: any signature under any known key will do, a stale timestamp never does. HMACs are
 * compared in constant time and every candidate is tried, so the time taken tells nothing about which one fitted.
 */
import { equalConstantTime, fromBase64 } from "../bytes.ts";
import { limits } from "../limits.ts";
import type { Crypto } from "../ports.ts";
import { parseWebhookKey, type WebhookKey } from "./keys.ts";
import { hmacSha256, isWebhookId, maxLiveKeys, signedText } from "./sign.ts";

export type Incoming = {
  /** Case-insensitive look-up of a header. */
  header(name: string): string | null | undefined;
  body: Uint8Array;
  /** `whsec_…` for v1, `whpk_…` for v1a; at most four. */
  keys: readonly string[];
  /** Milliseconds since the epoch. */
  now: number;
};
export type WebhookRefusal = "missing-header" | "bad-header" | "stale" | "bad-key" | "bad-signature";
export type WebhookCheck = { ok: true; id: string; timestamp: number } | { ok: false; why: WebhookRefusal };

type Verifier = Pick<Crypto, "verifyEd25519">;

/** Signatures looked at: a header of 10,000 would cost as many public-key operations. */
const maxSignatures = 16;

/** The caller also remembers `id` for the length of the window, where a repetition would hurt. */
export async function verifyWebhook(incoming: Incoming, crypto: Verifier): Promise<WebhookCheck> {
  const [id, timestamp, signatures] = ["id", "timestamp", "signature"].map((name) =>
    incoming.header(`webhook-${name}`),
  );
  if (!id || !timestamp || !signatures) return { ok: false, why: "missing-header" };
  if (!isWebhookId(id) || !/^\d{1,12}$/.test(timestamp) || signatures.length > 4096)
    return { ok: false, why: "bad-header" };
  if (Math.abs(Number(timestamp) - incoming.now / 1000) > limits.callSkewSeconds) return { ok: false, why: "stale" };
  const keys = verifyingKeys(incoming.keys);
  if (keys === null) return { ok: false, why: "bad-key" };
  const text = signedText(id, timestamp, incoming.body);
  const good = await anyFits(signatures, keys, text, crypto);
  return good ? { ok: true, id, timestamp: Number(timestamp) } : { ok: false, why: "bad-signature" };
}

function verifyingKeys(texts: readonly string[]): WebhookKey[] | null {
  if (texts.length === 0 || texts.length > maxLiveKeys) return null;
  const keys = texts.map(parseWebhookKey).filter((key) => key !== null && key.scheme !== "v1a");
  return keys.length === texts.length ? keys.filter((key) => key !== null) : null;
}

async function anyFits(
  header: string,
  keys: readonly WebhookKey[],
  text: Uint8Array,
  crypto: Verifier,
): Promise<boolean> {
  const macs = keys.flatMap((key) => (key.scheme === "v1" ? [hmacSha256(key.secret, text)] : []));
  const publicKeys = keys.flatMap((key) => (key.scheme === "v1a-public" ? [key.publicKey] : []));
  let good = false;
  for (const one of header.split(" ").slice(0, maxSignatures)) {
    const comma = one.indexOf(",");
    const signature = decoded(one.slice(comma + 1));
    if (signature === null) continue;
    const scheme = one.slice(0, comma);
    if (scheme === "v1") for (const mac of macs) good = equalConstantTime(mac, signature) || good;
    // workerd throws on a signature of another length.
    if (scheme === "v1a" && signature.length === 64)
      for (const key of publicKeys) good = (await crypto.verifyEd25519(key, text, signature)) === "good" || good;
  }
  return good;
}

function decoded(text: string): Uint8Array | null {
  try {
    return fromBase64(text);
  } catch {
    return null; // not base64: as good as absent
  }
}
