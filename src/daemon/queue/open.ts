/**
 * Opens the queue's encrypted file (ChaCha20-Poly1305 pages, raw key) and brings its schema up to date. The settings are
 * the mailbox store's (DESIGN.md, "Opening"); a file that is not ciphertext is refused.
 */
import { closeSync, existsSync, openSync, readdirSync, readFileSync, readSync } from "node:fs";
import { join } from "node:path";
import Database from "better-sqlite3";

const migrations = join(import.meta.dirname, "../../../migrations/queue");

/** `key` is 32 bytes and zeroed here. */
export function openQueueFile(file: string, key: Uint8Array): Database {
  refusePlain(file);
  const db = new Database(file);
  try {
    db.pragma("cipher='chacha20'");
    unlock(db, key);
    db.pragma("page_size=4096");
    db.pragma("journal_mode=WAL");
    // This build falls back to NORMAL in WAL mode by itself, and 250 promises more than that.
    db.pragma("synchronous=FULL");
    // The default spills sorted rows to disk as plain text.
    db.pragma("temp_store=MEMORY");
    db.pragma("cache_size=-4000");
    db.pragma("trusted_schema=OFF");
    db.pragma("cell_size_check=ON");
    db.pragma("foreign_keys=ON");
    db.pragma("secure_delete=FAST");
    // 16 MiB: with the default every fourth message of 1 MB would wait for a checkpoint.
    db.pragma("wal_autocheckpoint=4000");
    migrate(db);
    return db;
  } catch (error) {
    db.close();
    throw error;
  }
}

function unlock(db: Database, key: Uint8Array): void {
  const raw = Buffer.concat([Buffer.from("raw:"), key]);
  key.fill(0);
  // One byte less would count as a passphrase, silently.
  if (raw.length !== 36) throw new RangeError("the queue's key is 32 bytes");
  db.key(raw);
  raw.fill(0);
}

function refusePlain(file: string): void {
  if (!existsSync(file)) return;
  const head = Buffer.alloc(16);
  const fd = openSync(file, "r");
  readSync(fd, head, 0, 16, 0);
  closeSync(fd);
  if (head.toString("latin1").startsWith("SQLite format 3")) throw new Error("the queue file is not encrypted");
}

function migrate(db: Database): void {
  const done = Number(db.pragma("user_version", { simple: true }));
  const files = readdirSync(migrations).filter((name) => /^\d{4}_\w+\.sql$/.test(name));
  for (const name of files.sort()) {
    const version = Number(name.slice(0, 4));
    if (version <= done) continue;
    transact(db, () => {
      db.exec(readFileSync(join(migrations, name), "utf8"));
      db.pragma(`user_version=${version}`);
    });
  }
}

/** All or nothing, fsynced when it returns. */
export function transact<T>(db: Database, work: () => T): T {
  db.exec("BEGIN IMMEDIATE");
  try {
    const result = work();
    db.exec("COMMIT");
    return result;
  } catch (error) {
    if (db.inTransaction) db.exec("ROLLBACK");
    throw error;
  }
}
