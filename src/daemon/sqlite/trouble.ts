/** What goes wrong with an encrypted file, told apart: a wrong key, a damaged page and a file in clear are different troubles. */
import Sqlite from "better-sqlite3";

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

/** A file that begins like plain SQLite was not written by us: opening it would put mail into a clear file. */
export class NotEncrypted extends Error {
  constructor(path: string) {
    super(`${path} is not encrypted`);
    this.name = "NotEncrypted";
  }
}

/** What SQLite's codes mean here. */
export function named(path: string, cause: unknown): unknown {
  const code = cause instanceof Sqlite.SqliteError ? cause.code : "";
  if (code.startsWith("SQLITE_NOTADB")) return new WrongKey(path);
  return code.startsWith("SQLITE_CORRUPT") ? new Damaged(path, cause) : cause;
}
