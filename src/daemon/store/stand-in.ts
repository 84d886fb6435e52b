/**
 * A mailbox whose folders can't be opened because a page of one of a few tables is bad: what can still be read of these tables takes
 * their place, in memory (SQLite finds temporary tables before the file's own). Nothing in the file is changed, and the mailbox is
 * read-only from then on; so its owner reads, and copies away, whatever the damage left. What is known twice is taken from the other
 * place: folder names from their index, keywords from the messages that bear them. Messages that no folder shows any more are in a
 * folder "Recovered".
 */
import { statSync } from "node:fs";
import type { Database } from "../sqlite/database.ts";
import { Damaged, named } from "../sqlite/trouble.ts";

/** `generation`: the mirror's. */
export type StandInFacts = { generation: number; now: number };
type Fill = (db: Database, facts: StandInFacts) => void;

/** In this order: later ones are made from earlier ones. */
const fills: Record<string, Fill> = {
  state: fillState,
  entry: fillEntries,
  expunged: () => undefined,
  folder: fillFolders,
  keyword: fillKeywords,
  subscription: (db) => db.run("INSERT INTO temp.subscription SELECT name FROM folder"),
  metadata: fillMetadata,
};

/** Answers which tables were replaced; none where these are whole. Not in a transaction. */
export function standIn(db: Database, facts: StandInFacts): string[] {
  const damaged = replaceDamaged(db, facts);
  if (damaged.length > 0) db.stayAwake();
  return damaged;
}

/** What an operator hears of it. */
export function mended(tables: readonly string[]): string {
  return `pages are bad in ${tables.join(", ")}: open read-only, with what can be read of them, until a copy is restored`;
}

function replaceDamaged(db: Database, facts: StandInFacts): string[] {
  const damaged = Object.keys(fills).filter((table) => !isWhole(db, table));
  if (damaged.length === 0) return [];
  // Folders count what is in the other two.
  const replaced = new Set(damaged);
  if (replaced.has("entry") || replaced.has("expunged")) replaced.add("folder");
  // Not in one transaction: a bad page ends it.
  try {
    for (const [table, fill] of Object.entries(fills)) {
      if (!replaced.has(table)) continue;
      makeLike(db, table);
      fill(db, facts);
    }
    if (replaced.has("entry")) recover(db, facts);
    if (replaced.has("folder")) recount(db);
    return damaged;
  } catch (cause) {
    for (const table of replaced) db.exec(`DROP TABLE IF EXISTS temp.${table}`);
    throw cause;
  }
}

function isWhole(db: Database, table: string): boolean {
  return readable(() => db.column<string>(`PRAGMA main.integrity_check('${table}')`))?.join() === "ok";
}

function makeLike(db: Database, table: string): void {
  const scripts = db.column<string>(
    "SELECT sql FROM main.sqlite_schema WHERE tbl_name = ? AND sql IS NOT NULL ORDER BY type DESC",
    table,
  );
  for (const sql of scripts) db.exec(sql.replace(/^CREATE (TABLE|INDEX) /, "CREATE $1 temp."));
}

/** null: a page of it is bad. */
function readable<T>(read: () => T): T | null {
  try {
    return read();
  } catch (cause) {
    if (named("", cause) instanceof Damaged) return null;
    throw cause;
  }
}

/** Rows of keys `from` to `to`, without those on bad pages: halved until only these are left out. */
function* around<Row>(read: (from: number, to: number) => Row[], from: number, to: number): Generator<Row> {
  if (from > to) return;
  const rows = readable(() => read(from, to));
  if (rows) yield* rows;
  else if (from < to) {
    const middle = Math.floor((from + to) / 2);
    yield* around(read, from, middle);
    yield* around(read, middle + 1, to);
  }
}

/** Rises with each restore, and stays the same while nothing is written. */
function stamp({ path }: Database): number {
  return Math.floor(statSync(path).mtimeMs / 1000);
}

function fillState(db: Database, { generation }: StandInFacts): void {
  const put = (name: string, value: number) => db.run("INSERT INTO temp.state VALUES (?, ?)", name, value);
  put("generation", Math.max(1, generation));
  put("last_uidvalidity", stamp(db));
}

