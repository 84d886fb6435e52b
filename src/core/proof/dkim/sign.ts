/**
 * DKIM signing, RFC 6376 §5, RSA or Ed25519 with SHA-256. The signature is made with the very
 * canonicalisation that verifies. Names that a forger would like to add again are signed once more than they occur (§8.15).
 */
import { concat, toBase64 } from "../../bytes.ts";
import { type Header, readHeader } from "../../message/header.ts";
import type { Crypto } from "../../ports.ts";
import { type Canon, hasBareLf } from "./body.ts";
import { BodyHashes } from "./body-hash.ts";
import { CanonicalFields, withoutSignature } from "./fields.ts";
import { digest } from "./verify.ts";

export type SigningKey =
  | { type: "rsa" /** PKCS#8 DER. */; pkcs8: Uint8Array }
  | { type: "ed25519" /** 32 bytes, RFC 8032. */; seed: Uint8Array };
export type Signer = {
  /** A-label form. */
  domain: string;
  selector: string;
  key: SigningKey;
  /** UTC ms; becomes t=. */
  now: number;
  /** Of header and body; relaxed unless said otherwise. */
  canon?: Canon;
};

/** Signed when present. */
const signable = (
  "from sender reply-to to cc subject date message-id in-reply-to references mime-version content-type " +
  "content-transfer-encoding content-id content-description resent-from resent-to resent-cc resent-date resent-message-id " +
  "list-id list-help list-unsubscribe list-unsubscribe-post list-subscribe list-post list-owner list-archive feedback-id"
).split(" ");
/** Signed even when absent, and once more than present. */
const sealed = new Set("from reply-to to cc subject date message-id mime-version content-type".split(" "));

/** One whole DKIM-Signature field, folded, ending in CRLF, to be put on top of `raw`. */
export async function signDkim(raw: Uint8Array, signer: Signer, crypto: Crypto): Promise<string> {
  const header = readHeader(raw);
  const names = namesToSign(header);
  const bh = bodyHash(raw, header, canonOf(signer), crypto);
  const tags = { v: "1", ...commonTags(signer), h: names.join(":"), bh };
  const parts = new CanonicalFields(header).signed(names, canonOf(signer), null) ?? [];
  return signedField("DKIM-Signature", tags, parts, signer, crypto);
}

function canonOf({ canon }: Pick<Signer, "canon">): Canon {
  return canon ?? "relaxed";
}

export function commonTags(signer: Signer) {
  const { domain: d, selector: s, key, now } = signer;
  const canon = canonOf(signer);
  return { a: `${key.type}-sha256`, c: `${canon}/${canon}`, d, s, t: String(Math.floor(now / 1000)) };
}

export function namesToSign(header: Header, alsoPresent: readonly string[] = []): string[] {
  const names: string[] = [];
  for (const name of [...signable, ...alsoPresent]) {
    const count = header.fields.filter((field) => field.name === name).length + (sealed.has(name) ? 1 : 0);
    for (let i = 0; i < Math.min(count, 100); i++) names.push(name);
  }
  return names;
}

/** Bare LFs are hashed as the CRLFs that the next relay makes of them. */
export function bodyHash(raw: Uint8Array, header: Header, canon: Canon, crypto: Crypto): string {
  const whole = { canon, length: null };
  const body = raw.subarray(header.bodyAt);
  const hashes = new BodyHashes(body, crypto, header.unixLines || hasBareLf(body));
  hashes.want(whole);
  return toBase64(hashes.digest(whole));
}

/** The field `name` with `tags` and a b= over `parts` and itself. */
export async function signedField(
  name: string,
  tags: Record<string, string>,
  parts: readonly Uint8Array[],
  signer: Pick<Signer, "key" | "canon">,
  crypto: Crypto,
): Promise<string> {
  const unsigned = `${name}: ${Object.entries(tags).map(tagText).join(";\r\n\t")};\r\n\tb=`;
  const { key } = signer;
  const message = concat(...parts, withoutSignature(`${unsigned}\r\n`, canonOf(signer)));
  const signature =
    key.type === "rsa"
      ? await crypto.signRsaSha256(key.pkcs8, message)
      : await crypto.signEd25519(key.seed, digest(message, crypto));
  return `${unsigned}${fold(toBase64(signature), 72)}\r\n`;
}

function tagText([name, value]: [string, string]): string {
  return name === "h" ? `h=${foldList(value)}` : `${name}=${value}`;
}

function foldList(value: string): string {
  return (value.match(/.{1,60}(?::|$)/g) ?? [value]).join("\r\n\t ");
}

function fold(text: string, width: number): string {
  return (text.match(new RegExp(`.{1,${width}}`, "g")) ?? []).join("\r\n\t ");
}
