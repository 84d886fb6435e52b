/**
 * Is this mailbox whole? Pages, counts, and every message's bytes against its digest and MAC, read piece by piece. What is damaged is
 * named by folder, UID and, where only pieces are lost, by the parts they belonged to; everything not named is readable. A shared
 * stretch that is lost is named in each message that shows it. Works in slices while the mailbox is in use, and changes nothing.
 */
import { createHash, createHmac, timingSafeEqual } from "node:crypto";
import type { Database } from "../sqlite/database.ts";
import { Body, type BodyRow } from "./body.ts";
import type { Mailbox } from "./mailbox.ts";
import { inSlices } from "./mime/bytes.ts";
import type { PartMap } from "./mime/map.ts";

export type Damage = {
  folder: string;
  uid: number;
  what: "bytes are missing" | "bytes are not what was filed" | "details are missing";
  /** Sections (RFC 9051 §6.4.5) that lost bytes: "HEADER", "1", "2.1"; the others can be read. Empty: nobody can say which. */
  lost: string[];
};
export type Report = {
  checked: number;
  damaged: Damage[];
  /** What SQLite says of its pages, and counts that do not add up; empty when all is well. */
  structure: string[];
};

type Detail = Omit<BodyRow, "message"> & { digest: Buffer; mac: Buffer };
type Folder = { id: number; name: string };

const slice = 50;

export async function checkMailbox(mailbox: Mailbox, pause: () => Promise<void>): Promise<Report> {
  const report: Report = { checked: 0, damaged: [], structure: structureOf(mailbox) };
  for (const { id, name } of foldersOf(mailbox.db)) {
    for (const uid of uidsOf(mailbox.db, id)) {
      const message = shownAs(mailbox.db, id, uid);
      if (message === undefined) continue; // expunged meanwhile
      const damage = message === null ? noDetails : await inSlices(damageOf(mailbox, message), pause);
      if (damage) report.damaged.push({ folder: name, uid, ...damage });
      if (++report.checked % slice === 0) await pause();
    }
  }
  return report;
}

/** By their names' index where pages of the table itself are lost. */
function foldersOf(db: Database): Folder[] {
  return readable(
    () => db.all<Folder>("SELECT id, name FROM folder ORDER BY id"),
    () => db.all<Folder>("SELECT id, name FROM folder INDEXED BY sqlite_autoindex_folder_1 ORDER BY id"),
  );
}

/** An index holds them too: it names what was on a lost page, also where something stands in for the rest of it. */
function uidsOf(db: Database, folder: number): number[] {
  const uids = readable(
    () => db.column<number>("SELECT uid FROM main.entry INDEXED BY entry_modseq WHERE folder = ?", folder),
    () => db.column<number>("SELECT uid FROM main.entry WHERE folder = ? ORDER BY uid", folder),
  );
  const shown = readable(() => db.column<number>("SELECT uid FROM entry WHERE folder = ?", folder));
  return [...new Set([...uids, ...shown])].sort((a, b) => a - b);
}

/** The first that can be read; nothing where none can, which the structure tells. */
function readable<T>(...ways: (() => T[])[]): T[] {
  for (const way of ways) {
    try {
      return way();
    } catch {
      // the next way
    }
  }
  return [];
}

/** null: its page is lost. */
function shownAs(db: Database, folder: number, uid: number): number | null | undefined {
  const text = (entry: string) => `SELECT message FROM ${entry} WHERE folder = ? AND uid = ?`;
  try {
    return db.value<number>(text("entry"), folder, uid) ?? db.value<number>(text("main.entry"), folder, uid);
  } catch {
    return null;
  }
}

const noDetails: Pick<Damage, "what" | "lost"> = { what: "details are missing", lost: [] };

function* damageOf(mailbox: Mailbox, message: number): Generator<void, Pick<Damage, "what" | "lost"> | null> {
  const detail = detailOf(mailbox, message);
  if (!detail) return noDetails;
  const body = new Body(mailbox.db, { message, ...detail });
  try {
    return (yield* isAsFiled(mailbox, body, detail)) ? null : { what: "bytes are not what was filed", lost: [] };
  } catch {
    return { what: "bytes are missing", lost: lostIn(body) };
  }
}

