/**
 * Text cases for proofs. A file holds cases; each is a title line, inputs, a blank line, a message, and what to expect:
 *
 *     === name                                   RFC and section
 *     ip 192.0.2.1            (also: helo, mailfrom, now, raw-lines lf)
 *     dns example.com TXT "v=spf1 mx -all"       a line a record; strings in quotes are joined; `dns NAME TIMEOUT`
 *
 *     From: …                                    lines end in CRLF; \s SP, \t TAB, \n LF, \r CR, \0 NUL, \xHH, \\ backslash
 *     expect spf pass mechanism=mx
 *     expect dkim pass domain=example.com        one line a signature, in order; `expect dkim` alone: none
 */

import { fromLatin1, latin1, utf8 } from "../../../src/core/bytes.ts";
import { Zones, zoneResolver } from "../../../src/core/dns/zones.ts";
import type { Resolver } from "../../../src/core/ports.ts";
import type { ProofInput } from "../../../src/core/proof/types.ts";

export type Case = { name: string; input: ProofInput; dns: Resolver; expect: string[]; hasMessage: boolean };

export function parseCases(text: string): Case[] {
  return text.split(/^=== /m).slice(1).map(parseCase);
}

function parseCase(text: string): Case {
  const lines = text.split("\n");
  const title = (lines.shift() ?? "").replace(/\s{2,}/, " · ").trim();
  const facts = new Map<string, string>();
  const zones: Record<string, unknown> = {};
  for (let line = lines.shift(); line !== undefined && line.trim() !== ""; line = lines.shift()) {
    const [, word = "", rest = ""] = /^(\S+)\s*(.*)$/.exec(line) ?? [];
    if (word === "dns") addRecord(zones, rest);
    else if (!word.startsWith("#")) facts.set(word, rest.trim());
  }
  const at = lines.findIndex((line) => line.startsWith("expect"));
  const message = lines.slice(0, at);
  return {
    name: title,
    input: inputFrom(facts, message),
    dns: zoneResolver(Zones.parse(zones)),
    expect: lines
      .slice(at)
      .filter((line) => line.startsWith("expect "))
      .map((line) => line.slice("expect ".length).trim()),
    hasMessage: message.length > 0,
  };
}

function inputFrom(facts: Map<string, string>, message: string[]): ProofInput {
  return {
    raw: bytes(message, facts.get("raw-lines") === "lf" ? "\n" : "\r\n"),
    mailFrom: facts.get("mailfrom") ?? "",
    helo: facts.get("helo") ?? null,
    ip: facts.get("ip") ?? null,
    now: Date.parse(facts.get("now") ?? "2026-11-24T05:00:00Z"),
    authservId: "receiver.test",
    trustedSealers: (facts.get("trusted-sealers") ?? "").split(" ").filter((name) => name !== ""),
  };
}

/** Escapes are read after UTF-8, so that \xHH is that very byte. A line ending in `\` + `+` has no line end. */
function bytes(lines: readonly string[], lineEnd: string): Uint8Array {
  const text = lines.map((line) => (line.endsWith("\\+") ? line.slice(0, -2) : line + lineEnd)).join("");
  return fromLatin1(unescape_(latin1(utf8(text))));
}

function unescape_(text: string): string {
  const letters: Record<string, string> = { s: " ", t: "\t", n: "\n", r: "\r", "0": "\0", "\\": "\\" };
  return text.replace(/\\(?:x([0-9a-fA-F]{2})|([stnr0\\]))/g, (_, hex: string | undefined, letter: string) =>
    hex === undefined ? (letters[letter] ?? "") : String.fromCharCode(Number.parseInt(hex, 16)),
  );
}

function addRecord(zones: Record<string, unknown>, text: string): void {
  const [, name = "", type = "", rest = ""] = /^(\S+)\s+(\S+)\s*(.*)$/.exec(text) ?? [];
  if (type === "TIMEOUT" || type === "SERVFAIL" || type === "NXDOMAIN") {
    zones[name] = type;
    return;
  }
  const entry = (zones[name] ?? {}) as Record<string, unknown>;
  zones[name] = entry;
  if (rest === "TIMEOUT" || rest === "SERVFAIL") entry[type] = rest;
  else entry[type] = [...((entry[type] as unknown[] | undefined) ?? []), value(type, rest)];
}

function value(type: string, text: string): unknown {
  if (type === "MX") {
    const [priority, exchange = ""] = text.split(/\s+/);
    return { priority: Number(priority), exchange };
  }
  if (type !== "TXT") return text.trim();
  const strings = [...text.matchAll(/"([^"]*)"/g)].map((match) => unescape_(match[1] ?? ""));
  return strings.length > 0 ? strings : [text];
}

/** `spf fail mechanism=-all` against `{ result: "fail", mechanism: "-all" }`; every word that stands there must be true. */
export function describeResult(words: string[], value: Record<string, unknown>): { wanted: unknown; got: unknown } {
  const [result, ...pairs] = words;
  const wanted: Record<string, unknown> = { result };
  const got: Record<string, unknown> = { result: value["result"] ?? value["cv"] };
  for (const pair of pairs) {
    const at = pair.indexOf("=");
    const key = pair.slice(0, at);
    wanted[key] = pair.slice(at + 1);
    got[key] = String(deep(value, key));
  }
  return { wanted, got };
}

function deep(value: Record<string, unknown>, key: string): unknown {
  let at: unknown = value;
  for (const part of key.split(".")) at = (at as Record<string, unknown> | null)?.[part];
  return at;
}

/** Words split at spaces; quotes hold words together. */
export function wordsOf(line: string): string[] {
  return (line.match(/(?:[^\s"]|"[^"]*")+/g) ?? []).map((word) => word.replaceAll('"', ""));
}
