/**
 * Passwords that are guessed first: public ones of which 49,000 are shipped as a Bloom filter, and what people make of them when a
 * form wants twelve characters (Password2024!, qwertyqwerty, monkey-monkey1). No service is asked. It is a list of the most
 * frequent, not of every password that ever leaked.
 */
import { fromBase64 } from "../../src/core/bytes.ts";
import { longest, mayHold, shortest } from "./bloom.ts";
import { commonPasswords } from "./common-data.ts";

/** Pieces that a guesser has lists of; fewer than this in a row are tried in no time. */
const fewest = 4;

let filter: Uint8Array | null = null;

/** `own`: words that anybody who knows the account would try (its address, the service's name). */
export function isCommon(password: string, own: readonly string[]): boolean {
  const plain = password
    .normalize("NFKC")
    .toLowerCase()
    .replace(/[\s._-]+/g, "");
  const spellings = new Set([plain, plain.replace(/[@4301$57!|+]/g, (sign) => meant[sign] ?? sign)]);
  return [...spellings].some((text) => piecesIn(once(text), own) < fewest);
}

const meant: Record<string, string> = {
  "@": "a",
  "4": "a",
  "3": "e",
  "0": "o",
  "1": "i",
  $: "s",
  "5": "s",
  "7": "t",
  "!": "i",
  "|": "l",
  "+": "t",
};

/** What is said over and over is no harder to guess than said twice. */
function once(text: string): string {
  const [, unit] = /^(.+?)\1+$/u.exec(text) ?? [];
  return unit === undefined ? text : unit + unit;
}

/** The fewest pieces that a text can be put together of; a character that belongs to none counts as one. */
function piecesIn(text: string, own: readonly string[]): number {
  const least = [0];
  for (let end = 1; end <= text.length; end++) {
    let best = (least[end - 1] ?? 0) + 1;
    for (let start = Math.max(0, end - longest); start < end - 1; start++) {
      const before = (least[start] ?? 0) + 1;
      if (before < best && isPiece(text, start, end, own)) best = before;
    }
    least.push(best);
  }
  return least[text.length] ?? 0;
}

function isPiece(text: string, start: number, end: number, own: readonly string[]): boolean {
  const piece = text.slice(start, end);
  // What was typed before costs nothing to type again.
  if (piece.length > 1 && text.slice(0, start).includes(piece)) return true;
  if (/^\d{1,4}$/.test(piece) || isRun(piece)) return true;
  if (own.includes(piece)) return true;
  return piece.length >= shortest && mayHold(known(), piece);
}

/** aaaa, abcd, 9876: each step the same as the one before. */
function isRun(piece: string): boolean {
  const step = piece.charCodeAt(1) - piece.charCodeAt(0);
  if (Math.abs(step) > 1) return false;
  for (let i = 2; i < piece.length; i++) if (piece.charCodeAt(i) - piece.charCodeAt(i - 1) !== step) return false;
  return true;
}

function known(): Uint8Array {
  filter ??= fromBase64(commonPasswords);
  return filter;
}
