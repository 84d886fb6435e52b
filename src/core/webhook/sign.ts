/**
 * Signatures of Standard Webhooks 1.0: over `id.timestamp.body`, one for each live key, space-separated in
 * `webhook-signature`. While a key is rotated out two are live, and a receiver that knows either accepts.
 */
import { hmac } from "@noble/hashes/hmac.js";
import { sha256 } from "@noble/hashes/sha2.js";
import { concat, toBase64, utf8 } from "../bytes.ts";
import type { Crypto } from "../ports.ts";
import { parseWebhookKey } from "./keys.ts";

export type WebhookHeaders = { "webhook-id": string; "webhook-timestamp": string; "webhook-signature": string };

export type Outgoing = {
  /** The same for every attempt at one delivery: receivers drop repetitions by it. Letters, digits, `-`, `_`. */
  id: string;
  /** Seconds since the epoch, of this attempt. */
  timestamp: number;
  body: Uint8Array;
  /** `whsec_…` and `whsk_…` in any mixture, newest first; one to four. */
  secrets: readonly string[];
};

type Signer = Pick<Crypto, "signEd25519">;

export const maxLiveKeys = 4;

/** Throws `RangeError` on an id or key that could not be verified by anybody. */
export async function signWebhook(out: Outgoing, crypto: Signer): Promise<WebhookHeaders> {
  if (!isWebhookId(out.id)) throw new RangeError("not a webhook id");
  if (out.secrets.length === 0 || out.secrets.length > maxLiveKeys) throw new RangeError("one to four live keys");
  const timestamp = String(Math.floor(out.timestamp));
  const text = signedText(out.id, timestamp, out.body);
  const signatures: string[] = [];
  for (const key of out.secrets) signatures.push(await signature(key, text, crypto));
  return { "webhook-id": out.id, "webhook-timestamp": timestamp, "webhook-signature": signatures.join(" ") };
}

async function signature(key: string, text: Uint8Array, crypto: Signer): Promise<string> {
  const parsed = parseWebhookKey(key);
  if (parsed?.scheme === "v1") return `v1,${toBase64(hmacSha256(parsed.secret, text))}`;
  if (parsed?.scheme === "v1a") return `v1a,${toBase64(await crypto.signEd25519(parsed.seed, text))}`;
  throw new RangeError("not a signing key");
}

// A dot inside the id would let `a.1` + `2.x` and `a` + `1.2.x` be the same signed text.
export function isWebhookId(id: string): boolean {
  return /^[A-Za-z0-9_-]{1,128}$/.test(id);
}

export function signedText(id: string, timestamp: string, body: Uint8Array): Uint8Array {
  return concat(utf8(`${id}.${timestamp}.`), body);
}

export function hmacSha256(secret: Uint8Array, text: Uint8Array): Uint8Array {
  return hmac(sha256, secret, text);
}
