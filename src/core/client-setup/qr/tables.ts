/**
 * QR codes of versions 1 to 15 at error correction level M (15 % of the symbol may be unreadable): ISO/IEC 18004 tables 1, 9
 * and E.1. That carries up to 412 bytes, more than any link we show.
 */
export type Version = {
  number: number;
  /** Modules a side. */
  size: number;
  codewords: number;
  /** Error correction codewords of each block. */
  correction: number;
  blocks: number;
  /** Coordinates of alignment pattern centres. */
  alignment: readonly number[];
};

type Row = readonly [codewords: number, correction: number, blocks: number, alignment: readonly number[]];

const rows: readonly Row[] = [
  [26, 10, 1, []],
  [44, 16, 1, [6, 18]],
  [70, 26, 1, [6, 22]],
  [100, 18, 2, [6, 26]],
  [134, 24, 2, [6, 30]],
  [172, 16, 4, [6, 34]],
  [196, 18, 4, [6, 22, 38]],
  [242, 22, 4, [6, 24, 42]],
  [292, 22, 5, [6, 26, 46]],
  [346, 26, 5, [6, 28, 50]],
  [404, 30, 5, [6, 30, 54]],
  [466, 22, 8, [6, 32, 58]],
  [532, 22, 9, [6, 34, 62]],
  [581, 24, 9, [6, 26, 46, 66]],
  [655, 24, 10, [6, 26, 48, 70]],
];

const versions: readonly Version[] = rows.map(([codewords, correction, blocks, alignment], index) => ({
  number: index + 1,
  size: 21 + 4 * index,
  codewords,
  correction,
  blocks,
  alignment,
}));

export function dataCodewords({ codewords, correction, blocks }: Version): number {
  return codewords - correction * blocks;
}

/** Bits of the byte mode's length field (table 3). */
export function lengthBits({ number }: Version): 8 | 16 {
  return number < 10 ? 8 : 16;
}

/** The smallest that carries so many bytes; null when none does. */
export function versionFor(bytes: number): Version | null {
  const fits = (version: Version) => 4 + lengthBits(version) + 8 * bytes <= 8 * dataCodewords(version);
  return versions.find(fits) ?? null;
}
