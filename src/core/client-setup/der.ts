/** DER (X.690): as much of it as a signed profile needs. Lengths are definite and bounded by the input; nothing else is read. */
import { concat } from "../bytes.ts";

export const tags = {
  integer: 0x02,
  octets: 0x04,
  null: 0x05,
  oid: 0x06,
  utcTime: 0x17,
  sequence: 0x30,
  set: 0x31,
  /** [0], constructed. */
  context: 0xa0,
} as const;

export type Der = { tag: number; body: Uint8Array; whole: Uint8Array };

export function der(tag: number, ...content: readonly Uint8Array[]): Uint8Array {
  const body = concat(...content);
  return concat(Uint8Array.of(tag), length(body.length), body);
}

function length(n: number): Uint8Array {
  if (n < 0x80) return Uint8Array.of(n);
  const bytes: number[] = [];
  for (let left = n; left > 0; left = Math.floor(left / 256)) bytes.unshift(left % 256);
  return Uint8Array.of(0x80 | bytes.length, ...bytes);
}

/** `1.2.840.113549.1.7.2` */
export function oid(dotted: string): Uint8Array {
  const [first = 0, second = 0, ...rest] = dotted.split(".").map(Number);
  return der(tags.oid, Uint8Array.from([first * 40 + second, ...rest].flatMap(base128)));
}

function base128(n: number): number[] {
  const digits = [n % 128];
  for (let left = Math.floor(n / 128); left > 0; left = Math.floor(left / 128)) digits.unshift(0x80 | (left % 128));
  return digits;
}

/** A positive INTEGER of big-endian bytes. */
export function unsigned(bytes: Uint8Array): Uint8Array {
  let from = 0;
  while (from < bytes.length - 1 && bytes[from] === 0) from++;
  const short = bytes.subarray(from);
  return der(tags.integer, (short[0] ?? 0) > 0x7f ? concat(Uint8Array.of(0), short) : short);
}

/** The elements that stand one after another in `bytes`. Throws where they don't end with it. */
export function elements(bytes: Uint8Array): Der[] {
  const found: Der[] = [];
  for (let at = 0; at < bytes.length; ) {
    const { head, size } = headerAt(bytes, at);
    const end = at + head + size;
    if (end > bytes.length) throw new Error("DER ends in the middle");
    found.push({
      tag: bytes[at] ?? 0,
      body: bytes.subarray(at + head, end),
      whole: bytes.subarray(at, end),
    });
    at = end;
  }
  return found;
}

function headerAt(bytes: Uint8Array, at: number): { head: number; size: number } {
  const first = bytes[at + 1] ?? 0x80;
  if (first < 0x80) return { head: 2, size: first };
  const count = first & 0x7f;
  if (count === 0 || count > 4) throw new Error("a length that DER does not have");
  let size = 0;
  for (const byte of bytes.subarray(at + 2, at + 2 + count)) size = size * 256 + byte;
  return { head: 2 + count, size };
}
