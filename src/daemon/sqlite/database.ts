/**
 * An encrypted database: prepared statements by their text, and transactions. The one door to SQLite in the daemon (`open.ts` says
 * how a file is opened). Forbidden anywhere: `PRAGMA key` text, `serialize()`, `backup()`, plain `VACUUM`, `ATTACH` with a literal key.
 */
import type Sqlite from "better-sqlite3";
import type { Statement } from "better-sqlite3";
import { type Migrations, migrate, scriptsOf } from "./migrate.ts";
import { openFile, rawKey, type Settings } from "./open.ts";
import type { Waking } from "./rests.ts";
import { named } from "./trouble.ts";

export type Value = number | string | Uint8Array | null;

/** Of each result form. */
const mostStatements = 250;

export class Database {
  readonly path: string;
  readonly #settings: Settings;
  /** null: at rest, or closed. */
  #sqlite: Sqlite | null;
  #waking: Waking | null = null;
  #isUsed = true;
  #isClosed = false;
  // Apart by result form, since a statement keeps the form it was last given.
  readonly #rows = new Map<string, Statement>();
  readonly #tuples = new Map<string, Statement>();
  readonly #columns = new Map<string, Statement>();

  private constructor(path: string, sqlite: Sqlite, settings: Settings) {
    this.path = path;
    this.#sqlite = sqlite;
    this.#settings = { ...settings };
  }

  /** `key` is zeroed. Throws `WrongKey`, `Damaged` or `NotEncrypted`. Makes the file where it does not exist. */
  static open(path: string, key: Buffer, migrations: Migrations, settings: Settings = {}): Database {
    let database: Database | null = null;
    try {
      database = new Database(path, openFile(path, key, settings), settings);
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

  get #awake(): Sqlite {
    this.#isUsed = true;
    return this.#sqlite ?? this.#wake();
  }

  #wake(): Sqlite {
    if (!this.#waking || this.#isClosed) throw new Error(`${this.path} is closed`);
    try {
      this.#sqlite = openFile(this.path, this.#waking.key(), { ...this.#settings, mustExist: true });
      this.#waking.woken?.();
      return this.#sqlite;
    } catch (cause) {
      this.rest();
      throw named(this.path, cause);
    }
  }

  #row(text: string): Statement {
    this.#isUsed = true;
    return this.#rows.get(text) ?? this.#prepare(this.#rows, text);
  }

  #tuple(text: string): Statement {
    this.#isUsed = true;
    return this.#tuples.get(text) ?? this.#prepare(this.#tuples, text).raw(true);
  }

  #column(text: string): Statement {
    this.#isUsed = true;
    return this.#columns.get(text) ?? this.#prepare(this.#columns, text).pluck(true);
  }

  #prepare(cache: Map<string, Statement>, text: string): Statement {
    const statement = this.#awake.prepare(text);
    // Searches are written as they are asked: a client may ask for many different ones.
    const [oldest] = cache.keys();
    if (cache.size >= mostStatements && oldest !== undefined) cache.delete(oldest);
    cache.set(text, statement);
    return statement;
  }

  exec(text: string): void {
    this.#awake.exec(text);
  }

  get inTransaction(): boolean {
    return this.#sqlite?.inTransaction ?? false;
  }

  /**
   * Every page under another key, in one transaction of the WAL: a crash leaves the file whole under one of the two. `key` is zeroed.
   */
  rekey(key: Buffer): void {
    const raw = rawKey(key);
    this.#awake.rekey(raw);
    raw.fill(0);
    this.checkpoint();
  }

  /** From here on nobody else can open the file, until this one is closed; false where somebody has it open. */
  keepForUs(): boolean {
    try {
      const sqlite = this.#awake;
      sqlite.pragma("busy_timeout = 0");
      sqlite.pragma("locking_mode = EXCLUSIVE");
      sqlite.exec("BEGIN IMMEDIATE; COMMIT");
      return true;
    } catch {
      return false;
    }
  }

  /** Everything committed into the file, the log emptied. */
  checkpoint(): void {
    this.#awake.pragma("wal_checkpoint(TRUNCATE)");
  }

  /** So much memory for pages that were read; what is above it is freed at once. */
  holdPages(kib: number): void {
    this.#settings.cacheKiB = kib;
    this.#sqlite?.pragma(`cache_size = -${kib}`);
  }

  /** How many migration scripts the file has seen. */
  get version(): number {
    return Number(this.#awake.pragma("user_version", { simple: true }));
  }

  /** All or nothing, durable when it returns. */
  transaction<T>(work: () => T): T {
    this.run("BEGIN IMMEDIATE");
    try {
      const result = work();
      this.run("COMMIT");
      return result;
    } catch (cause) {
      if (this.inTransaction) this.run("ROLLBACK");
      throw cause;
    }
  }

  /** From now on it may rest. */
  wakeBy(waking: Waking): void {
    this.#waking = waking;
  }

  /** It holds what is in no file. */
  stayAwake(): void {
    this.#waking = null;
  }

  /** Not used since this was last asked, and nothing is under way. */
  isIdle(): boolean {
    const was = this.#isUsed;
    this.#isUsed = false;
    return !was && this.#waking !== null && this.#sqlite !== null && !this.inTransaction;
  }

  /** Closed until the next statement. */
  rest(): void {
    for (const statements of [this.#rows, this.#tuples, this.#columns]) statements.clear();
    this.#sqlite?.close();
    this.#sqlite = null;
  }

  get isClosed(): boolean {
    return this.#isClosed;
  }

  close(): void {
    this.#isClosed = true;
    this.rest();
  }
}
