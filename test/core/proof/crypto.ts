/** The Crypto port by WebCrypto and noble, for tests that run in every runtime: a second, independent implementation. */
import { sha256 } from "@noble/hashes/sha2.js";
import { concat } from "../../../src/core/bytes.ts";
import type { Crypto, SignatureVerdict } from "../../../src/core/ports.ts";

type Key = Awaited<ReturnType<typeof crypto.subtle.importKey>>;
const rsa = { name: "RSASSA-PKCS1-v1_5", hash: "SHA-256" };
const ed25519 = { name: "Ed25519" };
const rsaAlgorithm = Uint8Array.of(0x30, 13, 6, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 13, 1, 1, 1, 5, 0);
const ed25519Head = Uint8Array.of(0x30, 0x2e, 2, 1, 0, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 4, 0x22, 4, 0x20);

export const webCrypto: Crypto = {
  sha256() {
    const hash = sha256.create();
    return { update: (bytes) => void hash.update(bytes), digest: () => hash.digest() };
  },
  verifyRsaSha256: (der, message, signature) => check(() => importRsa(der), message, signature),
  rsaBits: modulusBits,
  verifyEd25519: (publicKey, message, signature) =>
    check(() => crypto.subtle.importKey("raw", plain(publicKey), ed25519, false, ["verify"]), message, signature),
  async signEd25519(seed, message) {
    const key = await crypto.subtle.importKey("pkcs8", concat(ed25519Head, seed), ed25519, false, ["sign"]);
    return new Uint8Array(await crypto.subtle.sign(ed25519, key, plain(message)));
  },
  async signRsaSha256(pkcs8, message) {
    const key = await crypto.subtle.importKey("pkcs8", plain(pkcs8), rsa, false, ["sign"]);
    return new Uint8Array(await crypto.subtle.sign(rsa, key, plain(message)));
  },
};

async function check(load: () => Promise<Key>, message: Uint8Array, signature: Uint8Array): Promise<SignatureVerdict> {
  let key: Key;
  try {
    key = await load();
  } catch {
    return "unusable-key";
  }
  return (await crypto.subtle.verify(key.algorithm.name, key, plain(signature), plain(message))) ? "good" : "bad";
}

function importRsa(der: Uint8Array): Promise<Key> {
  const spki = isSpki(der) ? plain(der) : wrap(0x30, concat(rsaAlgorithm, wrap(3, concat(Uint8Array.of(0), der))));
  return crypto.subtle.importKey("spki", spki, rsa, false, ["verify"]);
}

function plain(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  return new Uint8Array(bytes);
}

function wrap(tag: number, content: Uint8Array): Uint8Array<ArrayBuffer> {
  const { length } = content;
  const head =
    length < 128 ? [tag, length] : length < 256 ? [tag, 0x81, length] : [tag, 0x82, length >> 8, length & 255];
  return concat(Uint8Array.from(head), content);
}

/** The DER element at `at`: its tag, and where its content lies. */
function element(der: Uint8Array, at: number): { tag: number; start: number; end: number } {
  const first = der[at + 1] ?? 0;
  const bytes = first < 128 ? 0 : first & 0x7f;
  let length = bytes === 0 ? first : 0;
  for (let i = 0; i < bytes; i++) length = length * 256 + (der[at + 2 + i] ?? 0);
  const start = at + 2 + bytes;
  return { tag: der[at] ?? 0, start, end: start + length };
}

function isSpki(der: Uint8Array): boolean {
  return element(der, element(der, 0).start).tag === 0x30;
}

function modulusBits(der: Uint8Array): number | null {
  const outer = element(der, 0);
  if (outer.tag !== 0x30 || outer.end !== der.length) return null;
  let first = element(der, outer.start);
  if (first.tag === 0x30) {
    const bits = element(der, first.end);
    first = element(der, element(der, bits.start + 1).start);
  }
  if (first.tag !== 2 || first.end > der.length) return null;
  let at = first.start;
  while (at < first.end && der[at] === 0) at++;
  return at === first.end ? null : (first.end - at) * 8 - Math.clz32(der[at] ?? 0) + 24;
}
