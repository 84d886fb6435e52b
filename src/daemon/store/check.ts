/**
 * Is this mailbox whole? Pages, counts, and every message's bytes against its digest and MAC. What is damaged is named by folder and
 * UID; everything not named is readable. Works in slices while the mailbox is in use, and changes nothing.
 */
import { createHash, createHmac, timingSafeEqual } from "node:crypto";
import { Body } from "./bodies.ts";
import type { Mailbox } from "./mailbox.ts";

export type Damage = {
  folder: string;
  uid: number;
  what: "bytes are missing" | "bytes are not what was filed" | "details are missing";
};
export type Report = {
  checked: number;
  damaged: Damage[];
  /** What SQLite says of its pages, and counts that do not add up; empty when all is well. */
  structure: string[];
};

type Row = { folder: string; uid: number; message: number; size: number };
type Detail = { size: number; headerSize: number; parts: string; digest: Buffer; mac: Buffer };

const slice = 50;

export async function checkMailbox(mailbox: Mailbox, pause: () => Promise<void>): Promise<Report> {
  const report: Report = { checked: 0, damaged: [], structure: structureOf(mailbox) };
  for (let [folder, uid] = [0, 0]; ; ) {
    const rows = mailbox.db.all<Row & { id: number }>(
      `SELECT f.id AS id, f.name AS folder, e.uid AS uid, e.message AS message, e.size AS size FROM entry e
       JOIN folder f ON f.id = e.folder WHERE (e.folder, e.uid) > (?, ?) ORDER BY e.folder, e.uid LIMIT ?`,
      folder,
      uid,
      slice,
    );
    for (const row of rows) {
      report.checked++;
      const what = damageOf(mailbox, row);
      if (what) report.damaged.push({ folder: row.folder, uid: row.uid, what });
    }
    const last = rows.at(-1);
    if (!last || rows.length < slice) return report;
    [folder, uid] = [last.id, last.uid];
    await pause();
  }
}

function damageOf(mailbox: Mailbox, { message }: Row): Damage["what"] | null {
  let detail: Detail | undefined;
  try {
    detail = mailbox.db.get<Detail>(
      "SELECT size, header_size AS headerSize, parts, digest, body_mac AS mac FROM message WHERE id = ?",
      message,
    );
    if (!detail) return "details are missing";
  } catch {
    return "details are missing";
  }
  try {
    const bytes = new Body(mailbox.db, { message, ...detail }).whole();
    return isAsFiled(mailbox, bytes, detail) ? null : "bytes are not what was filed";
  } catch {
    return "bytes are missing";
  }
}

// A body swapped for another one of the same file has a right digest beside it only if the MAC was forged too.
function isAsFiled({ bodyMac }: Mailbox, bytes: Uint8Array, { digest, mac }: Detail): boolean {
  const found = createHash("sha256").update(bytes).digest();
  const wanted = createHmac("sha256", bodyMac).update(found).digest().subarray(0, 16);
  return found.equals(digest) && mac.length === wanted.length && timingSafeEqual(mac, wanted);
}

function structureOf({ db }: Mailbox): string[] {
  const said: string[] = [];
  try {
    said.push(...db.column<string>("PRAGMA integrity_check(20)").filter((line) => line !== "ok"));
    for (const { sql, text } of counted) {
      for (const name of db.column<string>(sql)) said.push(`${text}: ${name}`);
    }
  } catch (cause) {
    said.push(cause instanceof Error ? cause.message : "unreadable");
  }
  return said;
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
    text: "a message is not held as often as it is shown",
    sql: `SELECT h.message FROM held h LEFT JOIN (SELECT message, count(*) AS n FROM entry GROUP BY message) e
      ON e.message = h.message WHERE h.refs <> coalesce(e.n, 0)`,
  },
];
