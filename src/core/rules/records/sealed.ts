/**
 * A rule record whose destinations are not public: `postern=sealed:…`. Inside is the same list as in the open, under
 * XChaCha20-Poly1305 with a key of the installation and the domain as associated data, so that a value copied to another
 * domain opens nowhere. Bytes: version (1) ‖ nonce (24) ‖ ciphertext and tag, as base64url; the plaintext is its length (2,
 * big-endian), the list in UTF-8 and zeros up to a multiple of 32, so that its length tells little.
 */
import { concat, fromBase64url, toBase64url, utf8, utf8Decode } from "../../bytes.ts";
import type { Random } from "../../ports.ts";
import { portablePrimitives } from "../../seal/primitives.ts";

const version = new Uint8Array([1]);
const nonceBytes = 24;
const block = 32;

/** Bytes of a list: its record stays under 1,000 characters, four strings of a TXT record. */
export const maxSealedBytes = 670;

/** Could be one of ours; a destination always has a dot, so no alias called “sealed” is mistaken for one. */
const form = /^sealed:([A-Za-z0-9_-]{76,1100})$/;

export function isSealed(value: string): boolean {
  return form.test(value);
}

/**
 * The whole TXT record for a list such as `hello:you@example.net`. `key` is 32 bytes; the domain is folded. Throws `RangeError` on
 * a list that is longer than `maxSealedBytes`.
 */
export function sealRecord(list: string, domain: string, key: Uint8Array, random: Random): string {
  const plain = utf8(list);
  if (plain.length > maxSealedBytes) throw new RangeError(`a sealed list has at most ${maxSealedBytes} bytes`);
  const padded = new Uint8Array(Math.ceil((plain.length + 2) / block) * block);
  padded.set([plain.length >> 8, plain.length & 0xff]);
  padded.set(plain, 2);
  const nonce = random(nonceBytes);
  const sealed = portablePrimitives.wrap(key, nonce, bindingOf(domain), padded);
  return `postern=sealed:${toBase64url(concat(version, nonce, sealed))}`;
}

/** `value` is what follows `postern=`. Null when no key opens it for this domain. Newest key first; a rotation has two. */
export function unsealRecord(value: string, domain: string, keys: readonly Uint8Array[]): string | null {
  const bytes = bytesOf(value);
  if (bytes === null || bytes[0] !== version[0]) return null;
  const [nonce, sealed] = [bytes.subarray(1, 1 + nonceBytes), bytes.subarray(1 + nonceBytes)];
  for (const key of keys) {
    const padded = portablePrimitives.unwrap(key, nonce, bindingOf(domain), sealed);
    if (padded !== null) return listOf(padded);
  }
  return null;
}

function bindingOf(domain: string): Uint8Array {
  return utf8(`postern/txt-record/1\0${domain}`);
}

function bytesOf(value: string): Uint8Array | null {
  const encoded = form.exec(value)?.[1];
  try {
    return encoded === undefined ? null : fromBase64url(encoded);
  } catch {
    return null;
  }
}

function listOf(padded: Uint8Array): string | null {
  const length = ((padded[0] ?? 0) << 8) | (padded[1] ?? 0);
  return length + 2 <= padded.length ? utf8Decode(padded.subarray(2, 2 + length)) : null;
}
