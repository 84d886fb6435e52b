/**
 * DKIM verification, RFC 6376 §6, with RFC 8301 (no SHA-1, no short keys), 8463 (Ed25519) and 8616 (UTF-8).
 *
 * Results are told apart like this: `fail`, the signature could be checked and does not hold (body, header, time);
 * `permerror`, it can't be checked and never will be; `temperror`, the key could not be fetched; `policy`, it is of a
 * kind that proves nothing.
 */
import { concat, latin1 } from "../../bytes.ts";
import { limits } from "../../limits.ts";
import { type Field, fieldBytes, fieldsNamed, type Header } from "../../message/header.ts";
import type { Crypto, Resolver } from "../../ports.ts";
import type { DkimResult } from "../types.ts";
import type { BodyHashes } from "./body-hash.ts";
import { type CanonicalFields, withoutSignature } from "./fields.ts";
import { findKeys, type Key } from "./key.ts";
import { type Refused, readSignature, type Signature } from "./signature.ts";

/** Everything one message's signatures share. */
export type Bench = {
  header: Header;
  fields: CanonicalFields;
  bodies: BodyHashes;
  dns: Resolver;
  crypto: Crypto;
  /** UTC ms. */
  now: number;
};
type Outcome = Pick<DkimResult, "result" | "reason" | "keyBits">;

/** Reads the signatures and announces what of the body they cover; `verifyDkim` comes after all announcements. */
export function readDkim(header: Header, bodies: BodyHashes): (Signature | Refused)[] {
  const found = fieldsNamed(header, "dkim-signature");
  const read = found.slice(0, limits.proof.signatures).map((field) => readSignature(header, field, "dkim"));
  for (const one of read) if (!("refused" in one)) bodies.want(one.coverage);
  if (found.length > read.length) read.push(tooMany);
  return read;
}

const tooMany: Refused = {
  domain: "",
  selector: "",
  algorithm: "",
  identity: "",
  tag: "",
  refused: "too-many-signatures",
  result: "policy",
};

/** One result a signature, in the order of the fields. Never throws. */
export async function verifyDkim(signatures: readonly (Signature | Refused)[], bench: Bench): Promise<DkimResult[]> {
  return Promise.all(signatures.map((one) => verifyOne(one, bench)));
}

async function verifyOne(one: Signature | Refused, bench: Bench): Promise<DkimResult> {
  const { domain, selector, algorithm, identity, tag } = one;
  const outcome = "refused" in one ? refusal(one) : await verifySignature(one, bench);
  return { ...outcome, domain, selector, algorithm, identity, tag };
}

function refusal({ result, refused }: Refused): Outcome {
  return { result, reason: refused, keyBits: 0 };
}

/** Also the check of an ARC-Message-Signature. */
export async function verifySignature(signature: Signature, bench: Bench): Promise<Outcome> {
  if (signature.expires !== null && signature.expires < bench.now) return fail("expired");
  const body = bench.bodies.check(signature.coverage, signature.bodyHash);
  if (body === "too-long") return { result: "permerror", reason: "length-beyond-body", keyBits: 0 };
  // Nothing that a key could say mends this, so none is asked for.
  if (body === "mismatch") return fail("body-hash");
  const name = `${signature.selector}._domainkey.${signature.domain}`;
  const keys = await findKeys(name, signature.keyType, bench.dns, bench.crypto);
  if (!Array.isArray(keys)) return { result: keys.result, reason: keys.fault, keyBits: keys.bits };
  const message = signedBytes(signature, bench);
  if (message === null) return { result: "policy", reason: "too-much-signed", keyBits: 0 };
  return tryKeys(signature, keys, message, bench);
}

function fail(reason: string, keyBits = 0): Outcome {
  return { result: "fail", reason, keyBits };
}

// §6.1.2 leaves several records under one name open: the first key that fits decides.
async function tryKeys(signature: Signature, keys: Key[], message: Uint8Array, bench: Bench): Promise<Outcome> {
  let worst: Outcome = fail("signature");
  for (const key of keys) {
    const verdict = await checkWith(key, message, signature.signature, bench.crypto);
    if (verdict === "unusable-key") worst = { result: "permerror", reason: "key-unusable", keyBits: key.bits };
    else if (verdict === "bad") worst = fail("signature", key.bits);
    else if (key.strict && !signature.identityIsDomain) {
      worst = { result: "permerror", reason: "identity-below-strict-domain", keyBits: key.bits };
    } else return { result: "pass", reason: "", keyBits: key.bits };
  }
  return worst;
}

/** RFC 8463 §3: Ed25519 signs the SHA-256 of the header. */
export async function checkWith(key: Key, message: Uint8Array, signature: Uint8Array, crypto: Crypto) {
  if (key.type === "rsa") return crypto.verifyRsaSha256(key.bytes, message, signature);
  return crypto.verifyEd25519(key.bytes, digest(message, crypto), signature);
}

export function digest(message: Uint8Array, crypto: Crypto): Uint8Array {
  const hash = crypto.sha256();
  hash.update(message);
  return hash.digest();
}

/** Null when a hostile h= names more header than any honest message has. */
function signedBytes(signature: Signature, { header, fields }: Bench): Uint8Array | null {
  const { names, headerCanon, field } = signature;
  const parts = fields.signed(names, headerCanon, field);
  return parts && concat(...parts, bareField(header, field, headerCanon));
}

export function bareField(header: Header, field: Field, canon: "simple" | "relaxed"): Uint8Array {
  return withoutSignature(latin1(fieldBytes(header, field)), canon);
}
