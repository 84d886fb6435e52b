/**
 * Keys of Standard Webhooks as text: `whsec_` (HMAC-SHA256 secret), `whsk_` (Ed25519 private key) and `whpk_` (Ed25519
 * public key), each followed by base64 (RFC 4648 §4). Anything else is refused, so that a typo never becomes a weak key.
 */
import { concat, fromBase64, toBase64 } from "../bytes.ts";
import type { Random } from "../ports.ts";

export type WebhookKey =
  | { scheme: "v1"; secret: Uint8Array }
  | { scheme: "v1a"; seed: Uint8Array }
  | { scheme: "v1a-public"; publicKey: Uint8Array };

/** Bytes of an HMAC secret that the specification allows: 24 to 64. */
const secretBytes = { least: 24, most: 64, made: 32 };

/** Null for anything that is not exactly one of the three. */
export function parseWebhookKey(text: string): WebhookKey | null {
  const mark = text.indexOf("_") + 1;
  const bytes = decoded(text.slice(mark));
  if (bytes === null) return null;
  switch (text.slice(0, mark)) {
    case "whsec_":
      return bytes.length >= secretBytes.least && bytes.length <= secretBytes.most
        ? { scheme: "v1", secret: bytes }
        : null;
    case "whsk_":
      // Libraries write the 32-byte seed alone or with the public key behind it (RFC 8032 §5.1.5, as libsodium keeps it).
      return bytes.length === 32 || bytes.length === 64 ? { scheme: "v1a", seed: bytes.slice(0, 32) } : null;
    case "whpk_":
      return bytes.length === 32 ? { scheme: "v1a-public", publicKey: bytes } : null;
    default:
      return null;
  }
}

/** A fresh HMAC secret, 256 bits. */
export function newWebhookSecret(random: Random): string {
  return `whsec_${toBase64(random(secretBytes.made))}`;
}

/** The private key's text: seed ‖ public key, the form that Standard Webhooks libraries read. */
export function signingKeyText(seed: Uint8Array, publicKey: Uint8Array): string {
  return `whsk_${toBase64(concat(sized(seed), sized(publicKey)))}`;
}

/** What a receiver verifies `v1a` with. */
export function publicKeyText(publicKey: Uint8Array): string {
  return `whpk_${toBase64(sized(publicKey))}`;
}

function sized(key: Uint8Array): Uint8Array {
  if (key.length !== 32) throw new RangeError("an Ed25519 key has 32 bytes");
  return key;
}

function decoded(text: string): Uint8Array | null {
  if (text.length > 100) return null;
  try {
    return fromBase64(text);
  } catch {
    return null;
  }
}