function fillEntries(db: Database): void {
  // With the WHERE rows are copied, without it pages, also of indexes.
  const into = "INSERT INTO temp.entry SELECT * FROM main.entry NOT INDEXED WHERE uid > 0";
  if (readable(() => db.run(into))) return;
  db.run("DELETE FROM temp.entry");
  const keys = readable(() =>
    db.tuples<[number, number]>("SELECT folder, uid FROM main.entry INDEXED BY entry_modseq ORDER BY folder, uid"),
  );
  if (!keys) return;
  const rows = "SELECT * FROM main.entry WHERE";
  const read = (from: number, to: number) => {
    const [first, last] = [keys[from] ?? [], keys[to] ?? []];
    // One row by its key: a range would go on to the next page before it ends.
    if (from === to) return db.tuples<[]>(`${rows} folder = ? AND uid = ?`, ...first);
    return db.tuples<[]>(`${rows} (folder, uid) >= (?, ?) AND (folder, uid) <= (?, ?)`, ...first, ...last);
  };
  for (const row of around(read, 0, keys.length - 1)) db.run(`INSERT INTO temp.entry VALUES (${places(row)})`, ...row);
}

/** Above the ids of folders, lost ones too. */
const recoveredId = 1_000_000_000;
type Named = { id: number; name: string };

function fillFolders(db: Database): void {
  const into = "INSERT INTO temp.folder SELECT * FROM main.folder NOT INDEXED WHERE id > 0";
  if (readable(() => db.run(into))) return;
  db.run("DELETE FROM temp.folder");
  const names = readable(() =>
    db.all<Named>("SELECT id, name FROM main.folder INDEXED BY sqlite_autoindex_folder_1 ORDER BY id"),
  );
  const shown = db.column<number>("SELECT DISTINCT folder FROM entry ORDER BY folder");
  for (const id of new Set([...(names ?? []).map((one) => one.id), ...shown]))
    readable(() => db.run("INSERT INTO temp.folder SELECT * FROM main.folder WHERE id = ?", id));
  for (const { id, name } of names ?? []) addFolder(db, id, name);
  // The first one made is INBOX, and stays.
  addFolder(db, 1, "INBOX");
  for (const id of shown) addFolder(db, id, `Recovered ${id}`);
}

function addFolder(db: Database, id: number, name: string): void {
  db.run("INSERT OR IGNORE INTO temp.folder (id, name, uidvalidity) VALUES (?, ?, ?)", id, name, stamp(db));
}

function recount(db: Database): void {
  db.exec(`UPDATE temp.folder SET (messages, unseen, deleted, size, deleted_size, uidnext, modseq) = (
    SELECT count(*), coalesce(sum(flags & 1 = 0), 0), coalesce(sum(flags & 8 <> 0), 0), coalesce(sum(size), 0),
      coalesce(sum(size) FILTER (WHERE flags & 8 <> 0), 0), max(folder.uidnext, coalesce(max(uid), 0) + 1),
      max(folder.modseq, coalesce(max(e.modseq), 1))
    FROM entry e WHERE e.folder = folder.id);
    UPDATE temp.folder SET forgotten_modseq = modseq, recent_uid = uidnext;`);
}

/** What is held for an entry that can't be read. */
function recover(db: Database, { now }: StandInFacts): void {
  const messages =
    readable(() => db.column<number>("SELECT message FROM held WHERE refs > 0 ORDER BY message")) ??
    readable(() => db.column<number>("SELECT id FROM message ORDER BY id")) ??
    [];
  const shown = new Set(db.column<number>("SELECT message FROM temp.entry"));
  const lost = messages.filter((message) => !shown.has(message));
  if (lost.length === 0) return;
  const isTaken = db.value("SELECT 1 FROM temp.folder WHERE name = 'Recovered'") !== undefined;
  addFolder(db, recoveredId, isTaken ? `Recovered ${stamp(db)}` : "Recovered");
  let uid = 0;
  for (const message of lost) {
    const size = readable(() => db.value<number>("SELECT size FROM message WHERE id = ?", message)) ?? null;
    if (size === null) continue;
    const sentAt = readable(() => db.value<number | null>("SELECT sent_at FROM words WHERE message = ?", message));
    db.run(
      "INSERT INTO temp.entry VALUES (?, ?, ?, 0, '', 1, ?, ?, ?)",
      recoveredId,
      ++uid,
      message,
      sentAt ?? now,
      now,
      size,
    );
  }
}

function fillKeywords(db: Database): void {
  for (const [folder, keywords] of db.tuples<[number, string]>("SELECT DISTINCT folder, keywords FROM entry")) {
    for (const name of keywords.split(" ").filter((part) => part !== "")) {
      db.run("INSERT OR IGNORE INTO temp.keyword VALUES (?, ?, ?)", folder, name.toLowerCase(), name);
    }
  }
}

function fillMetadata(db: Database): void {
  for (const folder of [0, ...db.column<number>("SELECT id FROM folder")]) {
    readable(() => db.run("INSERT INTO temp.metadata SELECT * FROM main.metadata WHERE folder = ?", folder));
  }
}

function places(row: readonly unknown[]): string {
  return row.map(() => "?").join(", ");
}
