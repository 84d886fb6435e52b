/** The square of modules: fixed patterns, and the zigzag in which codewords fill the rest (ISO/IEC 18004 §6.3, §7.7). */
import type { Version } from "./tables.ts";

export class Matrix {
  readonly size: number;
  private readonly modules: Uint8Array;
  /** Modules of fixed patterns: no data, no mask. */
  private readonly fixed: Uint8Array;

  constructor(size: number, modules?: Uint8Array, fixed?: Uint8Array) {
    this.size = size;
    this.modules = modules ?? new Uint8Array(size * size);
    this.fixed = fixed ?? new Uint8Array(size * size);
  }

  dark(x: number, y: number): boolean {
    return this.modules[y * this.size + x] === 1;
  }

  /** Outside the square it does nothing: patterns at its edge are cut by it. */
  fix(x: number, y: number, dark: boolean): void {
    if (x < 0 || y < 0 || x >= this.size || y >= this.size) return;
    this.modules[y * this.size + x] = dark ? 1 : 0;
    this.fixed[y * this.size + x] = 1;
  }

  isFixed(x: number, y: number): boolean {
    return this.fixed[y * this.size + x] === 1;
  }

  set(x: number, y: number, dark: boolean): void {
    this.modules[y * this.size + x] = dark ? 1 : 0;
  }

  copy(): Matrix {
    return new Matrix(this.size, this.modules.slice(), this.fixed);
  }
}

/** Everything that is the same for all contents; the places of format bits are kept free. */
export function patterns(version: Version): Matrix {
  const matrix = new Matrix(version.size);
  const far = version.size - 4;
  for (let i = 0; i < version.size; i++) {
    matrix.fix(6, i, i % 2 === 0); // timing
    matrix.fix(i, 6, i % 2 === 0);
  }
  for (const [x, y] of [
    [3, 3],
    [far, 3],
    [3, far],
  ] as const)
    rings(matrix, x, y, 4, [2, 4]); // finders, with separators
  for (const [x, y] of alignments(version)) rings(matrix, x, y, 2, [1]);
  drawFormat(matrix, 0);
  if (version.number >= 7) drawVersion(matrix, version.number);
  return matrix;
}

/** Concentric squares around a centre; `light` lists the radii that are not dark. */
function rings(matrix: Matrix, x: number, y: number, radius: number, light: readonly number[]): void {
  for (let dy = -radius; dy <= radius; dy++) {
    for (let dx = -radius; dx <= radius; dx++) {
      matrix.fix(x + dx, y + dy, !light.includes(Math.max(Math.abs(dx), Math.abs(dy))));
    }
  }
}

/** Every pair of coordinates but the three where a finder stands. */
function alignments({ alignment }: Version): [number, number][] {
  const last = alignment.at(-1);
  const taken = (x: number, y: number) => (x === 6 && (y === 6 || y === last)) || (x === last && y === 6);
  return alignment.flatMap((x) => alignment.flatMap((y): [number, number][] => (taken(x, y) ? [] : [[x, y]])));
}

/** Level M is 00; then the mask's number; BCH(15,5), masked so that it is never all light (§7.9). */
export function drawFormat(matrix: Matrix, mask: number): void {
  const bits = ((mask << 10) | bch(mask, 10, 0x537)) ^ 0x5412;
  const { size } = matrix;
  for (let i = 0; i < 15; i++) {
    const dark = ((bits >> i) & 1) === 1;
    // around the upper left finder, stepping over the timing pattern
    if (i < 8) matrix.fix(8, i < 6 ? i : i + 1, dark);
    else matrix.fix(i === 8 ? 7 : 14 - i, 8, dark);
    // along the two others
    if (i < 8) matrix.fix(size - 1 - i, 8, dark);
    else matrix.fix(8, size - 15 + i, dark);
  }
  matrix.fix(8, size - 8, true);
}

/** BCH(18,6), twice (§7.10). */
function drawVersion(matrix: Matrix, version: number): void {
  const bits = (version << 12) | bch(version, 12, 0x1f25);
  for (let i = 0; i < 18; i++) {
    const dark = ((bits >> i) & 1) === 1;
    const along = matrix.size - 11 + (i % 3);
    const across = Math.floor(i / 3);
    matrix.fix(along, across, dark);
    matrix.fix(across, along, dark);
  }
}

/** Remainder of value · x^degree by the generator, over GF(2). */
function bch(value: number, degree: number, generator: number): number {
  let remainder = value << degree;
  while (remainder >> degree !== 0) remainder ^= generator << (Math.clz32(generator) - Math.clz32(remainder));
  return remainder;
}

/** Two columns at a time from the right, up and down in turn, past the timing column. */
export function place(matrix: Matrix, codewords: Uint8Array): void {
  let at = 0;
  for (const [x, y] of zigzag(matrix.size)) {
    if (matrix.isFixed(x, y)) continue;
    // the few bits left over at the end stay light
    matrix.set(x, y, (((codewords[at >> 3] ?? 0) >> (7 - (at & 7))) & 1) === 1);
    at++;
  }
}

function* zigzag(size: number): Generator<readonly [number, number]> {
  let up = true;
  for (let right = size - 1; right > 0; right -= 2, up = !up) {
    if (right === 6) right = 5;
    for (let i = 0; i < size; i++) {
      const y = up ? size - 1 - i : i;
      yield [right, y];
      yield [right - 1, y];
    }
  }
}
