/**
 * Opening an encrypted file: ChaCha20-Poly1305 pages under a raw 32-byte key, WAL with full syncs, nothing of it ever in clear on
 * disk. Every setting that a promise hangs on is read back: a build that ignores one must not get as far as a message.
 */
import { closeSync, openSync, readSync } from "node:fs";
import Sqlite from "better-sqlite3";
import { NotEncrypted } from "./trouble.ts";

export type Settings = {
  readOnly?: boolean;
  /** A missing file is an error, not an empty one. */
  mustExist?: boolean;
  /** What can be rebuilt need not survive a power cut to the last commit, only be whole. */
  rebuildable?: boolean;
  cacheKiB?: number;
  /** Pages in the log before SQLite copies them into the file; its own default is 1000. */
  checkpointPages?: number;
};

/** The file with its key and settings; made where it does not exist. `key` is zeroed. */
export function openFile(path: string, key: Buffer, settings: Settings): Sqlite {
  const raw = rawKey(key);
  try {
    refusePlain(path);
    const readonly = settings.readOnly ?? false;
    const fileMustExist = readonly || (settings.mustExist ?? false);
    return keyed(new Sqlite(path, { readonly, fileMustExist }), raw, settings);
  } finally {
    raw.fill(0);
  }
}

/** The form in which SQLite takes a key that is not a passphrase. `key` is zeroed; so must the answer be. */
export function rawKey(key: Buffer): Buffer {
  const raw = Buffer.concat([Buffer.from("raw:"), key]);
  key.fill(0);
  // One byte less would count as a passphrase, silently.
  if (raw.length !== 36) throw new RangeError("a database key is 32 bytes");
  return raw;
}

function keyed(sqlite: Sqlite, raw: Buffer, settings: Settings): Sqlite {
  try {
    sqlite.pragma("cipher='chacha20'");
    sqlite.key(raw);
    settle(sqlite, settings);
    return sqlite;
  } catch (cause) {
    sqlite.close();
    throw cause;
  }
}

function settle(sqlite: Sqlite, { readOnly, rebuildable, cacheKiB, checkpointPages }: Settings): void {
  sqlite.pragma("page_size = 4096");
  // The default spills sort and index work to plain-text files in /tmp.
  hold(sqlite, "temp_store", "MEMORY", 2);
  hold(sqlite, "trusted_schema", "OFF", 0);
  hold(sqlite, "cell_size_check", "ON", 1);
  hold(sqlite, "foreign_keys", "ON", 1);
  hold(sqlite, "secure_delete", "FAST", 2);
  if (!readOnly) hold(sqlite, "journal_mode", "WAL", "wal");
  // This build drops to NORMAL in WAL mode by itself, and 250 promises more than that.
  if (rebuildable) hold(sqlite, "synchronous", "NORMAL", 1);
  else hold(sqlite, "synchronous", "FULL", 2);
  if (checkpointPages !== undefined) hold(sqlite, "wal_autocheckpoint", String(checkpointPages), checkpointPages);
  // The room for 20 pages that SQLite sets aside at first is given back: most files never fill it.
  sqlite.pragma("cache_size = 2");
  sqlite.pragma("shrink_memory");
  // Reads the first page: a wrong key fails here.
  sqlite.pragma("user_version");
  sqlite.pragma(`cache_size = -${cacheKiB ?? 2000}`);
}

/** Sets, and reads back that it holds. */
function hold(sqlite: Sqlite, name: string, value: string, readBack: number | string): void {
  sqlite.pragma(`${name} = ${value}`);
  const now = sqlite.pragma(name, { simple: true });
  if (now !== readBack) throw new Error(`this SQLite keeps ${name} at ${String(now)}`);
}

function refusePlain(path: string): void {
  const head = Buffer.alloc(16);
  let file: number;
  try {
    file = openSync(path, "r");
  } catch {
    // Not there yet, or not to be read: opening it will say.
    return;
  }
  readSync(file, head, 0, 16, 0);
  closeSync(file);
  if (head.toString("latin1").startsWith("SQLite format 3")) throw new NotEncrypted(path);
}
