/**
 * A locked inbox out of one file into another, whose key another node has: sealed messages with what is noted of them, and the ids that
 * were filed. Read about a megabyte at a time, so that its thread is never held up for long.
 */
import type { Database } from "../sqlite/database.ts";

export type Arrived = { id: string; at: number; size: number; state: 1 | 2 };
/** Pieces are of the arrival before them. */
export type Carried =
  | { kind: "arrival"; arrival: Arrived }
  | { kind: "piece"; bytes: Uint8Array }
  | { kind: "known"; ids: [id: string, at: number][] };

/** After which row to go on. */
export type CarriedTo = { piece: number } | { known: string };
export type CarriedPage = { items: Carried[]; next: CarriedTo | null };

/** Rows of one arrival: row id = its number * `pieceRoom` + piece. */
export const pieceRoom = 65_536;
const pageBytes = 1024 * 1024;
const pageIds = 2000;

type PieceRow = [row: number, bytes: Uint8Array, id: string, at: number, size: number, state: 1 | 2];

export function readCarried(db: Database, from: CarriedTo): CarriedPage {
  return "known" in from ? knownAfter(db, from.known) : piecesAfter(db, from.piece);
}

function piecesAfter(db: Database, after: number): CarriedPage {
  const rows = db.each<PieceRow>(
    `SELECT p.id, p.bytes, a.id, a.arrived_at, a.size, a.state FROM piece p JOIN arrival a ON a.number = p.id / ${pieceRoom}
     WHERE p.id > ? AND a.state <> 0 ORDER BY p.id`,
    after,
  );
  const items: Carried[] = [];
  let total = 0;
  for (const [row, bytes, id, at, size, state] of rows) {
    if (row % pieceRoom === 0) items.push({ kind: "arrival", arrival: { id, at, size, state } });
    // SQLite's own buffers can't be transferred.
    items.push({ kind: "piece", bytes: Uint8Array.from(bytes) });
    total += bytes.length;
    if (total >= pageBytes) return { items, next: { piece: row } };
  }
  return { items, next: { known: "" } };
}

function knownAfter(db: Database, after: string): CarriedPage {
  const ids = db.tuples<[string, number]>("SELECT id, at FROM known WHERE id > ? ORDER BY id LIMIT ?", after, pageIds);
  const last = ids.at(-1);
  if (last === undefined) return { items: [], next: null };
  return { items: [{ kind: "known", ids }], next: ids.length < pageIds ? null : { known: last[0] } };
}

/** The other end: items in the order in which they were read, each batch in one transaction. */
export class CarriedIn {
  readonly #db: Database;
  #number = 0;
  #pieces = 0;

  constructor(db: Database) {
    this.#db = db;
  }

  take(items: readonly Carried[]): void {
    this.#db.transaction(() => {
      for (const item of items) this.#put(item);
    });
  }

  #put(item: Carried): void {
    if (item.kind === "arrival") {
      const { id, at, size, state } = item.arrival;
      const text = "INSERT INTO arrival (id, arrived_at, size, state) VALUES (?, ?, ?, ?)";
      this.#number = this.#db.run(text, id, at, size, state).id;
      this.#pieces = 0;
    } else if (item.kind === "piece") {
      const row = this.#number * pieceRoom + this.#pieces++;
      this.#db.run("INSERT INTO piece (id, bytes) VALUES (?, ?)", row, item.bytes);
    } else {
      for (const [id, at] of item.ids) this.#db.run("INSERT OR IGNORE INTO known (id, at) VALUES (?, ?)", id, at);
    }
  }

  /** Everything taken is in the file, which stands by itself. */
  close(): void {
    this.#db.checkpoint();
    this.#db.close();
  }
}
