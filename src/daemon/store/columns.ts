/**
 * Columns of many messages at once. The database joins the values of a column end to end by itself and hands over one block of bytes
 * and one list of lengths, so that ten thousand envelopes cost no ten thousand buffers.
 */

import type { Database, Value } from "../sqlite/database.ts";
import { sectionBytes } from "./bodies.ts";
import { Body, type BodyRow } from "./body.ts";
import { FieldNames, selectFields } from "./mime/select.ts";
import type { Packed, Section } from "./types.ts";

/** Messages by number, in the order of the values that are wanted; may repeat. */
export class Columns {
  readonly #db: Database;
  readonly #messages: readonly number[];
  readonly #run: Run | null;

  constructor(db: Database, messages: readonly number[]) {
    this.#db = db;
    this.#messages = messages;
    this.#run = runOf(messages);
  }

  envelopes(): Packed {
    return this.#packed("envelope", "message", "bytes");
  }

  structures(): Packed {
    return this.#packed("structure", "message", "extended");
  }

  basicStructures(): Packed {
    return this.#packed("structure", "message", "basic");
  }

  previews(): Packed {
    return this.#packed("message", "id", "preview");
  }

  /** 0: its own. */
  threads(): number[] {
    return this.#db.column<number>(
      "SELECT m.thread FROM json_each(?) j CROSS JOIN message m ON m.id = j.value",
      JSON.stringify(this.#messages),
    );
  }

  /** HEADER.FIELDS of names that are all in the brief. */
  briefFields(section: Section): Packed {
    const [block, lengths] = this.#briefs();
    const fallback = lengths.map((length, i) =>
      length < 0 ? headerFields(this.#db, this.#messages[i] ?? 0, section) : none,
    );
    const room = Buffer.allocUnsafeSlow(
      block.length + 2 * lengths.length + fallback.reduce((sum, { length }) => sum + length, 0),
    );
    const names = new FieldNames(section.fields ?? []);
    const ends = new Uint32Array(lengths.length);
    let from = 0;
    let at = 0;
    for (const [i, length] of lengths.entries()) {
      if (length < 0) {
        const bytes = fallback[i] ?? none;
        room.set(bytes, at);
        at += bytes.length;
      } else {
        at = selectFields(block, from, from + length, names, true, room, at);
        from += length;
      }
      ends[i] = at;
    }
    return { bytes: new Uint8Array(room.subarray(0, at)), ends };
  }

  #packed(table: string, key: string, column: string): Packed {
    const [block, lengths] = this.#run
      ? this.#read(columnIn(table, key, column), ...this.#run)
      : this.#read(columnOf(table, key, column), JSON.stringify(this.#messages));
    if (lengths.length !== this.#messages.length) throw new Error("an entry without its message");
    const ends = new Uint32Array(lengths.length);
    let end = 0;
    for (let i = 0; i < lengths.length; i++) {
      end += lengths[i] as number;
      ends[i] = end;
    }
    // SQLite's own buffers can't be transferred.
    return { bytes: new Uint8Array(block), ends };
  }

  #briefs(): [block: Uint8Array, lengths: number[]] {
    const inRun = this.#run && this.#read(briefsIn, ...this.#run);
    // Some have none yet.
    if (inRun?.[1].length === this.#messages.length) return inRun;
    return this.#read(briefs, JSON.stringify(this.#messages));
  }

  #read(statement: string, ...values: Value[]): [block: Uint8Array, lengths: number[]] {
    const [row] = this.#db.tuples<[Uint8Array | null, string | null]>(statement, ...values);
    return [row?.[0] ?? none, JSON.parse(`[${row?.[1] ?? ""}]`) as number[]];
  }
}

export type Run = [first: number, last: number];

/** Messages that came one after another lie one after another: passing over them costs a tenth of looking each of them up. */
export function runOf(messages: readonly number[]): Run | null {
  const [first] = messages;
  if (first === undefined) return null;
  for (let i = 1; i < messages.length; i++) if (messages[i] !== first + i) return null;
  return [first, first + messages.length - 1];
}

const none = new Uint8Array(0);

function joined(column: string): string {
  return `SELECT CAST(group_concat(CAST(t.${column} AS BLOB), '') AS BLOB), group_concat(octet_length(t.${column}))`;
}

function columnOf(table: string, key: string, column: string): string {
  return `${joined(column)} FROM json_each(?) j CROSS JOIN ${table} t ON t.${key} = j.value`;
}

function columnIn(table: string, key: string, column: string): string {
  return `${joined(column)} FROM ${table} t WHERE t.${key} BETWEEN ? AND ?`;
}

// -1: none, the header itself must be read.
const joinedBriefs = `SELECT CAST(group_concat(b.fields, '') AS BLOB), group_concat(coalesce(octet_length(b.fields), -1))`;
const briefs = `${joinedBriefs} FROM json_each(?) j LEFT JOIN brief b ON b.message = j.value`;
const briefsIn = `${joinedBriefs} FROM brief b WHERE b.message BETWEEN ? AND ?`;

function headerFields(db: Database, message: number, section: Section): Uint8Array {
  const row = db.get<Omit<BodyRow, "message">>(
    "SELECT size, header_size AS headerSize, parts, stretches FROM message WHERE id = ?",
    message,
  );
  if (!row) throw new Error("an entry without its message");
  const bytes = sectionBytes(new Body(db, { message, ...row }), section);
  return bytes instanceof Uint8Array ? bytes : none;
}
