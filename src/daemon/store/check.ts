/**
 * Is this mailbox whole? Pages, counts, and every message's bytes against its digest and MAC, read piece by piece. What is damaged is
 * named by folder, UID and, where only pieces are lost, by the parts they belonged to; everything not named is readable. A shared
 * stretch that is lost is named in each message that shows it. Works in slices while the mailbox is in use, and changes nothing.
 */
import { createHash, createHmac, timingSafeEqual } from "node:crypto";
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

type Row = { folder: string; uid: number; message: number; size: number };
type Detail = Omit<BodyRow, "message"> & { digest: Buffer; mac: Buffer };

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
      const damage = await inSlices(damageOf(mailbox, row), pause);
      if (damage) report.damaged.push({ folder: row.folder, uid: row.uid, ...damage });
    }
    const last = rows.at(-1);
    if (!last || rows.length < slice) return report;
    [folder, uid] = [last.id, last.uid];
    await pause();
  }
}

function* damageOf(mailbox: Mailbox, { message }: Row): Generator<void, Pick<Damage, "what" | "lost"> | null> {
  const detail = detailOf(mailbox, message);
  if (!detail) return { what: "details are missing", lost: [] };
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
