/**
 * CSV as RFC 4180 has it, read with the forgiveness that spreadsheets need (bare LF, a byte-order mark, semicolons or tabs
 * between cells) and written strictly. Bounded, linear, never throws. A cell that a spreadsheet would run as a formula is
 * written behind an apostrophe (OWASP, "CSV injection"), which `plainCell` takes away again.
 */
import { bounds } from "./definition.ts";

export type Row = {
  /** Line that the row begins on, from 1. */
  line: number;
  cells: string[];
};
export type Csv = { ok: true; rows: Row[] } | { ok: false; line: number; text: string };

export const csvBounds = { rows: bounds.aliases + 1, cells: 64, cell: 16 * 1024 } as const;

/** Empty lines are left out. */
export function readCsv(text: string): Csv {
  if (text.length > bounds.text)
    return { ok: false, line: 1, text: `The file is longer than ${bounds.text} characters.` };
  const source = text.replace(/^\ufeff/, "");
  return new Reader(source, separatorOf(source)).rows();
}

/** Of the first line: whichever separator it holds most of, outside quotes. */
function separatorOf(text: string): string {
  const end = text.search(/[\r\n]/);
  const head = (end < 0 ? text : text.slice(0, end)).replace(/"[^"]*"/g, "");
  const counts = [",", ";", "\t"].map((mark) => ({ mark, count: head.split(mark).length }));
  return counts.reduce((best, one) => (one.count > best.count ? one : best)).mark;
}

class Broken extends Error {}

class Reader {
  readonly #text: string;
  readonly #separator: string;
  #at = 0;
  #line = 1;

  constructor(text: string, separator: string) {
    this.#text = text;
    this.#separator = separator;
  }

  rows(): Csv {
    const rows: Row[] = [];
    try {
      while (this.#at < this.#text.length) {
        const row = this.#row();
        if (row.cells.length > 1 || row.cells[0] !== "") rows.push(row);
        if (rows.length > csvBounds.rows) throw new Broken(`There are more than ${csvBounds.rows} lines.`);
      }
      return { ok: true, rows };
    } catch (error) {
      if (error instanceof Broken) return { ok: false, line: this.#line, text: error.message };
      throw error;
    }
  }

  #row(): Row {
    const row: Row = { line: this.#line, cells: [this.#cell()] };
    while (this.#text.charAt(this.#at) === this.#separator) {
      this.#at++;
      row.cells.push(this.#cell());
      if (row.cells.length > csvBounds.cells) throw new Broken(`There are more than ${csvBounds.cells} columns.`);
    }
    this.#newline();
    return row;
  }

  #newline(): void {
    if (this.#at >= this.#text.length) return;
    const mark = /\r\n|\r|\n/y;
    mark.lastIndex = this.#at;
    const found = mark.exec(this.#text);
    if (found === null) throw new Broken("There is text behind a closing quote.");
    this.#at += found[0].length;
    this.#line++;
  }

  #cell(): string {
    const cell = this.#text.charAt(this.#at) === '"' ? this.#quoted() : this.#bare();
    if (cell.length > csvBounds.cell) throw new Broken(`A cell is longer than ${csvBounds.cell} characters.`);
    return cell;
  }

  #bare(): string {
    const start = this.#at;
    for (; this.#at < this.#text.length; this.#at++) {
      const char = this.#text.charAt(this.#at);
      if (char === this.#separator || char === "\r" || char === "\n") break;
    }
    return this.#text.slice(start, this.#at);
  }

  /** `""` inside stands for one quote; line ends inside are text. */
  #quoted(): string {
    const pieces: string[] = [];
    for (;;) {
      const end = this.#text.indexOf('"', this.#at + 1);
      if (end < 0) throw new Broken("A quote is not closed.");
      const piece = this.#text.slice(this.#at + 1, end);
      this.#line += piece.split(/\r\n|\r|\n/).length - 1;
      this.#at = end + 1;
      pieces.push(piece);
      if (this.#text.charAt(this.#at) !== '"') return pieces.join('"');
    }
  }
}

/** Lines end in CRLF, the last one too. */
export function writeCsv(rows: readonly (readonly string[])[]): string {
  return rows.map((cells) => `${cells.map(writeCell).join(",")}\r\n`).join("");
}

function writeCell(text: string): string {
  const safe = isFormula(text) ? `'${text}` : text;
  return /[",;\t\r\n]|^\s|\s$/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}

/** A cell of our own writing as it was meant. Others' cells are read as they are. */
export function plainCell(text: string): string {
  return text.startsWith("'") && isFormula(text) ? text.slice(1) : text;
}

// With any number of apostrophes before it, so that writing and reading are each other's inverse.
function isFormula(text: string): boolean {
  return /^'*[=+\-@\t\r]/.test(text);
}
