/** Authenticators' public keys: COSE (RFC 9053) to SubjectPublicKeyInfo, and checking a signature by one. */
import { concat, fromHex } from "../../src/core/bytes.ts";
import { type Cbor, readCbor } from "./cbor.ts";

export type PublicKey = { algorithm: number; spki: Uint8Array<ArrayBuffer> };

/** IANA COSE: ES256, EdDSA (Ed25519), RS256. Asked for in this order. */
export const algorithms = [-7, -8, -257] as const;

// DER heads: the key's bytes follow.
const p256Head = fromHex("3059301306072a8648ce3d020106082a8648ce3d03010703420004");
const ed25519Head = fromHex("302a300506032b6570032100");
const rsaAlgorithm = fromHex("300d06092a864886f70d0101010500");

/** Throws RangeError for a key that is none of ours. */
export function readCoseKey(bytes: Uint8Array): PublicKey {
  const { value } = readCbor(bytes);
  if (!(value instanceof Map)) throw new RangeError("not a COSE key");
  const algorithm = value.get(3);
  if (algorithm === -7) return { algorithm, spki: concat(p256Head, part(value, -2, 32), part(value, -3, 32)) };
  if (algorithm === -8) return { algorithm, spki: concat(ed25519Head, part(value, -2, 32)) };
  if (algorithm === -257) return { algorithm, spki: rsaSpki(part(value, -1), part(value, -2)) };
  throw new RangeError("unknown algorithm");
}

export async function verifyBy(key: PublicKey, signature: Uint8Array, signed: Uint8Array): Promise<boolean> {
  const how = {
    [-7]: { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" },
    [-8]: { name: "Ed25519" },
    [-257]: { name: "RSASSA-PKCS1-v1_5", hash: "SHA-256" },
  }[key.algorithm];
  if (how === undefined) return false;
  const imported = await crypto.subtle.importKey("spki", key.spki, how, false, ["verify"]);
  const raw = key.algorithm === -7 ? rawEcdsa(signature) : signature;
  return crypto.subtle.verify(how, imported, new Uint8Array(raw), new Uint8Array(signed));
}

function part(key: Map<Cbor, Cbor>, label: number, length?: number): Uint8Array {
  const value = key.get(label);
  if (!(value instanceof Uint8Array) || (length !== undefined && value.length !== length))
    throw new RangeError("bad COSE key");
  return value;
}

/** WebAuthn §6.5.5: ECDSA signatures are DER; WebCrypto wants r ‖ s. */
function rawEcdsa(der: Uint8Array): Uint8Array {
  const rLength = der[3] ?? 0;
  const r = der.subarray(4, 4 + rLength);
  const s = der.subarray(6 + rLength);
  return concat(fixed(r), fixed(s));
}

function fixed(integer: Uint8Array): Uint8Array {
  const trimmed = integer.subarray(Math.max(0, integer.length - 32));
  return concat(new Uint8Array(32 - trimmed.length), trimmed);
}

function rsaSpki(modulus: Uint8Array, exponent: Uint8Array): Uint8Array<ArrayBuffer> {
  const key = der(0x30, der(2, positive(modulus)), der(2, positive(exponent)));
  return der(0x30, rsaAlgorithm, der(3, concat(new Uint8Array(1), key)));
}

function positive(integer: Uint8Array): Uint8Array {
  return (integer[0] ?? 0) & 0x80 ? concat(new Uint8Array(1), integer) : integer;
}

function der(tag: number, ...parts: Uint8Array[]): Uint8Array<ArrayBuffer> {
  const body = concat(...parts);
  const n = body.length;
  const length = n < 128 ? [n] : n < 256 ? [0x81, n] : [0x82, n >> 8, n & 255];
  return concat(new Uint8Array([tag, ...length]), body);
}
