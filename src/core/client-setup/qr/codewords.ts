/** From bytes to the codewords of a symbol: byte mode, padding, blocks, interleaving (ISO/IEC 18004 §7.4, §7.5.1, §7.6). */
import { correctionOf } from "./reed-solomon.ts";
import { dataCodewords, lengthBits, type Version } from "./tables.ts";

export function codewordsOf(bytes: Uint8Array, version: Version): Uint8Array {
  const blocks = split(fill(bytes, version), version);
  const corrections = blocks.map((block) => correctionOf(block, version.correction));
  return Uint8Array.from([...interleave(blocks), ...interleave(corrections)]);
}

/** Mode and length, the bytes, a terminator of up to four zero bits, then alternating pad codewords. */
function fill(bytes: Uint8Array, version: Version): Uint8Array {
  const data = new Uint8Array(dataCodewords(version));
  let at = 0;
  const put = (value: number, count: number) => {
    for (let bit = count - 1; bit >= 0; bit--, at++) {
      if ((value >> bit) & 1) data[at >> 3] = (data[at >> 3] ?? 0) | (0x80 >> (at & 7));
    }
  };
  put(0b0100, 4);
  put(bytes.length, lengthBits(version));
  for (const byte of bytes) put(byte, 8);
  at = Math.min(at + 4, data.length * 8);
  for (let i = Math.ceil(at / 8), odd = false; i < data.length; i++, odd = !odd) data[i] = odd ? 0x11 : 0xec;
  return data;
}

/** Blocks as equal as can be, the shorter ones first. */
function split(data: Uint8Array, { blocks }: Version): Uint8Array[] {
  const short = Math.floor(data.length / blocks);
  const firstLonger = blocks - (data.length % blocks);
  return Array.from({ length: blocks }, (_, i) => {
    const from = i * short + Math.max(0, i - firstLonger);
    return data.subarray(from, from + short + (i >= firstLonger ? 1 : 0));
  });
}

function* interleave(blocks: readonly Uint8Array[]): Generator<number> {
  const longest = Math.max(...blocks.map((block) => block.length));
  for (let i = 0; i < longest; i++) {
    for (const block of blocks) if (i < block.length) yield block[i] ?? 0;
  }
}
