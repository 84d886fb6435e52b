/** Of eight masks the one whose symbol is easiest to read (ISO/IEC 18004 §7.8). */
import { drawFormat, type Matrix } from "./matrix.ts";

/** A data module is inverted where its mask answers true. x is the column, y the row. */
const masks: readonly ((x: number, y: number) => boolean)[] = [
  (x, y) => (x + y) % 2 === 0,
  (_, y) => y % 2 === 0,
  (x) => x % 3 === 0,
  (x, y) => (x + y) % 3 === 0,
  (x, y) => (Math.floor(y / 2) + Math.floor(x / 3)) % 2 === 0,
  (x, y) => ((x * y) % 2) + ((x * y) % 3) === 0,
  (x, y) => (((x * y) % 2) + ((x * y) % 3)) % 2 === 0,
  (x, y) => (((x + y) % 2) + ((x * y) % 3)) % 2 === 0,
];

export function maskBest(matrix: Matrix): Matrix {
  const [first, ...others] = masks.map((_, mask) => masked(matrix, mask));
  if (first === undefined) return matrix;
  return others.reduce((best, other) => (penalty(other) < penalty(best) ? other : best), first);
}

export function masked(matrix: Matrix, mask: number): Matrix {
  const inverts = masks[mask] ?? (() => false);
  const result = matrix.copy();
  for (let y = 0; y < matrix.size; y++) {
    for (let x = 0; x < matrix.size; x++) {
      if (!matrix.isFixed(x, y) && inverts(x, y)) result.set(x, y, !matrix.dark(x, y));
    }
  }
  drawFormat(result, mask);
  return result;
}

/** Table 11: long runs, blocks of one colour, what looks like a finder, imbalance. */
function penalty(matrix: Matrix): number {
  const rows = Array.from({ length: matrix.size }, (_, y) => line(matrix.size, (x) => matrix.dark(x, y)));
  const columns = Array.from({ length: matrix.size }, (_, x) => line(matrix.size, (y) => matrix.dark(x, y)));
  const lines = [...rows, ...columns].reduce((sum, text) => sum + runs(text) + finders(text), 0);
  return lines + squares(rows) + imbalance(rows.join(""));
}

function line(size: number, dark: (i: number) => boolean): string {
  return Array.from({ length: size }, (_, i) => (dark(i) ? "1" : "0")).join("");
}

function runs(text: string): number {
  return [...text.matchAll(/0{5,}|1{5,}/g)].reduce((sum, [run]) => sum + run.length - 2, 0);
}

function finders(text: string): number {
  return 40 * [...text.matchAll(/(?=10111010000|00001011101)/g)].length;
}

function squares(rows: readonly string[]): number {
  let count = 0;
  for (const [y, row] of rows.entries()) {
    const above = rows[y - 1] ?? "";
    for (let x = 1; x < above.length; x++) {
      const colour = row[x];
      if (colour === row[x - 1] && colour === above[x] && colour === above[x - 1]) count++;
    }
  }
  return 3 * count;
}

function imbalance(all: string): number {
  const dark = all.replaceAll("0", "").length / all.length;
  return 10 * Math.floor(Math.abs(dark - 0.5) * 20);
}
