/**
 * The one way to open a database. ChaCha20-Poly1305 pages under a raw 32-byte key, WAL with full syncs, nothing of it ever in
 * clear on disk. Forbidden anywhere: `PRAGMA key` text, `serialize()`, `backup()`, plain `VACUUM`, `ATTACH` with a literal key.
 */
import { closeSync, copyFileSync, existsSync, openSync, readdirSync, readFileSync, readSync } from "node:fs";
import { fileURLToPath } from "node:url";
import Sqlite, { type Statement } from "better-sqlite3";

export type Value = number | string | Uint8Array | null;

/** The key is not this file's, or the file is not one of ours. */
export class WrongKey extends Error {
  constructor(path: string) {
    super(`the key does not open ${path}`);
    this.name = "WrongKey";
  }
}

/** Pages fail their checks: the file was damaged or tampered with. */
export class Damaged extends Error {
  constructor(path: string, cause: unknown) {
    super(`${path} is damaged`, { cause });
    this.name = "Damaged";
  }
}

export type Migrations = "node" | "mailbox/mail" | "mailbox/index" | "mailbox/inbox";

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

  /** `key` is zeroed. Throws `WrongKey` or `Damaged`. Makes the file where it does not exist. */
  static open(
    path: string,
    key: Buffer,
    migrations: Migrations,
    options: { readOnly?: boolean; rebuildable?: boolean } = {},
  ): Database {
    if (key.length !== 32) throw new RangeError("a database key has 32 bytes");
    refusePlain(path);
    const readonly = options.readOnly ?? false;
    const sqlite = new Sqlite(path, { readonly, fileMustExist: readonly });
    const raw = Buffer.concat([Buffer.from("raw:"), key]);
    try {
      sqlite.pragma("cipher='chacha20'");
      sqlite.key(raw);
      settle(sqlite, readonly);
      // What can be rebuilt need not survive a power cut to the last commit, only be whole.
      if (options.rebuildable) sqlite.pragma("synchronous = NORMAL");
      const database = new Database(path, sqlite);
      if (!readonly) database.migrateFor(scriptsOf(migrations));
      return database;
    } catch (cause) {
      sqlite.close();
      throw named(path, cause);
    } finally {
      raw.fill(0);
      key.fill(0);
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
    const raw = Buffer.concat([Buffer.from("raw:"), key]);
    this.#sqlite.rekey(raw);
    raw.fill(0);
    key.fill(0);
    this.#sqlite.pragma("wal_checkpoint(TRUNCATE)");
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

  /** A copy of the file as it was, beside it, until somebody deletes it: no migration can be taken back otherwise. */
  #keepBefore(version: number): void {
    this.#sqlite.pragma("wal_checkpoint(TRUNCATE)");
    copyFileSync(this.path, `${this.path}.before-${version + 1}`);
  }

  /** Applies the scripts that this file has not seen, each whole or not at all. A file from a newer version is refused. */
  migrateFor(scripts: readonly string[]): void {
    const have = this.#sqlite.pragma("user_version", { simple: true }) as number;
    if (have > scripts.length) throw new Error(`${this.path} was written by a newer version`);
    if (have > 0 && have < scripts.length) this.#keepBefore(have);
    for (const [i, script] of scripts.entries()) {
      if (i < have) continue;
      this.transaction(() => {
        this.exec(script);
        this.exec(`PRAGMA user_version = ${i + 1}`);
      });
    }
  }
}

function settle(sqlite: Sqlite, readonly: boolean): void {
  sqlite.pragma("page_size = 4096");
  // The default spills sort and index work to plain-text files in /tmp.
  sqlite.pragma("temp_store = MEMORY");
  sqlite.pragma("cache_size = -2000");
  sqlite.pragma("trusted_schema = OFF");
  sqlite.pragma("cell_size_check = ON");
  sqlite.pragma("foreign_keys = ON");
  sqlite.pragma("secure_delete = FAST");
  if (!readonly) sqlite.pragma("journal_mode = WAL");
  // This build drops to NORMAL by itself in WAL mode.
  sqlite.pragma("synchronous = FULL");
  sqlite.pragma("user_version");
}

const texts = new Map<Migrations, string[]>();

function scriptsOf(migrations: Migrations): string[] {
  const had = texts.get(migrations);
  if (had) return had;
  const dir = fileURLToPath(new URL(`../../../migrations/${migrations}/`, import.meta.url));
  const names = readdirSync(dir).filter((name) => name.endsWith(".sql"));
  const scripts = names.sort().map((name) => readFileSync(dir + name, "utf8"));
  texts.set(migrations, scripts);
  return scripts;
}

// A file that begins like plain SQLite was not written by us: opening it would put mail into a clear file.
function refusePlain(path: string): void {
  if (!existsSync(path)) return;
  const head = Buffer.alloc(16);
  const file = openSync(path, "r");
  readSync(file, head, 0, 16, 0);
  closeSync(file);
  if (head.toString("latin1").startsWith("SQLite format 3")) throw new WrongKey(path);
}

/** What SQLite's codes mean here: a wrong key and a damaged page are different troubles. */
export function named(path: string, cause: unknown): unknown {
  const code = cause instanceof Sqlite.SqliteError ? cause.code : "";
  if (code.startsWith("SQLITE_NOTADB")) return new WrongKey(path);
  return code.startsWith("SQLITE_CORRUPT") ? new Damaged(path, cause) : cause;
}
