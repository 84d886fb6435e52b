/**
 * One message's bytes by range, while a section, a search or a check looks at them. Pieces are read when first needed, its own and
 * those it shares; nothing before or behind the range is touched.
 */
import type { Database } from "../sqlite/database.ts";
import { bodyChunk, chunkRoom, unpackChunk } from "./chunks.ts";
import { Bytes, type Window } from "./mime/bytes.ts";
import type { PartMap } from "./mime/map.ts";
import { placedIn } from "./shared.ts";

const none = new Uint8Array(0);

export type ChunkTuple = [number: number, codec: number, bytes: Uint8Array];

export type BodyRow = { message: number; size: number; headerSize: number; parts: string; stretches: string | null };

/** A run of bytes within one store: the message's own (`shared` 0), or a shared stretch. `from`: offset there of its first byte. */
type Run = { start: number; end: number; shared: number; from: number };

export class Body {
  readonly size: number;
  readonly headerSize: number;
  readonly #db: Database;
  readonly #message: number;
  readonly #parts: string;
  readonly #runs: readonly Run[];
  #map: PartMap | undefined;
  readonly #packed = new Map<number, [codec: number, bytes: Uint8Array]>();
  readonly #pieces = new Map<number, Uint8Array>();

  /** `chunks`: those of its own bytes that were read already. */
  constructor(db: Database, row: BodyRow, chunks: readonly ChunkTuple[] = []) {
    this.#db = db;
    for (const [number, codec, bytes] of chunks) this.#packed.set(number, [codec, bytes]);
    this.#message = row.message;
    this.size = row.size;
    this.headerSize = row.headerSize;
    this.#parts = row.parts;
    this.#runs = runsOf(row);
  }

  get map(): PartMap {
    this.#map ??= JSON.parse(this.#parts) as PartMap;
    return this.#map;
  }

  /** Bytes from `start` to before `end`, both within the message. */
  range(start: number, end: number): Uint8Array {
    if (end <= start) return none;
    const first = this.#piece(start, true);
    if (end <= first.start + first.bytes.length) return first.bytes.subarray(start - first.start, end - first.start);
    const out = Buffer.allocUnsafeSlow(end - start);
    this.copy(start, end, out, 0);
    return out;
  }

  /** The same, written into `out` from `place` on. */
  copy(start: number, end: number, out: Uint8Array, place: number): void {
    for (let at = start; at < end; ) {
      const piece = this.#piece(at, at === start);
      const bytes = piece.bytes.subarray(at - piece.start, end - piece.start);
      out.set(bytes, place + at - start);
      at += bytes.length;
    }
  }

  whole(): Uint8Array {
    return this.range(0, this.size);
  }

  /** The stretches of bytes that can't be read, one after another; what is between them can. */
  *unreadable(): Generator<[start: number, end: number]> {
    for (const { start, end } of this.#spans()) {
      try {
        const piece = this.#piece(start, false);
        if (piece.start + piece.bytes.length < end) throw new Error("a chunk of a message is cut");
      } catch {
        yield [start, end];
      }
    }
  }

  /** Every piece, as far as it lies within one run. */
  *#spans(): Generator<{ start: number; end: number }> {
    for (const run of this.#runs) {
      for (let start = run.start; start < run.end; ) {
        const within = start - run.start + run.from;
        const [, first, length] = run.shared > 0 ? inShared(within) : this.#inOwn(within);
        const end = Math.min(run.end, start + first + length - within);
        yield { start, end };
        start = end;
      }
    }
  }

  /** For readers that look at it window by window. */
  get bytes(): Bytes {
    return new Bytes(this.size, (at) => this.#piece(at, false));
  }

  /** The piece that holds the byte at `at`. `keep`: it may be asked for again. */
  #piece(at: number, keep: boolean): Window {
    const run = this.#runAt(at);
    const within = at - run.start + run.from;
    const [number, first, length] = run.shared > 0 ? inShared(within) : this.#inOwn(within);
    // Where the piece lies in the message, as far as this run reaches.
    const start = Math.max(run.start, run.start + first - run.from);
    const skip = Math.max(0, run.from - first);
    const bytes = this.#read(run.shared, number, keep).subarray(skip, Math.min(length, run.end - start + skip));
    // A chunk that lost its end must not make anybody ask for ever.
    if (at >= start + bytes.length) throw new Error("a chunk of a message is cut");
    return { start, bytes };
  }

  #runAt(at: number): Run {
    const run = this.#runs.find(({ end }) => at < end) ?? this.#runs.at(-1);
    if (!run) throw new RangeError("a message without bytes");
    return run;
  }

  #inOwn(within: number): [number: number, first: number, length: number] {
    if (within < this.headerSize) return [0, 0, this.headerSize];
    const number = 1 + Math.floor((within - this.headerSize) / bodyChunk);
    return [number, this.headerSize + (number - 1) * bodyChunk, bodyChunk];
  }

  #read(shared: number, number: number, keep: boolean): Uint8Array {
    const id = (shared > 0 ? shared : this.#message) * chunkRoom + number;
    // Of its own bytes and of shared ones, by the sign.
    const key = shared > 0 ? -id : number;
    const had = this.#pieces.get(key);
    if (had) return had;
    const row =
      (shared > 0 ? undefined : this.#packed.get(number)) ?? this.#row(shared > 0 ? "shared_body" : "body", id);
    if (!row) throw new Error("a chunk of a message is missing");
    const bytes = unpackChunk(row[0], row[1], number === 0 && shared === 0 ? this.headerSize : this.size);
    if (keep) this.#pieces.set(key, bytes);
    return bytes;
  }

  #row(table: "body" | "shared_body", id: number): [number, Uint8Array] | undefined {
    return this.#db.tuples<[number, Uint8Array]>(`SELECT codec, bytes FROM ${table} WHERE id = ?`, id)[0];
  }
}

function inShared(within: number): [number: number, first: number, length: number] {
  const number = Math.floor(within / bodyChunk);
  return [number, number * bodyChunk, bodyChunk];
}

function runsOf({ size, stretches }: BodyRow): Run[] {
  const runs: Run[] = [];
  let [at, own] = [0, 0];
  for (const [start, end, shared] of placedIn(stretches)) {
    if (start > at) runs.push({ start: at, end: start, shared: 0, from: own });
    own += start - at;
    runs.push({ start, end, shared, from: 0 });
    at = end;
  }
  if (size > at) runs.push({ start: at, end: size, shared: 0, from: own });
  return runs;
}
