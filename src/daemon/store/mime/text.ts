/** The readable text of a message: its text parts, decoded; HTML as words. Bounded, for previews, SEARCH and the index. */

import { decodeCharset } from "./charset.ts";
import { decodeEntities } from "./entities.ts";
import type { PartMap } from "./map.ts";
import { decodeTransfer } from "./transfer.ts";

/** Text of one leaf part, or null when it holds none. `isCut`: the bytes end somewhere, perhaps within a character. */
export function textOfPart(part: PartMap, bytes: Uint8Array, isCut = false): string | null {
  const [, , , encoding, charset, type] = part;
  if (!type.startsWith("text/")) return null;
  const decoded = decodeTransfer(bytes, encoding);
  if (decoded === null) return null;
  const html = type === "text/html";
  const whole = isCut ? wholeCharacters(decoded) : decoded;
  const text = decodeCharset(whole, charset || (html ? charsetOfHtml(decoded) : "utf-8"));
  return html ? textOfHtml(text) : text;
}

// Without the bytes of a UTF-8 character that goes on behind the cut (RFC 3629 §3).
function wholeCharacters(bytes: Uint8Array): Uint8Array {
  for (let back = 1; back <= Math.min(4, bytes.length); back++) {
    const byte = bytes[bytes.length - back] ?? 0;
    if (byte < 0x80) return bytes;
    if (byte < 0xc0) continue;
    const needed = byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : 2;
    return needed > back ? bytes.subarray(0, -back) : bytes;
  }
  return bytes;
}

/** Leaves in order, those of embedded messages too. */
export function* leaves(part: PartMap): Generator<PartMap> {
  const [, , , , , , children, inner] = part;
  if (inner) yield* leaves(inner);
  else if (children.length === 0) yield part;
  for (const child of children) yield* leaves(child);
}

function charsetOfHtml(bytes: Uint8Array): string {
  const head = Buffer.from(bytes.buffer, bytes.byteOffset, Math.min(bytes.length, 2048)).toString("latin1");
  return head.match(/<meta[^>]{0,200}charset\s*=\s*["']?([\w-]{2,40})/i)?.[1] ?? "utf-8";
}

/** Words of an HTML text: no scripts, styles, comments or tags; block ends become line ends. One pass, no backtracking. */
export function textOfHtml(html: string): string {
  const out: string[] = [];
  for (let at = 0; at < html.length; ) {
    const open = html.indexOf("<", at);
    if (open < 0) {
      out.push(html.slice(at));
      break;
    }
    out.push(html.slice(at, open));
    at = afterTag(html, open, out);
  }
  return decodeEntities(out.join(""));
}

function afterTag(html: string, open: number, out: string[]): number {
  if (html.startsWith("<!--", open)) return after(html, "-->", open + 4);
  const name = html
    .slice(open + 1, open + 12)
    .match(/^\/?([a-z][a-z0-9]*)/i)?.[1]
    ?.toLowerCase();
  if (name === undefined && html.charAt(open + 1) !== "!" && html.charAt(open + 1) !== "?") {
    out.push("<");
    return open + 1;
  }
  const end = after(html, ">", open + 1);
  if (name === "script" || name === "style") {
    if (html.charAt(open + 1) === "/") return end;
    const close = indexOfClosing(html, name, end);
    return close < 0 ? html.length : after(html, ">", close);
  }
  if (name !== undefined && blocks.has(name)) out.push("\n");
  return end;
}

const blocks = new Set(
  "p div br li tr td th h1 h2 h3 h4 h5 h6 table ul ol blockquote pre hr title section article".split(" "),
);

function indexOfClosing(html: string, name: string, from: number): number {
  for (let at = html.indexOf("</", from); at >= 0; at = html.indexOf("</", at + 2)) {
    if (html.slice(at + 2, at + 2 + name.length).toLowerCase() === name) return at;
  }
  return -1;
}

function after(text: string, mark: string, from: number): number {
  const found = text.indexOf(mark, from);
  return found < 0 ? text.length : found + mark.length;
}
