/**
 * An encrypted database: prepared statements by their text, and transactions. The one door to SQLite in the daemon (`open.ts` says
 * how a file is opened). Forbidden anywhere: `PRAGMA key` text, `serialize()`, `backup()`, plain `VACUUM`, `ATTACH` with a literal key.
 */
import type Sqlite from "better-sqlite3";
import type { Statement } from "better-sqlite3";
import { type Migrations, migrate, scriptsOf } from "./migrate.ts";
import { openFile, rawKey, type Settings } from "./open.ts";
import { named } from "./trouble.ts";

export type Value = number | string | Uint8Array | null;

/** Of each result form. */
const mostStatements = 250;

export class Database {
  readonly path: string;
  readonly #sqlite: Sqlite;
  // Apart by result form, since a statement keeps the form it was last given.
  readonly #rows = new Map<string, Statement>();
  readonly #tuples = new Map<string, Statement>();
  readonly #columns = new Map<string, Statement>();

  private constructor(path: string, sqlite: Sqlite) {
    this.path = path;
    this.#sqlite = sqlite;
  }

  /** `key` is zeroed. Throws `WrongKey`, `Damaged` or `NotEncrypted`. Makes the file where it does not exist. */
  static open(path: string, key: Buffer, migrations: Migrations, settings: Settings = {}): Database {
    let database: Database | null = null;
    try {
      database = new Database(path, openFile(path, key, settings));
      if (!settings.readOnly) migrate(database, scriptsOf(migrations), !settings.rebuildable);
      return database;
    } catch (cause) {
      database?.close();
      throw named(path, cause);
    }
  }

  run(text: string, ...values: Value[]): { changes: number; id: number } {
    const { changes, lastInsertRowid } = this.#row(text).run(...values);
    return { changes, id: Number(lastInsertRowid) };
  }

  /** First row; the caller names its shape, which the statement fixes. */
  get<Row>(text: string, ...values: Value[]): Row | undefined {
    return this.#row(text).get(...values) as Row | undefined;
  }

  all<Row>(text: string, ...values: Value[]): Row[] {
    return this.#row(text).all(...values) as Row[];
  }

  /** Rows as arrays: half the cost of objects for thousands of rows. */
  tuples<Row extends unknown[]>(text: string, ...values: Value[]): Row[] {
    return this.#tuple(text).all(...values) as Row[];
  }

  /** Row by row; no write may happen meanwhile. */
  each<Row extends unknown[]>(text: string, ...values: Value[]): IterableIterator<Row> {
    return this.#tuple(text).iterate(...values) as IterableIterator<Row>;
  }

  /** The first column of every row. */
  column<T>(text: string, ...values: Value[]): T[] {
    return this.#column(text).all(...values) as T[];
  }

  /** The first column of the first row. */
  value<T>(text: string, ...values: Value[]): T | undefined {
    return this.#column(text).get(...values) as T | undefined;
  }

  #row(text: string): Statement {
    return this.#rows.get(text) ?? this.#prepare(this.#rows, text);
  }

  #tuple(text: string): Statement {
    return this.#tuples.get(text) ?? this.#prepare(this.#tuples, text).raw(true);
  }

  #column(text: string): Statement {
    return this.#columns.get(text) ?? this.#prepare(this.#columns, text).pluck(true);
  }

  #prepare(cache: Map<string, Statement>, text: string): Statement {
    const statement = this.#sqlite.prepare(text);
    // Searches are written as they are asked: a client may ask for many different ones.
    const [oldest] = cache.keys();
    if (cache.size >= mostStatements && oldest !== undefined) cache.delete(oldest);
    cache.set(text, statement);
    return statement;
  }

  exec(text: string): void {
    this.#sqlite.exec(text);
  }

  get inTransaction(): boolean {
    return this.#sqlite.inTransaction;
  }

  /**
   * Every page under another key, in one transaction of the WAL: a crash leaves the file whole under one of the two. `key` is zeroed.
   */
  rekey(key: Buffer): void {
    const raw = rawKey(key);
    this.#sqlite.rekey(raw);
    raw.fill(0);
    this.checkpoint();
  }

  /** From here on nobody else can open the file, until this one is closed; false where somebody has it open. */
  keepForUs(): boolean {
    try {
      this.#sqlite.pragma("busy_timeout = 0");
      this.#sqlite.pragma("locking_mode = EXCLUSIVE");
      this.#sqlite.exec("BEGIN IMMEDIATE; COMMIT");
      return true;
    } catch {
      return false;
    }
  }

  /** Everything committed into the file, the log emptied. */
  checkpoint(): void {
    this.#sqlite.pragma("wal_checkpoint(TRUNCATE)");
  }

  /** So much memory for pages that were read; what is above it is freed at once. */
  holdPages(kib: number): void {
    this.#sqlite.pragma(`cache_size = -${kib}`);
  }

  /** How many migration scripts the file has seen. */
  get version(): number {
    return Number(this.#sqlite.pragma("user_version", { simple: true }));
  }

  /** All or nothing, durable when it returns. */
  transaction<T>(work: () => T): T {
    this.run("BEGIN IMMEDIATE");
    try {
      const result = work();
      this.run("COMMIT");
      return result;
    } catch (cause) {
      if (this.#sqlite.inTransaction) this.run("ROLLBACK");
      throw cause;
    }
  }

  close(): void {
    this.#sqlite.close();
  }
}