function detailOf({ db }: Mailbox, message: number): Detail | undefined {
  try {
    return db.get<Detail>(
      "SELECT size, header_size AS headerSize, parts, stretches, digest, body_mac AS mac FROM message WHERE id = ?",
      message,
    );
  } catch {
    return undefined;
  }
}

// A body swapped for another one of the same file has a right digest beside it only if the MAC was forged too.
function* isAsFiled({ bodyMac }: Mailbox, body: Body, { digest, mac }: Detail): Generator<void, boolean> {
  const hash = createHash("sha256");
  for (const window of body.bytes.windows()) {
    hash.update(window.bytes);
    yield;
  }
  const found = hash.digest();
  const wanted = createHmac("sha256", bodyMac).update(found).digest().subarray(0, 16);
  return found.equals(digest) && mac.length === wanted.length && timingSafeEqual(mac, wanted);
}

function lostIn(body: Body): string[] {
  const lost = new Set<string>();
  const parts = [...leavesNumbered(body.map, [])];
  for (const [start, end] of body.unreadable()) {
    if (start < body.headerSize) lost.add("HEADER");
    for (const { name, from, to } of parts) if (start < to && from < end) lost.add(name);
  }
  return [...lost];
}

type Leaf = { name: string; from: number; to: number };

/** Parts without parts of their own, as IMAP numbers them. */
function* leavesNumbered([, from, to, , , , children, inner]: PartMap, numbers: readonly number[]): Generator<Leaf> {
  if (children.length > 0)
    for (const [i, child] of children.entries()) yield* leavesNumbered(child, [...numbers, i + 1]);
  else if (inner && inner[6].length > 0) yield* leavesNumbered(inner, numbers);
  else yield { name: (numbers.length > 0 ? numbers : [1]).join("."), from, to };
}

/** Table by table: within one look SQLite finds nothing whole behind the first bad page. */
function structureOf({ db }: Mailbox): string[] {
  const tables = readable(() => db.column<string>("SELECT name FROM sqlite_schema WHERE type = 'table'"));
  const said = tables.flatMap((table) =>
    troubles(db, `PRAGMA main.integrity_check('${table}')`).map((one) => `${table}: ${one}`),
  );
  // The whole of it finds what is in no table: free pages, and pages that nothing leads to.
  if (said.length === 0) said.push(...troubles(db, "PRAGMA main.integrity_check(20)"));
  for (const { sql, text } of counted) {
    for (const name of readable(() => db.column<string>(sql))) said.push(`${text}: ${name}`);
  }
  return said;
}

/** The first line of each: the others follow from it. */
function troubles(db: Database, sql: string): string[] {
  try {
    const lines = db.column<string>(sql).filter((line) => line !== "ok");
    return lines.map((line) => line.split("\n").find((part) => !part.startsWith("***")) ?? line);
  } catch (cause) {
    return [cause instanceof Error ? cause.message : "unreadable"];
  }
}

const counted = [
  {
    text: "a folder's counts do not add up",
    sql: `SELECT f.name FROM folder f LEFT JOIN (
        SELECT folder, count(*) AS messages, sum(flags & 1 = 0) AS unseen, sum(size) AS size FROM entry GROUP BY folder
      ) e ON e.folder = f.id
      WHERE f.messages <> coalesce(e.messages, 0) OR f.unseen <> coalesce(e.unseen, 0) OR f.size <> coalesce(e.size, 0)`,
  },
  {
    text: "a shared stretch is not counted as often as it is shown",
    sql: `SELECT s.id FROM shared s LEFT JOIN (
        SELECT json_extract(one.value, '$[2]') AS id, count(*) AS n FROM message m, json_each(m.stretches) one GROUP BY 1
      ) e ON e.id = s.id WHERE s.refs <> coalesce(e.n, 0)`,
  },
  {
    text: "a message is not held as often as it is shown",
    sql: `SELECT h.message FROM held h LEFT JOIN (SELECT message, count(*) AS n FROM entry GROUP BY message) e
      ON e.message = h.message WHERE h.refs <> coalesce(e.n, 0)`,
  },
];
