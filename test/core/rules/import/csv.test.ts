import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { csvBounds, plainCell, readCsv, writeCsv } from "../../../../src/core/rules/import/csv.ts";

const cells = (text: string) => {
  const csv = readCsv(text);
  return csv.ok ? csv.rows.map((row) => row.cells) : csv.text;
};

describe("CSV", () => {
  it.each([
    [
      "a,b\r\nc,d\r\n",
      [
        ["a", "b"],
        ["c", "d"],
      ],
    ],
    [
      "a,b\nc,d",
      [
        ["a", "b"],
        ["c", "d"],
      ],
    ],
    [
      "a,b\rc,d",
      [
        ["a", "b"],
        ["c", "d"],
      ],
    ],
    ['"a,b","say ""hi""","two\r\nlines",""', [["a,b", 'say "hi"', "two\r\nlines", ""]]],
    [
      "\ufeffa;b\r\nc;d,e",
      [
        ["a", "b"],
        ["c", "d,e"],
      ],
    ],
    [
      "a\tb\r\nc\td",
      [
        ["a", "b"],
        ["c", "d"],
      ],
    ],
    [
      "a,b,\r\n,,\r\n\r\n",
      [
        ["a", "b", ""],
        ["", "", ""],
      ],
    ],
    ['a"b,c', [['a"b', "c"]]],
    ["", []],
  ])("reads %j", (text, rows) => expect(cells(text)).toEqual(rows));

  it.each([
    ['"a', "A quote is not closed."],
    ['a,b\r\n"c"d,e', "There is text behind a closing quote."],
    [",".repeat(64), "There are more than 64 columns."],
    ["a".repeat(csvBounds.cell + 1), `A cell is longer than ${csvBounds.cell} characters.`],
  ])("refuses %#", (text, problem) => expect(cells(text)).toBe(problem));

  it("knows the line of a row and of a mistake, across quoted line ends", () => {
    const csv = readCsv('a,b\r\n"x\r\ny\nz",1\r\nc,d');
    expect(csv.ok && csv.rows.map((row) => row.line)).toEqual([1, 2, 5]);
    expect(readCsv('a\n"x\ny"\n"z')).toMatchObject({ ok: false, line: 4 });
  });

  it("reads back what it writes, whatever that is", () => {
    const cell = fc.oneof(fc.string({ unit: "grapheme" }), fc.stringMatching(/^['=+\-@\t\r\n",;a ]{0,8}$/));
    const rows = fc.array(fc.array(cell, { minLength: 2, maxLength: 5 }), { minLength: 1, maxLength: 5 });
    fc.assert(
      fc.property(rows, (table) => {
        // A heading says what separates.
        const written = writeCsv([["a", "b", "c"], ...table]);
        const read = readCsv(written);
        expect(read.ok && read.rows.slice(1).map((row) => row.cells.map(plainCell))).toEqual(table);
        for (const row of read.ok ? read.rows : [])
          for (const one of row.cells) expect(one).not.toMatch(/^[=+\-@\t\r]/);
      }),
      { numRuns: 2000 },
    );
  });

  it("never throws and stays linear", () => {
    fc.assert(fc.property(fc.string({ unit: "binary" }), (text) => void readCsv(text)));
    fc.assert(fc.property(fc.stringMatching(/^[",\r\n;\ta]*$/), (text) => void readCsv(text)));
    const before = Date.now();
    for (const piece of ['"', '""', ',"', "\n", '"\n', "a\r"]) readCsv(piece.repeat(200_000));
    expect(Date.now() - before).toBeLessThan(5000);
  });
});
