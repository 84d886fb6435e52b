/** Encoded words in header text: RFC 2047, with the language tag of RFC 2231 §5. Input is one character per byte. */
import { decodeCharset, decodeUnknown } from "./charset.ts";

const word = /=\?([^?*\s]{1,60})(?:\*[^?\s]*)?\?([bq])\?([^?\s]*)\?=/gi;

export function decodeWords(text: string): string {
  if (!text.includes("=?")) return plainText(text);
  let out = "";
  let from = 0;
  // Neighbours of one charset are decoded together: some senders split a character between two words.
  let held: { charset: string; bytes: Buffer[] } | null = null;
  const flush = () => {
    if (held) out += decodeCharset(Buffer.concat(held.bytes), held.charset);
    held = null;
  };
  for (const match of text.matchAll(word)) {
    const [whole, charset = "", kind = "", payload = ""] = match;
    const between = text.slice(from, match.index);
    // §6.2: white space between two encoded words is not shown.
    if (!held || !/^\s*$/.test(between) || charset.toLowerCase() !== (held as { charset: string }).charset) {
      const hadWord = held !== null;
      flush();
      if (!(hadWord && /^\s*$/.test(between))) out += plainText(between);
      held = { charset: charset.toLowerCase(), bytes: [] };
    }
    (held as { bytes: Buffer[] }).bytes.push(payloadBytes(kind, payload));
    from = match.index + whole.length;
  }
  flush();
  return out + plainText(text.slice(from));
}

function payloadBytes(kind: string, payload: string): Buffer {
  if (kind.toLowerCase() === "b") return Buffer.from(payload, "base64");
  const bytes = payload
    .replaceAll("_", " ")
    .replace(/=([0-9a-f]{2})/gi, (_, code) => String.fromCharCode(Number.parseInt(code, 16)));
  return Buffer.from(bytes, "latin1");
}

function plainText(text: string): string {
  return /[\x80-\xff]/.test(text) ? decodeUnknown(Buffer.from(text, "latin1")) : text;
}
