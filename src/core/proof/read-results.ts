/**
 * Authentication-Results as others write them, RFC 8601 §2.2, for the places where they are to be trusted: a header block that
 * a known entrance put on top. Bounded; what can't be read is null, never half of it.
 */
import type { Proof } from "./types.ts";

export type Finding = { method: string; result: string; reason: string | null; properties: Record<string, string> };
export type ReadResults = { servId: string; findings: Finding[] };

/** More than anyone finds. */
const maxFindings = 100;
const maxBytes = 32 * 1024;

/** `value` is what follows the colon (or, in ARC-Authentication-Results, the instance); folding allowed. */
export function readResults(value: string): ReadResults | null {
  if (value.length > maxBytes) return null;
  const tokens = tokenize(value);
  const parts = tokens && split(tokens);
  const [first] = parts?.[0] ?? [];
  if (!parts || first === undefined || first.text === ";") return null;
  const findings: Finding[] = [];
  for (const part of parts.slice(1, maxFindings)) {
    const finding = part.length === 0 ? null : readFinding(part);
    if (finding) findings.push(finding);
  }
  return { servId: first.text.toLowerCase(), findings };
}

type Token = { text: string; quoted: boolean };

function tokenize(value: string): Token[] | null {
  const tokens: Token[] = [];
  const pattern = /[ \t\r\n]+|"((?:[^"\\]|\\[\s\S])*)"|([;=])|([^\s;="()]+)|(\()/y;
  for (let at = 0; at < value.length; at = pattern.lastIndex) {
    pattern.lastIndex = at;
    const match = pattern.exec(value);
    if (match === null) return null;
    const [, quoted, mark, word, comment] = match;
    if (comment !== undefined) pattern.lastIndex = endOfComment(value, at);
    else if (quoted !== undefined) tokens.push({ text: quoted.replace(/\\([\s\S])/g, "$1"), quoted: true });
    else if (mark !== undefined || word !== undefined) tokens.push({ text: mark ?? word ?? "", quoted: false });
    if (pattern.lastIndex === 0) return null;
  }
  return tokens;
}

/** One past the closing bracket; 0 when there is none. */
function endOfComment(value: string, start: number): number {
  let depth = 0;
  for (let at = start; at < value.length; at++) {
    const c = value.charAt(at);
    if (c === "\\") at++;
    else if (c === "(") depth++;
    else if (c === ")" && --depth === 0) return at + 1;
  }
  return 0;
}

function split(tokens: readonly Token[]): Token[][] {
  const parts: Token[][] = [[]];
  for (const token of tokens) {
    if (token.text === ";" && !token.quoted) parts.push([]);
    else parts.at(-1)?.push(token);
  }
  return parts;
}

/** `method[/version] = result [reason = "…"] *(ptype.property = value)`. */
function readFinding(part: readonly Token[]): Finding | null {
  const pairs = readPairs(part);
  const [first, ...rest] = pairs ?? [];
  if (first === undefined) return null;
  const [method, result] = first;
  const finding: Finding = {
    method: (method.split("/")[0] ?? "").toLowerCase(),
    result: result.toLowerCase(),
    reason: null,
    properties: {},
  };
  for (const [name, value] of rest) {
    if (name.toLowerCase() === "reason") finding.reason = value;
    else finding.properties[name.toLowerCase()] ??= value;
  }
  return finding;
}

function readPairs(part: readonly Token[]): [string, string][] | null {
  const pairs: [string, string][] = [];
  for (let at = 0; at < part.length; at += 3) {
    const [name, equals, value] = part.slice(at, at + 3);
    if (!name || name.quoted || equals?.text !== "=" || !value) return null;
    pairs.push([name.text, value.text]);
  }
  return pairs;
}

/** The result of each method; of several, as with DKIM, the best. */
export function bestResults(findings: readonly Finding[]): Record<string, string> {
  const best: Record<string, string> = {};
  for (const { method, result } of findings) if (best[method] !== "pass") best[method] = result;
  return best;
}

/** Where another's results and ours disagree about pass or not, as `dkim: pass there, fail here`. */
export function disagreements(theirs: Readonly<Record<string, string>>, { spf, dkim, dmarc, arc }: Proof): string[] {
  const ours: Record<string, string> = {
    spf: spf.result,
    dkim: dkim.some(({ result }) => result === "pass") ? "pass" : (dkim[0]?.result ?? "none"),
    dmarc: dmarc.result,
    arc: arc.cv,
  };
  return Object.keys(ours).flatMap((method) => {
    const there = theirs[method];
    const here = ours[method] ?? "none";
    if (there === undefined || here === "not-evaluated" || (there === "pass") === (here === "pass")) return [];
    return [`${method}: ${there} there, ${here} here`];
  });
}
