/**
 * Bloom filters over words: never wrong about one that is in it. Of others the short ones are taken for one about once in 3,000, the
 * long ones about once in ten million: a random password of 16 characters has no short piece that matters, and several long ones.
 */

export const shortest = 4;
export const longest = 24;
const longFrom = 9;

/** 17 bits for each of 46,000 words, and 37 for each of 3,500. */
const shapes = { short: { bytes: 100_000, hashes: 11 }, long: { bytes: 16_384, hashes: 24 } } as const;
export const filterBytes = shapes.short.bytes + shapes.long.bytes;

/** Bit positions of a word (Kirsch and Mitzenmacher: two hashes make all of them). */
export function hashesOf(word: string): number[] {
  const { bytes, hashes } = word.length < longFrom ? shapes.short : shapes.long;
  const first = word.length < longFrom ? 0 : shapes.short.bytes * 8;
  const one = fnv(word, 0x811c9dc5);
  const two = fnv(word, 0x01000193) | 1;
  return Array.from({ length: hashes }, (_, i) => first + (((one + Math.imul(i, two)) >>> 0) % (bytes * 8)));
}

export function mayHold(filter: Uint8Array, word: string): boolean {
  return hashesOf(word).every((at) => ((filter[at >> 3] ?? 0) & (1 << (at & 7))) !== 0);
}

/** FNV-1a over UTF-16 units, from a start of its own, with a last mix. */
function fnv(word: string, start: number): number {
  let hash = start;
  for (let i = 0; i < word.length; i++) hash = Math.imul(hash ^ word.charCodeAt(i), 0x01000193);
  hash = Math.imul(hash ^ (hash >>> 15), 0x2c1b3c6d);
  return (hash ^ (hash >>> 13)) >>> 0;
}
