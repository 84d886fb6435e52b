/** Filed bytes: a message's bytes by range, and the ranges that an IMAP section names. RFC 9051 §6.4.5. */
import type { Database } from "../sqlite/database.ts";
import { chunkRoom } from "./filing.ts";
import { locate, type PartMap } from "./mime/map.ts";
import { FieldNames, selectFields } from "./mime/select.ts";
import { decodeTransfer } from "./mime/transfer.ts";
import { bodyChunk, unpackChunk } from "./prepare.ts";
import type { Section } from "./types.ts";

const none = new Uint8Array(0);

/** One message's bytes while a section or a search looks at them; chunks are read when first needed. */
export class Body {
  readonly size: number;
  readonly headerSize: number;
  readonly #db: Database;
  readonly #message: number;
  readonly #parts: string;
  #map: PartMap | undefined;
  readonly #packed = new Map<number, [codec: number, bytes: Uint8Array]>();
  readonly #chunks = new Map<number, Uint8Array>();

  /** `chunks`: those read already. */
  constructor(
    db: Database,
    row: { message: number; size: number; headerSize: number; parts: string },
    chunks: readonly ChunkTuple[] = [],
  ) {
    this.#db = db;
    for (const [number, codec, bytes] of chunks) this.#packed.set(number, [codec, bytes]);
    this.#message = row.message;
    this.size = row.size;
    this.headerSize = row.headerSize;
    this.#parts = row.parts;
  }

  get map(): PartMap {
    this.#map ??= JSON.parse(this.#parts) as PartMap;
    return this.#map;
  }

  /** Bytes from `start` to before `end`, both within the message. */
  range(start: number, end: number): Uint8Array {
    if (end <= start) return none;
    const first = this.#chunkAt(start);
    const last = this.#chunkAt(end - 1);
    if (first === last) return this.#chunk(first).subarray(start - this.#startOf(first), end - this.#startOf(first));
    const out = new Uint8Array(end - start);
    for (let number = first; number <= last; number++) {
      const from = this.#startOf(number);
      const piece = this.#chunk(number).subarray(Math.max(0, start - from), end - from);
      out.set(piece, Math.max(0, from - start));
      if (number < last) this.#chunks.delete(number);
    }
    return out;
  }

  whole(): Uint8Array {
    return this.range(0, this.size);
  }

  #chunkAt(at: number): number {
    return at < this.headerSize ? 0 : 1 + Math.floor((at - this.headerSize) / bodyChunk);
  }

  #startOf(number: number): number {
    return number === 0 ? 0 : this.headerSize + (number - 1) * bodyChunk;
  }

  #chunk(number: number): Uint8Array {
    const had = this.#chunks.get(number);
    if (had) return had;
    const row = this.#packed.get(number) ?? this.#read(number);
    if (!row) throw new Error("a chunk of a message is missing");
    const bytes = unpackChunk(...row);
    this.#chunks.set(number, bytes);
    return bytes;
  }

  #read(number: number): [number, Uint8Array] | undefined {
    return this.#db.tuples<[number, Uint8Array]>(
      "SELECT codec, bytes FROM body WHERE id = ?",
      this.#message * chunkRoom + number,
    )[0];
  }
}

export type ChunkTuple = [number: number, codec: number, bytes: Uint8Array];

/** null: no such section. */
export function sectionBytes(body: Body, section: Section): Uint8Array | null | "undecodable" {
  const { partial } = section;
  const range = rangeOf(body, section);
  if (range === null) return null;
  if (section.what === "fields" || section.what === "fields-not") {
    return cut(fieldsOf(body.range(...range), section), partial);
  }
  if (section.what === "binary") {
    const part = locate(body.map, section.part);
    const decoded = part && decodeTransfer(body.range(...range), part[3]);
    return decoded ? cut(decoded, partial) : "undecodable";
  }
  const [start, end] = range;
  if (!partial) return body.range(start, end);
  const from = Math.min(end, start + partial.origin);
  return body.range(from, Math.min(end, from + partial.count));
}

type Range = [start: number, end: number];

function rangeOf(body: Body, { part, what }: Section): Range | null {
  if (part.length === 0) return wholeMessage(body, what);
  const found = locate(body.map, part);
  if (!found) return null;
  const [start, bodyStart, end, , , , , inner] = found;
  switch (what) {
    case "all":
    case "binary":
      return [bodyStart, end];
    case "mime":
      return [start, bodyStart];
    // HEADER and TEXT of a part: only of a message within the message.
    case "text":
      return inner && [inner[1], inner[2]];
    default:
      return inner && [inner[0], inner[1]];
  }
}

function wholeMessage(body: Body, what: Section["what"]): Range | null {
  switch (what) {
    case "all":
    case "binary":
      return [0, body.size];
    case "text":
      return [body.headerSize, body.size];
    case "mime":
      return null;
    default:
      return [0, body.headerSize];
  }
}

/** HEADER.FIELDS: the fields as they stand, in their order, then the empty line. */
function fieldsOf(header: Uint8Array, { fields, what }: Section): Uint8Array {
  const room = new Uint8Array(header.length + 2);
  return room.subarray(
    0,
    selectFields(header, 0, header.length, new FieldNames(fields ?? []), what === "fields", room, 0),
  );
}

function cut(bytes: Uint8Array, partial: Section["partial"]): Uint8Array {
  return partial ? bytes.subarray(partial.origin, partial.origin + partial.count) : bytes;
}
