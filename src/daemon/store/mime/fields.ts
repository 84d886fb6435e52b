/**
 * Content-Type, Content-Disposition and their parameters: RFC 2045 §5.1, RFC 2183, RFC 2231 (continuations, charsets). What is
 * malformed is read as far as it makes sense; a parameter that occurs twice counts once, the first time.
 */
import { decodeCharset } from "./charset.ts";

/** Names in lower case; values one character per byte, as they came (or, for RFC 2231 values, decoded text as UTF-8 bytes). */
export type Parameters = ReadonlyMap<string, string>;

export function readType(
  text: string | null,
  fallback: string,
): { type: string; subtype: string; parameters: Parameters } {
  const match = text?.match(/^\s*([!-'*+\-.0-9A-Z^-~]+)\s*\/\s*([!-'*+\-.0-9A-Z^-~]+)/i);
  if (!text || !match?.[1] || !match[2]) {
    const [type = "text", subtype = "plain"] = fallback.split("/");
    return { type, subtype, parameters: new Map() };
  }
  const parameters = readParameters(text.slice(match[0].length));
  return { type: match[1].toLowerCase(), subtype: match[2].toLowerCase(), parameters };
}

export function readDisposition(text: string | null): { kind: string; parameters: Parameters } | null {
  const match = text?.match(/^\s*([!-'*+\-.0-9A-Z^-~]+)/i);
  if (!text || !match?.[1]) return null;
  return { kind: match[1].toLowerCase(), parameters: readParameters(text.slice(match[0].length)) };
}

/** RFC 2045 §6.1: a token in any case; comments, and a stray ";" that some programs add, are not of it. */
export function readEncoding(text: string | null): string {
  const plain = bareValue(text ?? "").toLowerCase();
  return plain.replace(/\s*;.*$/s, "") || "7bit";
}

const parameter = /;\s*([^\s=;"()]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"?|([^;]*))/gs;

function readParameters(text: string): Parameters {
  const plain = new Map<string, string>();
  const pieces = new Map<string, { at: number; extended: boolean; value: string }[]>();
  for (const [, rawName = "", quoted, bare = ""] of text.matchAll(parameter)) {
    const value = quoted === undefined ? bareValue(bare) : quoted.replace(/\\(.)/gs, "$1");
    const name = rawName.toLowerCase();
    const split = name.match(/^([^*]+)\*(?:(\d{1,3})(\*)?)?$/);
    if (!split?.[1]) {
      if (!plain.has(name)) plain.set(name, value);
      continue;
    }
    const piece = { at: Number(split[2] ?? 0), extended: split[2] === undefined || split[3] === "*", value };
    pieces.set(split[1], [...(pieces.get(split[1]) ?? []), piece]);
  }
  for (const [name, parts] of pieces) plain.set(name, joinPieces(parts));
  return plain;
}

function bareValue(text: string): string {
  return text.replace(/\([^()]*\)/g, "").trim();
}

// RFC 2231 §3, §4: pieces in the order of their numbers; the first extended one names the charset.
function joinPieces(parts: { at: number; extended: boolean; value: string }[]): string {
  let charset = "utf-8";
  let bytes = "";
  for (const [i, part] of parts.sort((a, b) => a.at - b.at).entries()) {
    let value = part.value;
    const named = i === 0 && part.extended ? value.match(/^([^']*)'[^']*'(.*)$/s) : null;
    if (named) {
      charset = named[1] || charset;
      value = named[2] ?? "";
    }
    bytes += part.extended
      ? value.replace(/%([0-9a-f]{2})/gi, (_, code) => String.fromCharCode(Number.parseInt(code, 16)))
      : value;
  }
  return Buffer.from(decodeCharset(Buffer.from(bytes, "latin1"), charset), "utf8").toString("latin1");
}
