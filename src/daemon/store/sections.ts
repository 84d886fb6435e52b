/**
 * Sections of many messages, read together: their header and the first piece of their body come as one block of bytes, in which the
 * text of most messages stands whole, so that a folder's worth of BODY[] is handed on without being cut up and joined again.
 */
import type { Database } from "../sqlite/database.ts";
import { sectionBytes } from "./bodies.ts";
import { Body, type ChunkTuple } from "./body.ts";
import { chunkRoom } from "./chunks.ts";
import { Columns, runOf } from "./columns.ts";
import { isInBrief } from "./mime/brief.ts";
import { Packer } from "./packing.ts";
import type { Packed, Section } from "./types.ts";

type Messages = { messages: readonly number[]; sizes: Uint32Array };

export function readsBody({ part, what }: Section): boolean {
  return part.length > 0 || (what !== "header" && what !== "fields" && what !== "fields-not");
}

/** Can it be answered from what is kept of each header? */
export function isBrief({ part, what, fields, partial }: Section): boolean {
  return part.length === 0 && what === "fields" && partial === undefined && isInBrief(fields ?? []);
}

function isWhole({ part, what, partial }: Section): boolean {
  return part.length === 0 && what === "all" && partial === undefined;
}

export function sectionsOf(db: Database, of: Messages, sections: readonly Section[]): readonly Packed[] {
  const read = sections.filter((section) => !isBrief(section));
  const columns = new Columns(db, of.messages);
  if (read.length === 0) return sections.map((section) => columns.briefFields(section));
  const pieces = firstPieces(db, of.messages, read.some(readsBody) ? 1 : 0);
  const [only] = read;
  if (only && sections.length === 1 && isWhole(only)) return [asTheyStand(pieces, of.sizes) ?? wholes(db, of, pieces)];
  const packers = new Map(read.map((section) => [section, new Packer()]));
  for (const body of bodiesOf(db, of.messages, pieces)) {
    for (const [section, packer] of packers) packer.push(sectionBytes(body, section));
  }
  return sections.map((section) => packers.get(section)?.done() ?? columns.briefFields(section));
}

/** `rows`: four numbers a piece: whose (by place in the list), which one, its codec, its length. */
type Pieces = { block: Uint8Array; rows: readonly number[] };

/** Headers, and with `last` 1 the first piece of each body. */
function firstPieces(db: Database, messages: readonly number[], last: 0 | 1): Pieces {
  const run = runOf(messages);
  const [row] = run
    ? db.tuples<PiecesTuple>(
        `${piecesBy(`b.id / ${chunkRoom} - ?`)} FROM body b WHERE b.id BETWEEN ? AND ? AND b.id % ${chunkRoom} <= ${last}`,
        run[0],
        run[0] * chunkRoom,
        run[1] * chunkRoom + last,
      )
    : db.tuples<PiecesTuple>(
        `${piecesBy("j.key")} FROM json_each(?) j
         CROSS JOIN body b ON b.id BETWEEN j.value * ${chunkRoom} AND j.value * ${chunkRoom} + ${last}`,
        JSON.stringify(messages),
      );
  return { block: row?.[0] ?? new Uint8Array(0), rows: JSON.parse(`[${row?.[1] ?? ""}]`) as number[] };
}

type PiecesTuple = [Uint8Array | null, string | null];

function piecesBy(place: string): string {
  const facts = [place, `b.id % ${chunkRoom}`, "b.codec", "octet_length(b.bytes)"].map((fact) => `(${fact})`);
  return `SELECT CAST(group_concat(b.bytes, '') AS BLOB), group_concat(${facts.join(" || ',' || ")})`;
}

/** The block itself, where it is nothing but these messages, each of them whole. */
function asTheyStand({ block, rows }: Pieces, sizes: Uint32Array): Packed | null {
  const ends = new Uint32Array(sizes.length);
  let end = 0;
  for (let i = 0; i < rows.length; i += 4) {
    if (rows[i + 2] !== 0) return null;
    end += rows[i + 3] as number;
    ends[rows[i] as number] = end;
  }
  for (let i = 0, from = 0; i < ends.length; i++) {
    if ((ends[i] as number) - from !== sizes[i]) return null;
    from = ends[i] as number;
  }
  // SQLite's own buffers can't be transferred.
  return { bytes: new Uint8Array(block), ends };
}

/** Each message written to its place in one block. */
function wholes(db: Database, { messages, sizes }: Messages, pieces: Pieces): Packed {
  const ends = new Uint32Array(sizes.length);
  let end = 0;
  for (let i = 0; i < sizes.length; i++) {
    end += sizes[i] as number;
    ends[i] = end;
  }
  const bytes = Buffer.allocUnsafeSlow(end);
  let at = 0;
  for (const body of bodiesOf(db, messages, pieces)) {
    body.copy(0, body.size, bytes, at);
    at += body.size;
  }
  return { bytes, ends };
}

type DetailTuple = [size: number, headerSize: number, parts: string, stretches: string | null];

function* bodiesOf(db: Database, messages: readonly number[], { block, rows }: Pieces): Generator<Body> {
  const details = db.tuples<DetailTuple>(
    "SELECT m.size, m.header_size, m.parts, m.stretches FROM json_each(?) j CROSS JOIN message m ON m.id = j.value",
    JSON.stringify(messages),
  );
  if (details.length !== messages.length) throw new Error("an entry without its message");
  let at = 0;
  let from = 0;
  for (const [i, [size, headerSize, parts, stretches]] of details.entries()) {
    const chunks: ChunkTuple[] = [];
    for (; rows[at] === i; at += 4) {
      const to = from + (rows[at + 3] as number);
      chunks.push([rows[at + 1] as number, rows[at + 2] as number, block.subarray(from, to)]);
      from = to;
    }
    yield new Body(db, { message: messages[i] ?? 0, size, headerSize, parts, stretches }, chunks);
  }
}
