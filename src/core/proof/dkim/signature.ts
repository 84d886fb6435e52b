/**
 * A DKIM-Signature or ARC-Message-Signature field, read and judged before any look-up (RFC 6376 §3.5, §6.1.1). What is
 * wrong with it is a named reason; nothing here throws.
 */
import { fromLatin1, utf8Decode } from "../../bytes.ts";
import { isWithin, toName } from "../../dns/name.ts";
import { limits } from "../../limits.ts";
import { type Field, fieldValue, type Header } from "../../message/header.ts";
import type { Canon } from "./body.ts";
import type { Coverage } from "./body-hash.ts";
import { listOf, looseBase64, parseTags, squeeze, type Tags } from "./tags.ts";

export type KeyType = "rsa" | "ed25519";
/** What can be told about a signature even when it is no good. */
export type Label = { domain: string; selector: string; algorithm: string; identity: string; tag: string };
export type Signature = Label & {
  field: Field;
  keyType: KeyType;
  headerCanon: Canon;
  coverage: Coverage;
  bodyHash: Uint8Array;
  signature: Uint8Array;
  /** Lower case. */
  names: string[];
  /** i= stands in the very domain of d=. */
  identityIsDomain: boolean;
  /** UTC ms. */
  expires: number | null;
};
export type Refused = Label & { refused: string; result: "permerror" | "policy" };

/** `kind` arc: an ARC-Message-Signature, which has no v= and whose i= is the instance (RFC 8617 §4.1.2). */
export function readSignature(header: Header, field: Field, kind: "dkim" | "arc"): Signature | Refused {
  const label: Label = { domain: "", selector: "", algorithm: "", identity: "", tag: "" };
  if (field.end - field.start > limits.proof.signatureBytes)
    return { ...label, refused: "too-long", result: "permerror" };
  const tags = parseTags(fieldValue(header, field));
  if (tags === null) return { ...label, refused: "syntax", result: "permerror" };
  fillLabel(label, tags, kind);
  try {
    return { ...label, field, ...judge(tags, label, kind) };
  } catch (error) {
    if (error instanceof Refusal) return { ...label, refused: error.message, result: error.result };
    throw error;
  }
}

class Refusal extends Error {
  override name = "Refusal";
  readonly result: Refused["result"];
  constructor(reason: string, result: Refused["result"] = "permerror") {
    super(reason);
    this.result = result;
  }
}

function fillLabel(label: Label, tags: Tags, kind: "dkim" | "arc"): void {
  label.domain = nameOf(tags.get("d")) ?? tags.get("d") ?? "";
  label.selector = nameOf(tags.get("s")) ?? tags.get("s") ?? "";
  label.algorithm = (tags.get("a") ?? "").toLowerCase();
  label.tag = squeeze(tags.get("b") ?? "").slice(0, 8);
  label.identity = (kind === "dkim" && tags.get("i")) || `@${label.domain}`;
}

function judge(tags: Tags, label: Label, kind: "dkim" | "arc"): Omit<Signature, keyof Label | "field"> {
  const required = kind === "dkim" ? ["v", "a", "b", "bh", "d", "h", "s"] : ["i", "a", "b", "bh", "d", "h", "s"];
  const missing = required.find((name) => !tags.has(name));
  if (missing !== undefined) throw new Refusal(`missing-${missing}`);
  if (kind === "dkim" && tags.get("v") !== "1") throw new Refusal("version");
  const keyType = keyTypeOf(label.algorithm);
  checkNames(tags);
  const names = signedNames(tags.get("h") ?? "", kind);
  const [headerCanon, bodyCanon] = canons(tags.get("c") ?? "simple/simple");
  const identityIsDomain = kind === "arc" || checkIdentity(tags.get("i"), label.domain);
  checkQuery(tags.get("q"));
  return {
    keyType,
    headerCanon,
    coverage: { canon: bodyCanon, length: bodyLength(tags.get("l")) },
    bodyHash: base64(tags, "bh", 32),
    signature: base64(tags, "b", null),
    names,
    identityIsDomain,
    expires: expiry(tags),
  };
}

