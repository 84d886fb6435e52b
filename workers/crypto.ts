/**
 * The core's Crypto port in workerd: hashes by node:crypto (incremental), public keys by WebCrypto. RSA keys come from DNS
 * as SubjectPublicKeyInfo or bare PKCS#1 (RFC 6376 §3.6.1); WebCrypto takes the first only, so the second is wrapped.
 */
import { createHash } from "node:crypto";
import { concat } from "../src/core/bytes.ts";
import type { Crypto, Hash, SignatureVerdict } from "../src/core/ports.ts";

const rsa = { name: "RSASSA-PKCS1-v1_5", hash: "SHA-256" } as const;
const ed25519 = { name: "Ed25519" } as const;
/** DER of `SEQUENCE { OID rsaEncryption, NULL }`. */
const rsaAlgorithm = new Uint8Array([0x30, 13, 6, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 13, 1, 1, 1, 5, 0]);
/** PKCS#8 head of an Ed25519 private key (RFC 8410 §7); the 32-byte seed follows. */
const ed25519Head = new Uint8Array([0x30, 0x2e, 2, 1, 0, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 4, 0x22, 4, 0x20]);

export const workerCrypto: Crypto = {
  sha256(): Hash {
    const hash = createHash("sha256");
    return { update: (bytes) => void hash.update(bytes), digest: () => new Uint8Array(hash.digest()) };
  },
  verifyRsaSha256: (key, message, signature) =>
    verify(() => crypto.subtle.importKey("spki", spkiOf(key), rsa, false, ["verify"]), message, signature),
  rsaBits,
  verifyEd25519: (key, message, signature) =>
    verify(() => crypto.subtle.importKey("raw", key, ed25519, false, ["verify"]), message, signature),
  async signEd25519(seed, message) {
    if (seed.length !== 32) throw new RangeError("an Ed25519 seed has 32 bytes");
    const key = await crypto.subtle.importKey("pkcs8", concat(ed25519Head, seed), ed25519, false, ["sign"]);
    return new Uint8Array(await crypto.subtle.sign(ed25519, key, message));
  },
  async signRsaSha256(pkcs8, message) {
    const key = await crypto.subtle.importKey("pkcs8", pkcs8, rsa, false, ["sign"]);
    return new Uint8Array(await crypto.subtle.sign(rsa, key, message));
  },
};

/** Key and algorithm agree with each other, or the import throws: then the key is at fault, not the signature. */
async function verify(
  importKey: () => Promise<CryptoKey>,
  message: Uint8Array,
  signature: Uint8Array,
): Promise<SignatureVerdict> {
  let key: CryptoKey;
  try {
    key = await importKey();
  } catch {
    return "unusable-key";
  }
  return (await crypto.subtle.verify(key.algorithm.name, key, signature, message)) ? "good" : "bad";
}

/** The 32-byte Ed25519 public key of a seed. */
export async function ed25519PublicKey(seed: Uint8Array): Promise<Uint8Array> {
  const key = await crypto.subtle.importKey("pkcs8", concat(ed25519Head, seed), ed25519, true, ["sign"]);
  const jwk = (await crypto.subtle.exportKey("jwk", key)) as JsonWebKey;
  return new Uint8Array(Buffer.from(jwk.x ?? "", "base64url"));
}

function rsaBits(key: Uint8Array): number | null {
  try {
    const inner = readDer(pkcs1Of(key), 0x30);
    const modulus = readDer(inner.body, 0x02).body;
    const first = modulus.findIndex((byte) => byte !== 0);
    return first < 0 ? null : (modulus.length - first) * 8 - Math.clz32(modulus[first] ?? 0) + 24;
  } catch {
    return null;
  }
}

/** PKCS#1 inside a SubjectPublicKeyInfo, or the key itself when it is PKCS#1 already. */
function pkcs1Of(key: Uint8Array): Uint8Array {
  const outer = readDer(key, 0x30);
  if (outer.body[0] === 0x02) return key;
  const algorithm = readDer(outer.body, 0x30);
  return readDer(outer.body.subarray(algorithm.end), 0x03).body.subarray(1); // a BIT STRING's first byte counts unused bits
}

function spkiOf(key: Uint8Array): Uint8Array {
  if (readDer(key, 0x30).body[0] !== 0x02) return key;
  return der(0x30, concat(rsaAlgorithm, der(0x03, concat(new Uint8Array([0]), key))));
}

function readDer(bytes: Uint8Array, tag: number): { body: Uint8Array; end: number } {
  const short = bytes[1];
  if (bytes[0] !== tag || short === undefined) throw new RangeError("not the DER expected");
  const wide = short < 0x80 ? 0 : short - 0x80;
  if (wide > 3) throw new RangeError("DER longer than a key can be");
  let length = short < 0x80 ? short : 0;
  for (let i = 0; i < wide; i++) length = length * 256 + (bytes[2 + i] ?? 0);
  const start = 2 + wide;
  if (start + length > bytes.length) throw new RangeError("DER is cut");
  return { body: bytes.subarray(start, start + length), end: start + length };
}

function der(tag: number, body: Uint8Array): Uint8Array<ArrayBuffer> {
  const length = body.length;
  const size = length < 0x80 ? [length] : length < 0x100 ? [0x81, length] : [0x82, length >> 8, length & 0xff];
  return concat(new Uint8Array([tag, ...size]), body);
}
