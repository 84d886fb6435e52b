/**
 * Authentication-Results, RFC 8601: ours written from a proof, and forged ones of our name taken out of a message before
 * anyone downstream reads them (§5).
 */
import { concat } from "../bytes.ts";
import { type Field, fieldsNamed, fieldValue, readHeader } from "../message/header.ts";
import type { DkimResult, Proof } from "./types.ts";

/** One whole field, folded, ending in CRLF. */
export function authenticationResults(proof: Proof, authservId: string): string {
  return `Authentication-Results: ${resultsText(proof, authservId)}\r\n`;
}

/** The field's value, folded between results; also the text of ARC-Authentication-Results. */
export function resultsText(proof: Proof, authservId: string): string {
  const parts = [
    ...(proof.dkim.length === 0 ? ["dkim=none"] : proof.dkim.map(dkimText)),
    spfText(proof),
    dmarcText(proof),
    arcText(proof),
    iprevText(proof),
    bimiText(proof),
  ];
  return [token(authservId), ...parts.filter((part) => part !== "")].join(";\r\n\t");
}

function dkimText({ result, domain, selector, algorithm, identity, tag, reason }: DkimResult): string {
  const props = [
    ["header.d", domain],
    ["header.i", identity],
    ["header.s", selector],
    ["header.a", algorithm],
    ["header.b", tag],
  ].filter(([, value]) => value !== "" && value !== "@");
  return `dkim=${result}${reasonText(reason)}${props.map(([name, value]) => ` ${name}=${pvalue(value ?? "")}`).join("")}`;
}

// RFC 8601 §2.7.2 has no word for "not evaluated": then nothing is said.
function spfText({ spf }: Proof): string {
  if (spf.result === "not-evaluated") return "";
  const name = spf.identity === "helo" ? "smtp.helo" : "smtp.mailfrom";
  return `spf=${spf.result}${reasonText(spf.reason)}${spf.domain === "" ? "" : ` ${name}=${pvalue(spf.domain)}`}`;
}

function dmarcText({ dmarc }: Proof): string {
  const policy = dmarc.result === "none" ? "" : ` policy.dmarc=${dmarc.policy}`;
  const from = dmarc.domain === "" ? "" : ` header.from=${pvalue(dmarc.domain)}`;
  return `dmarc=${dmarc.result}${reasonText(dmarc.reason)}${policy}${from}`;
}

// RFC 8617 §10.1: temperror is not one of arc's words; nothing is said then.
function arcText({ arc }: Proof): string {
  if (arc.cv === "none" || arc.cv === "temperror") return "";
  const sealer = arc.sealer === null ? "" : ` header.d=${pvalue(arc.sealer)}`;
  return `arc=${arc.cv}${reasonText(arc.reason)}${sealer}`;
}

function iprevText({ iprev }: Proof): string {
  if (iprev.result === "none") return "";
  return `iprev=${iprev.result}${iprev.name === null ? "" : ` policy.iprev=${pvalue(iprev.name)}`}`;
}

function bimiText({ bimi }: Proof): string {
  return bimi.result === "skipped" || bimi.result === "none" ? "" : `bimi=${bimi.result}`;
}

// Sender-chosen text: nothing of it may end the string, the result or the line.
function reasonText(reason: string): string {
  return reason === "" ? "" : ` reason="${plain(reason).replace(/["\\]/g, "'").slice(0, 200)}"`;
}

// RFC 8601 §2.2 pvalue: a token of RFC 2045, an address, or a quoted string.
function pvalue(text: string): string {
  const safe = plain(text).slice(0, 300);
  return /^(?:[\w!#$%&'*+\-.^`{|}~]*@)?[\w!#$%&'*+\-.^`{|}~]+$/.test(safe) ? safe : `"${safe.replace(/["\\]/g, "'")}"`;
}

function token(text: string): string {
  return plain(text).replace(/[\s;"\\()]/g, "");
}

function plain(text: string): string {
  return text.replace(/[^\x20-\x7e]/g, "?");
}

/**
 * `raw` without the Authentication-Results fields that bear our name, or with a name that can't be read (a forger may hide ours in a
 * comment). The very same array when there is nothing to take out.
 */
export function stripForged(raw: Uint8Array, authservId: string): Uint8Array {
  const header = readHeader(raw);
  const forged = fieldsNamed(header, "authentication-results").filter((field) => {
    const name = servIdOf(fieldValue(header, field));
    return name === null || name === authservId.toLowerCase();
  });
  return forged.length === 0 ? raw : without(raw, forged);
}

function without(raw: Uint8Array, fields: readonly Field[]): Uint8Array {
  const parts: Uint8Array[] = [];
  let at = 0;
  for (const { start, end } of fields) {
    parts.push(raw.subarray(at, start));
    at = end;
  }
  return concat(...parts, raw.subarray(at));
}

/** authserv-id (§2.2), lower case; null when none can be read. Comments may stand anywhere before it. */
export function servIdOf(value: string): string | null {
  const at = pastComments(value);
  if (at === null) return null;
  const rest = value.slice(at, at + 1000);
  const quoted = /^"((?:[^"\\]|\\[\s\S])*)"/.exec(rest)?.[1];
  const name = quoted === undefined ? /^[^\s;"()]+/.exec(rest)?.[0] : quoted.replace(/\\([\s\S])/g, "$1");
  return name === undefined || name === "" ? null : name.toLowerCase();
}

/** Past white space and comments (RFC 5322 §3.2.2), nested ones by counting; null when one does not end. */
function pastComments(value: string): number | null {
  let depth = 0;
  for (let at = 0; at < value.length; at++) {
    const c = value.charAt(at);
    if (depth > 0 && c === "\\") at++;
    else if (c === "(") depth++;
    else if (depth > 0 && c === ")") depth--;
    else if (depth === 0 && !" \t\r\n".includes(c)) return at;
  }
  return null;
}
