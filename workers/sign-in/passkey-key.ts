/**
 * A passkey's public key, as the authenticator gave it: COSE (RFC 9053). Those added before that was kept lie as
 * SubjectPublicKeyInfo, and are read by the platform's own WebCrypto until their next use writes them anew.
 */
import { cose, decodeCredentialPublicKey, isoCBOR } from "@simplewebauthn/server/helpers";
import { fromBase64, fromBase64url } from "../../src/core/bytes.ts";

/** Base64 of the bytes. */
export type Stored = { publicKey: string; algorithm: number };

const derSequence = 0x30;

export async function coseOf({ publicKey, algorithm }: Stored): Promise<Uint8Array<ArrayBuffer>> {
  const bytes = fromBase64(publicKey);
  return bytes[0] === derSequence ? fromSpki(bytes, algorithm) : bytes;
}

/** IANA COSE. */
export function algorithmOf(publicKey: Uint8Array<ArrayBuffer>): number {
  const algorithm = decodeCredentialPublicKey(publicKey).get(cose.COSEKEYS.alg);
  if (algorithm === undefined) throw new RangeError("no algorithm");
  return algorithm;
}

const kinds: Record<number, { kty: number; crv?: number; how: SubtleCryptoImportKeyAlgorithm }> = {
  [cose.COSEALG.ES256]: {
    kty: cose.COSEKTY.EC2,
    crv: cose.COSECRV.P256,
    how: { name: "ECDSA", namedCurve: "P-256" },
  },
  [cose.COSEALG.EdDSA]: { kty: cose.COSEKTY.OKP, crv: cose.COSECRV.ED25519, how: { name: "Ed25519" } },
  [cose.COSEALG.RS256]: { kty: cose.COSEKTY.RSA, how: { name: "RSASSA-PKCS1-v1_5", hash: "SHA-256" } },
};

async function fromSpki(spki: Uint8Array<ArrayBuffer>, alg: number): Promise<Uint8Array<ArrayBuffer>> {
  const kind = kinds[alg];
  if (kind === undefined) throw new RangeError("unknown algorithm");
  const key = await crypto.subtle.importKey("spki", spki, kind.how, true, ["verify"]);
  const jwk = await crypto.subtle.exportKey("jwk", key);
  if (jwk instanceof ArrayBuffer) throw new TypeError("not a JWK");
  const { x, y, n, e } = jwk;
  const { COSEKEYS } = cose;
  const parts: [number, number | string | undefined][] = [
    [COSEKEYS.kty, kind.kty],
    [COSEKEYS.alg, alg],
    [COSEKEYS.crv, kind.crv ?? n],
    [COSEKEYS.x, x ?? e],
    [COSEKEYS.y, y],
  ];
  const there = parts.flatMap(([label, value]): [number, number | Uint8Array][] =>
    value === undefined ? [] : [[label, typeof value === "string" ? fromBase64url(value) : value]],
  );
  return isoCBOR.encode(new Map(there));
}
