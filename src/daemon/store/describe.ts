/**
 * Messages filed by an older version: works out in slices what filing works out today (base subject, brief). Until a message has its
 * turn, whoever needs these reads the header or the subject instead; the answers are the same.
 */
import { readHeader } from "../../core/message/header.ts";
import { Body, type BodyRow } from "./body.ts";
import type { Mailbox, Write } from "./mailbox.ts";
import { briefOf } from "./mime/brief.ts";
import { baseSubject } from "./search/subject.ts";

type Row = BodyRow & { subject: string };

const older = `SELECT w.message AS message, w.subject AS subject, m.size AS size, m.header_size AS headerSize, m.parts AS parts,
  m.stretches AS stretches
  FROM words w JOIN message m ON m.id = w.message WHERE w.base IS NULL LIMIT ?`;

export function hasOlder({ db }: Mailbox): boolean {
  return db.value("SELECT 1 FROM words WHERE base IS NULL LIMIT 1") !== undefined;
}

/** Answers whether there are more. */
export function describeOlder({ db }: Write, most: number): boolean {
  const rows = db.all<Row>(older, most);
  for (const { message, subject, ...row } of rows) {
    const { base, isReply } = baseSubject(subject);
    db.run("UPDATE words SET base = ?, is_reply = ? WHERE message = ?", base, isReply ? 1 : 0, message);
    const brief = briefIn(new Body(db, { message, ...row }), row.headerSize);
    db.run("INSERT OR REPLACE INTO brief (message, fields) VALUES (?, ?)", message, brief);
  }
  return rows.length === most;
}

function briefIn(body: Body, headerSize: number): Uint8Array | null {
  try {
    const header = body.range(0, headerSize);
    return briefOf(header, readHeader(header));
  } catch {
    // A damaged header is for whoever asks for it to hear of.
    return null;
  }
}