// RFC 8301 §3.1: rsa-sha1 must not be used for verifying.
function keyTypeOf(algorithm: string): KeyType {
  if (algorithm === "rsa-sha256") return "rsa";
  if (algorithm === "ed25519-sha256") return "ed25519";
  if (algorithm === "rsa-sha1") throw new Refusal("algorithm-sha1", "policy");
  throw new Refusal("algorithm-unknown");
}

function nameOf(text: string | undefined): string | null {
  if (text === undefined) return null;
  const name = toName(readable(text));
  return name !== null && /^[a-z0-9_.-]+$/.test(name) ? name : null;
}

// RFC 8616 §4: d=, s= and i= may be in UTF-8.
function readable(text: string): string {
  if (!/[^\x00-\x7f]/.test(text)) return text;
  try {
    return utf8Decode(fromLatin1(text));
  } catch {
    return text;
  }
}

function checkNames(tags: Tags): void {
  const domain = nameOf(tags.get("d"));
  if (domain === null || !domain.includes(".") || (tags.get("d") ?? "").endsWith("."))
    throw new Refusal("domain-syntax");
  if (nameOf(tags.get("s")) === null) throw new Refusal("selector-syntax");
}

function signedNames(value: string, kind: "dkim" | "arc"): string[] {
  const names = listOf(value).map((name) => name.toLowerCase());
  if (names.length > limits.proof.signedFields) throw new Refusal("too-many-signed-fields");
  if (!names.every((name) => /^[\x21-\x39\x3b-\x7e]+$/.test(name))) throw new Refusal("signed-fields-syntax");
  // §5.4: From must be signed, or anyone may be put there. RFC 8617 §4.1.2: a seal may not be.
  if (kind === "dkim" && !names.includes("from")) throw new Refusal("from-not-signed");
  if (kind === "arc" && names.includes("arc-seal")) throw new Refusal("arc-seal-signed");
  return names;
}

function canons(value: string): [Canon, Canon] {
  const parts = /^(simple|relaxed)(?:\/(simple|relaxed))?$/i.exec(value);
  if (!parts) throw new Refusal("canonicalization-unknown");
  return [parts[1]?.toLowerCase() as Canon, (parts[2]?.toLowerCase() ?? "simple") as Canon];
}

/** True when the domain of i= is d= itself; below it is allowed, elsewhere is not (§3.5). */
function checkIdentity(value: string | undefined, domain: string): boolean {
  if (value === undefined) return true;
  const text = readable(
    squeeze(value).replace(/=([0-9A-F]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16))),
  );
  const at = text.lastIndexOf("@");
  const name = at < 0 ? null : toName(text.slice(at + 1));
  if (name === null) throw new Refusal("identity-syntax");
  if (!isWithin(name, domain)) throw new Refusal("identity-outside-domain");
  return name === domain;
}

function checkQuery(value: string | undefined): void {
  if (value !== undefined && !listOf(value).some((method) => method.toLowerCase() === "dns/txt")) {
    throw new Refusal("query-unknown");
  }
}

function bodyLength(value: string | undefined): number | null {
  if (value === undefined) return null;
  if (!/^\d{1,76}$/.test(value)) throw new Refusal("length-syntax");
  return Number(value);
}

function base64(tags: Tags, name: string, length: number | null): Uint8Array {
  const bytes = looseBase64(tags.get(name) ?? "");
  if (bytes === null || bytes.length === 0 || (length !== null && bytes.length !== length)) {
    throw new Refusal(name === "bh" ? "body-hash-syntax" : "signature-syntax");
  }
  return bytes;
}

// §3.5: x= must be later than t=.
function expiry(tags: Tags): number | null {
  const signed = seconds(tags.get("t"), "timestamp-syntax");
  const expires = seconds(tags.get("x"), "expiry-syntax");
  if (signed !== null && expires !== null && expires <= signed) throw new Refusal("expires-before-signed");
  return expires === null ? null : expires * 1000;
}

function seconds(value: string | undefined, reason: string): number | null {
  if (value === undefined) return null;
  if (!/^\d{1,12}$/.test(value)) throw new Refusal(reason);
  return Number(value);
}
