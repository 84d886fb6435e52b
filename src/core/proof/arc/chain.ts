/**
 * An ARC chain as it stands in the header, RFC 8617 §4: sets of three fields, numbered from 1 without a gap. What is wrong
 * with its shape is a named reason, found before any key is asked for.
 */
import { toName } from "../../dns/name.ts";
import { limits } from "../../limits.ts";
import { type Field, fieldsNamed, fieldValue, type Header } from "../../message/header.ts";
import { looseBase64, parseTags, type Tags } from "../dkim/tags.ts";

export type ArcSet = {
  instance: number;
  results: Field;
  signature: Field;
  seal: Field;
  sealTags: Seal;
};
export type Seal = {
  cv: "none" | "pass" | "fail";
  domain: string;
  selector: string;
  keyType: "rsa" | "ed25519";
  signature: Uint8Array;
};
export type Chain = { sets: ArcSet[] } | { broken: string; instances: number };

const names = ["arc-authentication-results", "arc-message-signature", "arc-seal"] as const;

/** Null when there is no ARC field at all. Never throws. */
export function readChain(header: Header): Chain | null {
  const columns = names.map((name) => fieldsNamed(header, name));
  const most = Math.max(...columns.map((fields) => fields.length));
  if (most === 0) return null;
  // §4.2.1: fifty sets at most; a longer chain is failed unread.
  if (most > limits.proof.arcInstances) return { broken: "too-many-instances", instances: limits.proof.arcInstances };
  const bytes = columns.flat().reduce((sum, field) => sum + field.end - field.start, 0);
  if (bytes > limits.proof.arcBytes) return { broken: "too-large", instances: most };
  const numbered = columns.map((fields) => byInstance(header, fields));
  // Whoever seals a broken chain as failed goes on above its highest number.
  const instances = Math.max(most, ...columns.flat().map((field) => instanceOf(header, field) ?? 0));
  if (numbered.some((column) => column === null)) return { broken: "instance-syntax", instances };
  return assemble(header, numbered as Map<number, Field>[], most, instances);
}

function assemble(header: Header, numbered: Map<number, Field>[], most: number, instances: number): Chain {
  const sets: ArcSet[] = [];
  for (let instance = 1; instance <= most; instance++) {
    const [results, signature, seal] = numbered.map((column) => column.get(instance));
    if (!results || !signature || !seal) return { broken: `incomplete-set-${instance}`, instances };
    const sealTags = readSeal(header, seal, instance);
    if (typeof sealTags === "string") return { broken: `${sealTags}-${instance}`, instances };
    sets.push({ instance, results, signature, seal, sealTags });
  }
  return { sets };
}

/** Null when a number is missing, unreadable or taken twice. */
function byInstance(header: Header, fields: readonly Field[]): Map<number, Field> | null {
  const found = new Map<number, Field>();
  for (const field of fields) {
    const instance = instanceOf(header, field);
    if (instance === null || found.has(instance)) return null;
    found.set(instance, field);
  }
  return found;
}

/** i=, which in ARC-Authentication-Results must come first (§4.1.1). */
export function instanceOf(header: Header, field: Field): number | null {
  if (field.end - field.start > limits.proof.signatureBytes && field.name !== "arc-authentication-results") return null;
  const value = fieldValue(header, field);
  const text =
    field.name === "arc-authentication-results" ? leadingInstance(value) : (parseTags(value)?.get("i") ?? "");
  return /^[1-9]\d{0,2}$/.test(text) && Number(text) <= limits.proof.arcInstances ? Number(text) : null;
}

function leadingInstance(value: string): string {
  return /^[ \t\r\n]*i[ \t\r\n]*=[ \t\r\n]*(\d{1,4})[ \t\r\n]*;/i.exec(value)?.[1] ?? "";
}

/** §4.1.3; a reason when the seal is no good. */
function readSeal(header: Header, field: Field, instance: number): Seal | string {
  const tags = parseTags(fieldValue(header, field));
  if (tags === null) return "seal-syntax";
  // §4.1.3: a seal signs a fixed list; an h= tag in one fails the chain. bh= belongs to signatures.
  if (tags.has("h") || tags.has("bh")) return "seal-has-signature-tags";
  const cv = tags.get("cv")?.toLowerCase();
  if (cv !== "none" && cv !== "pass" && cv !== "fail") return "seal-cv-syntax";
  // §5.2 step 3: cv=none belongs to the first set and to no other.
  if (cv !== "fail" && (cv === "none") !== (instance === 1)) return "seal-cv-wrong";
  return sealKey(tags, cv);
}

function sealKey(tags: Tags, cv: Seal["cv"]): Seal | string {
  const keyType = keyTypes[(tags.get("a") ?? "").toLowerCase()];
  const domain = toName(tags.get("d") ?? "");
  const selector = toName(tags.get("s") ?? "");
  const signature = looseBase64(tags.get("b") ?? "");
  if (keyType === undefined) return "seal-algorithm";
  if (domain === null || selector === null || !signature || signature.length === 0) return "seal-syntax";
  if (tags.has("t") && !/^\d{1,12}$/.test(tags.get("t") ?? "")) return "seal-timestamp-syntax";
  return { cv, domain, selector, keyType, signature };
}

const keyTypes: Record<string, Seal["keyType"] | undefined> = { "rsa-sha256": "rsa", "ed25519-sha256": "ed25519" };
