/** What the edge must be able to read again but a copy of D1 must not show: AES-256-GCM under a key derived from the edge's own seed. */
import { concat, fromBase64, toBase64, utf8 } from "../../src/core/bytes.ts";
import type { Random } from "../../src/core/ports.ts";

export type AtRestKey = { seed: Uint8Array; label: string; salt: Uint8Array };

/** Base64 of nonce ‖ ciphertext. */
export async function sealAtRest(key: AtRestKey, clear: Uint8Array<ArrayBuffer>, random: Random): Promise<string> {
  const iv = new Uint8Array(random(12));
  const sealed = await crypto.subtle.encrypt({ name: "AES-GCM", iv }, await derived(key), clear);
  return toBase64(concat(iv, new Uint8Array(sealed)));
}

/** Throws on anything that was not sealed under this very key. */
export async function openAtRest(key: AtRestKey, sealed: string): Promise<Uint8Array<ArrayBuffer>> {
  const bytes = fromBase64(sealed);
  const how = { name: "AES-GCM", iv: bytes.subarray(0, 12) };
  return new Uint8Array(await crypto.subtle.decrypt(how, await derived(key), bytes.subarray(12)));
}

async function derived({ seed, label, salt }: AtRestKey): Promise<CryptoKey> {
  const base = await crypto.subtle.importKey("raw", new Uint8Array(seed), "HKDF", false, ["deriveKey"]);
  const how = { name: "HKDF", hash: "SHA-256", salt: new Uint8Array(salt), info: utf8(label) };
  return crypto.subtle.deriveKey(how, base, { name: "AES-GCM", length: 256 }, false, ["encrypt", "decrypt"]);
}
