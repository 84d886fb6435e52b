/** Vectors that are published elsewhere, and one whole symbol; `test/peers/client-setup.test.ts` has strangers read them. */
import { describe, expect, test } from "vitest";
import { masked } from "../../../src/core/client-setup/qr/mask.ts";
import { type Matrix, patterns } from "../../../src/core/client-setup/qr/matrix.ts";
import { qrCode, qrSvg } from "../../../src/core/client-setup/qr/qr.ts";
import { correctionOf } from "../../../src/core/client-setup/qr/reed-solomon.ts";
import { versionFor } from "../../../src/core/client-setup/qr/tables.ts";

const rows = (matrix: Matrix) =>
  Array.from({ length: matrix.size }, (_, y) =>
    Array.from({ length: matrix.size }, (_, x) => (matrix.dark(x, y) ? "#" : ".")).join(""),
  );

test("Reed–Solomon: the worked example of ISO/IEC 18004 annex I (01234567, version 1-M)", () => {
  const data = Uint8Array.of(
    0x10,
    0x20,
    0x0c,
    0x56,
    0x61,
    0x80,
    0xec,
    0x11,
    0xec,
    0x11,
    0xec,
    0x11,
    0xec,
    0x11,
    0xec,
    0x11,
  );
  const correction = [0xa5, 0x24, 0xd4, 0xc1, 0xed, 0x36, 0xc7, 0x87, 0x2c, 0x55];
  expect([...correctionOf(data, 10)]).toEqual(correction);
});

describe("format and version information (ISO/IEC 18004 annexes C and D)", () => {
  const version1 = versionFor(1);
  if (version1 === null) throw new Error("no version 1");
  // level M, masks 0 to 7, most significant bit first
  test.each([
    "101010000010010",
    "101000100100101",
    "101111001111100",
    "101101101001011",
    "100010111111001",
    "100000011001110",
    "100111110010111",
    "100101010100000",
  ])("level M: %s", (bits) => {
    const found = Array.from({ length: 8 }, (_, mask) => {
      const symbol = rows(masked(patterns(version1), mask));
      const corner = `${symbol[8]?.slice(0, 6)}${symbol[8]?.slice(7, 9)}${symbol[7]?.[8]}${[5, 4, 3, 2, 1, 0].map((y) => symbol[y]?.[8]).join("")}`;
      const edges = `${[20, 19, 18, 17, 16, 15, 14].map((y) => symbol[y]?.[8]).join("")}${symbol[8]?.slice(13)}`;
      return corner === edges ? corner.replaceAll("#", "1").replaceAll(".", "0") : "differ";
    });
    expect(found).toContain(bits);
  });

  test("version 7 is 000111110010010100", () => {
    const version = versionFor(122);
    if (version === null) throw new Error("no version");
    const symbol = rows(patterns(version));
    const bits = Array.from({ length: 18 }, (_, i) => symbol[Math.floor(i / 3)]?.[version.size - 11 + (i % 3)]);
    expect(version.number).toBe(7);
    expect(bits.reverse().join("").replaceAll("#", "1").replaceAll(".", "0")).toBe("000111110010010100");
  });
});

test("capacities at level M (ISO/IEC 18004 table 7)", () => {
  const capacities = [14, 26, 42, 62, 84, 106, 122, 152, 180, 213, 251, 287, 331, 362, 412];
  expect(capacities.map((bytes) => versionFor(bytes)?.number)).toEqual(capacities.map((_, i) => i + 1));
  expect(capacities.slice(0, -1).map((bytes) => versionFor(bytes + 1)?.number)).toEqual(
    capacities.slice(1).map((_, i) => i + 2),
  );
  expect(qrCode("x".repeat(413))).toBeNull();
  expect(qrCode("ü".repeat(207))).toBeNull();
});

test("a whole symbol stays as it is", () => {
  const symbol = qrCode("postern");
  expect(symbol && rows(symbol)).toEqual([
    "#######...#.#.#######",
    "#.....#..###..#.....#",
    "#.###.#.####..#.###.#",
    "#.###.#.#####.#.###.#",
    "#.###.#.##..#.#.###.#",
    "#.....#.####..#.....#",
    "#######.#.#.#.#######",
    "........###..........",
    "#.#####....#..#####..",
    "#.###...#..#####.#..#",
    ".#.#####.##.#.##.#.#.",
    "..#.##.##.#########..",
    "#.##..#.##..#...##...",
    "........#...#..##.###",
    "#######..#.#.#...#.#.",
    "#.....#.###....######",
    "#.###.#.####.#.#.#.#.",
    "#.###.#.##.####.###..",
    "#.###.#.###.#.#...#..",
    "#.....#..#.####..##..",
    "#######.#...#......#.",
  ]);
});

test("the drawing has a border, and its label can't break out", () => {
  const symbol = qrCode("x");
  if (symbol === null) throw new Error("no symbol");
  const svg = qrSvg(symbol, "</title><script>");
  expect(svg).toContain('viewBox="0 0 29 29"');
  expect(svg).toContain("<title>&lt;/title&gt;&lt;script&gt;</title>");
  expect(svg).toContain('d="M4 4h7v1h-7z');
});
