/** A Bloom filter over words: never wrong about one that is in it, about one in 2,000 of the others. */

/** 16 bits for each of 50,000 words, 11 hashes. */
export const shape = { bytes: 100_000, hashes: 11, shortest: 4, longest: 24 } as const;

/** Bit positions of a word (Kirsch and Mitzenmacher: two hashes make all of them). */
export function hashesOf(word: string): number[] {
  const one = fnv(word, 0x811c9dc5);
  const two = fnv(word, 0x01000193) | 1;
  const bits = shape.bytes * 8;
  return Array.from({ length: shape.hashes }, (_, i) => ((one + Math.imul(i, two)) >>> 0) % bits);
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
