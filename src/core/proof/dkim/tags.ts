/** Tag lists, RFC 6376 §3.2: the syntax of signatures, key records and seals. */

import { trimWhite } from "../../message/white.ts";

export type Tags = ReadonlyMap<string, string>;

/** Names keep their case; values keep inner white space. Null when it is no tag list, or names a tag twice. */
export function parseTags(text: string, lenient = false): Tags | null {
  const tags = new Map<string, string>();
  const specs = text.split(";");
  if (isBlank(specs.at(-1) ?? "")) specs.pop();
  for (const spec of specs) {
    // Key records in the wild have ";;": nobody gains by refusing those.
    if (lenient && isBlank(spec)) continue;
    const parts = /^[ \t\r\n]*([A-Za-z][A-Za-z0-9_]*)[ \t\r\n]*=([\s\S]*)$/.exec(spec);
    const name = parts?.[1];
    if (name === undefined || tags.has(name)) return null;
    tags.set(name, trimWhite(parts?.[2] ?? ""));
  }
  return tags;
}

function isBlank(text: string): boolean {
  return /^[ \t\r\n]*$/.test(text);
}

/** Folding white space out: for values in which it may stand anywhere (base64, lists). */
export function squeeze(value: string): string {
  return value.replace(/[ \t\r\n]+/g, "");
}

/** Colon-separated list, white space around the colons dropped. */
export function listOf(value: string): string[] {
  return value.split(":").map(trimWhite);
}

/** Base64 as signers write it: folded, padding present or forgotten; null when it is not base64. */
export function looseBase64(value: string): Uint8Array | null {
  const text = squeeze(value).replace(/={0,2}$/, "");
  if (!/^[A-Za-z0-9+/]*$/.test(text) || text.length % 4 === 1) return null;
  const bytes = new Uint8Array(Math.floor((text.length * 3) / 4));
  let held = 0;
  let bits = 0;
  let at = 0;
  for (let i = 0; i < text.length; i++) {
    held = ((held << 6) | (sextets[text.charCodeAt(i)] ?? 0)) & 0xffff;
    bits += 6;
    if (bits >= 8) {
      bits -= 8;
      bytes[at++] = (held >> bits) & 255;
    }
  }
  return bytes;
}

const sextets = new Uint8Array(128);
for (const [value, letter] of [..."ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"].entries()) {
  sextets[letter.charCodeAt(0)] = value;
}
