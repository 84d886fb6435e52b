/**
 * The full-text index of a mailbox: given a text, the messages that may hold it. It follows filing at a distance; messages it has
 * not reached, and texts too short for trigrams, are simply "may hold", so that an answer built on it is always exact.
 */
import { rmSync } from "node:fs";
import { Database } from "../../sqlite/database.ts";
import type { Rests } from "../../sqlite/rests.ts";
import { Damaged, named } from "../../sqlite/trouble.ts";
import type { Mailbox } from "../mailbox.ts";
import { Candidate, type CandidateTuple } from "./candidate.ts";

/** Trigrams asked for at once; the rest of a long text is left to verification. */
const mostTrigrams = 24;
/** Characters of one message that are indexed. */
const mostText = 1_000_000;

export class TextIndex {
  readonly #db: Database;
  #to: number;
  #partial: Set<number>;
  /** Purged, and not forgotten yet: there was trouble. */
  #leaving: number[] = [];
  #isBad = false;

  private constructor(db: Database) {
    this.#db = db;
    const { to, partial } = stateOf(db);
    this.#to = to;
    this.#partial = partial;
  }

  /** `key` makes a copy of the key for each try. A file that does not open is made anew. */
  static open(path: string, key: () => Buffer): TextIndex {
    try {
      return new TextIndex(Database.open(path, key(), "mailbox/index", { rebuildable: true }));
    } catch {
      removeIndex(path);
      return new TextIndex(Database.open(path, key(), "mailbox/index", { rebuildable: true }));
    }
  }

  /** The file may be closed while nobody searches. */
  restIn(rests: Rests, key: () => Buffer): void {
    rests.keep(this.#db, { key });
  }

  /** A test of message ids: false only where the folded text certainly is not in it. */
  mayHold(text: string): (message: number) => boolean {
    const trigrams = trigramsOf(text);
    if (trigrams === null) return () => true;
    const ids = this.#holding(trigrams);
    if (ids === null) return () => true;
    // As of now: the index may move on while a search takes its time.
    const to = this.#to;
    return (message) => ids.has(message) || message > to || this.#partial.has(message);
  }

  /** null: a bad page. Then every message is looked at, and the next login finds no index and makes a new one. */
  #holding(trigrams: string): Set<number> | null {
    try {
      return new Set(this.#db.column<number>("SELECT rowid FROM terms WHERE terms MATCH ?", trigrams));
    } catch (cause) {
      if (!(named(this.#db.path, cause) instanceof Damaged)) throw cause;
      this.#isBad = true;
      return null;
    }
  }

  isBehind(mailbox: Mailbox): boolean {
    const last = mailbox.db.value<number>("SELECT message FROM held WHERE refs > 0 ORDER BY message DESC LIMIT 1") ?? 0;
    return last > this.#to;
  }

  /** Indexes for about `budgetMs`, inside an open transaction that `commit` ends; answers whether there is more. */
  advance(mailbox: Mailbox, budgetMs: number): boolean {
    if (!this.#db.inTransaction) this.#db.run("BEGIN IMMEDIATE");
    const until = performance.now() + budgetMs;
    const rows = mailbox.db.tuples<[number, number]>(
      "SELECT m.id, m.size FROM message m JOIN held h ON h.message = m.id WHERE m.id > ? AND h.refs > 0 ORDER BY m.id LIMIT 100",
      this.#to,
    );
    for (const [message, size] of rows) {
      const text = textOf(mailbox, message, size);
      if (text === null) this.#lookAlways(message);
      else this.#add(message, text);
      this.#to = message;
      if (performance.now() > until) return true;
    }
    return rows.length === 100;
  }

  #add(message: number, text: string): void {
    if (text.length > mostText) this.#lookAlways(message);
    this.#db.run("INSERT INTO terms (rowid, text) VALUES (?, ?)", message, text.slice(0, mostText));
  }

  #lookAlways(message: number): void {
    this.#partial.add(message);
    this.#db.run("INSERT OR IGNORE INTO partial (message) VALUES (?)", message);
  }

  /** What is not committed yet did not happen. */
  takeBack(): void {
    if (this.#db.inTransaction) this.#db.run("ROLLBACK");
    const { to, partial } = stateOf(this.#db);
    this.#to = to;
    this.#partial = partial;
  }

  commit(): void {
    if (!this.#db.inTransaction) return;
    this.#db.run("UPDATE progress SET indexed_to = ?", this.#to);
    this.#db.run("COMMIT");
  }

  /** Messages that were purged leave no trigram behind. */
  forget(messages: readonly number[]): void {
    this.#leaving.push(...messages.filter((message) => message <= this.#to));
    if (this.#leaving.length === 0) return;
    // What was indexed until now stands by itself.
    this.commit();
    this.#db.run("BEGIN IMMEDIATE");
    for (const message of this.#leaving) {
      this.#db.run("DELETE FROM terms WHERE rowid = ?", message);
      if (this.#partial.delete(message)) this.#db.run("DELETE FROM partial WHERE message = ?", message);
    }
    this.commit();
    this.#leaving = [];
  }

  /** What can't be written any more is indexed anew. */
  close(): void {
    try {
      this.commit();
    } catch {
      // a full disk, a bad page
    }
    this.#db.close();
    if (this.#isBad) removeIndex(this.#db.path);
  }
}

export function removeIndex(path: string): void {
  for (const end of ["", "-wal", "-shm"]) rmSync(path + end, { force: true });
}

function stateOf(db: Database): { to: number; partial: Set<number> } {
  return {
    to: db.value<number>("SELECT indexed_to FROM progress") ?? 0,
    partial: new Set(db.column<number>("SELECT message FROM partial")),
  };
}

/** null: it can't be read, be it for now. */
function textOf(mailbox: Mailbox, message: number, size: number): string | null {
  const row: CandidateTuple = [0, message, 0, "", 0, 0, 0, size];
  try {
    return new Candidate(mailbox, row).allText;
  } catch {
    return null;
  }
}

/** FTS5 counts characters as code points. Null: too short. */
function trigramsOf(text: string): string | null {
  const characters = [...text];
  if (characters.length < 3) return null;
  const all = new Set<string>();
  const last = characters.length - 3;
  const step = Math.max(1, last / mostTrigrams);
  for (let at = 0; at <= last; at += step) all.add(characters.slice(Math.floor(at), Math.floor(at) + 3).join(""));
  all.add(characters.slice(last).join(""));
  return [...all].map((trigram) => `"${trigram.replaceAll('"', '""')}"`).join(" AND ");
}
