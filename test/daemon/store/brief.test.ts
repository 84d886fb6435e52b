// HEADER.FIELDS out of the brief is byte by byte what the header gives; messages of an older file get theirs in slices.
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, describe, expect, it } from "vitest";
import { limits } from "../../../src/core/limits.ts";
import { readHeader } from "../../../src/core/message/header.ts";
import { openFile } from "../../../src/daemon/sqlite/open.ts";
import { purge } from "../../../src/daemon/store/changing.ts";
import { describeOlder, hasOlder } from "../../../src/daemon/store/describe.ts";
import { fetchBatch } from "../../../src/daemon/store/fetching.ts";
import type { Mailbox } from "../../../src/daemon/store/mailbox.ts";
import { briefOf, isInBrief } from "../../../src/daemon/store/mime/brief.ts";
import { FieldNames, selectFields } from "../../../src/daemon/store/mime/select.ts";
import { type Prepared, prepareMessage } from "../../../src/daemon/store/prepare.ts";
import { TextIndex } from "../../../src/daemon/store/search/index.ts";
import { makeMailboxFile, openMailbox } from "./file.ts";

const dir = mkdtempSync(join(tmpdir(), "postern-brief-"));
afterAll(() => rmSync(dir, { recursive: true, force: true }));

/** The slow twin: every field read, then chosen. */
function slowly(raw: Uint8Array, names: readonly string[], chosen: boolean): string {
  const wanted = new Set(names.map((name) => name.toLowerCase()));
  const fields = readHeader(raw).fields.filter(({ name }) => wanted.has(name) === chosen);
  return `${fields.map(({ start, end }) => Buffer.from(raw.subarray(start, end)).toString("latin1")).join("")}\r\n`;
}

function quickly(raw: Uint8Array, end: number, names: readonly string[], chosen: boolean): string {
  const room = new Uint8Array(end + 2);
  return Buffer.from(room.buffer, 0, selectFields(raw, 0, end, new FieldNames(names), chosen, room, 0)).toString(
    "latin1",
  );
}

const line = fc.oneof(
  fc.constantFrom(
    "From: a@b",
    "from : a",
    "Subject: s",
    " folded",
    "\tfolded",
    "no colon",
    ":",
    ": x",
    "Dat: x",
    "Date:",
    "References: <a>\r",
    "X: \r y",
    "é: x",
    "To: a\0b",
  ),
  fc.string({ maxLength: 12 }),
);
const headers = fc
  .array(fc.tuple(line, fc.constantFrom("\r\n", "\r\n", "\n", "\r")), { maxLength: 12 })
  .map((lines) =>
    Buffer.from(`${lines.map(([text, end]) => text + end).join("")}\r\nSubject: in the body\r\n`, "latin1"),
  );
const someNames = fc.subarray(["FROM", "subject", "date", "references", "to", "x", "dat"]);

describe("HEADER.FIELDS", () => {
  it("selects what reading the whole header would", () => {
    fc.assert(
      fc.property(headers, someNames, fc.boolean(), (raw, names, chosen) => {
        const { bodyAt } = readHeader(raw);
        expect(quickly(raw, bodyAt, names, chosen)).toBe(slowly(raw, names, chosen));
      }),
      { numRuns: 2000 },
    );
  });

  it("of the brief is HEADER.FIELDS of the header", () => {
    fc.assert(
      fc.property(headers, someNames, (raw, names) => {
        const listed = names.filter((name) => isInBrief([name]));
        const brief = briefOf(raw, readHeader(raw));
        if (brief) expect(quickly(brief, brief.length, listed, true)).toBe(slowly(raw, listed, true));
      }),
      { numRuns: 2000 },
    );
  });

  it("has no brief of a header that is read only in part, or of one that is all recipients", () => {
    const many = Buffer.from(`${"X:\n".repeat(limits.proof.headerFields)}Subject: s\r\nFrom: swallowed\r\n\r\n`);
    expect(briefOf(many, readHeader(many))).toBeNull();
    const long = Buffer.from(`To: ${"someone@example.org,\r\n ".repeat(500)}\r\n\r\n`);
    expect(briefOf(long, readHeader(long))).toBeNull();
    expect(isInBrief(["FROM", "x-anything"])).toBe(false);
  });
});

const everything = [[1, 0xffffffff]] as const;
const fields = ["from", "subject"];

const raw = (i: number) =>
  Buffer.from(`Received: x\r\nFrom: p${i}@a.test\r\nSubject: Re: [l] s${i}\r\n${"X: y\r\n".repeat(i)}\r\nbody`);

const opened = (name: string) => openMailbox(join(dir, name));
const filled = (name: string) =>
  makeMailboxFile(
    join(dir, name),
    Array.from({ length: 120 }, (_, i) => ({ raw: raw(i) })),
  );

/** The rows of the first schema, as far as a listing looks at them. */
function fileAsBefore(db: ReturnType<typeof openFile>, id: number, message: Prepared): void {
  const { size, headerSize, digest, envelope, structure, basicStructure, parts, preview, subject } = message;
  db.prepare("INSERT INTO message VALUES (?,0,?,?,?,zeroblob(16),?,?,?,?,?)").run(
    ...[id, size, headerSize, digest, envelope, structure, basicStructure, parts, preview],
  );
  for (const [i, { codec, bytes }] of message.chunks.entries()) {
    db.prepare("INSERT INTO body VALUES (?,?,?)").run(id * 65_536 + i, codec, bytes);
  }
  db.prepare("INSERT INTO words VALUES (?,?,'','','','',NULL,'',NULL,NULL)").run(id, subject);
  db.prepare("INSERT INTO entry VALUES (1,?,?,0,'',1,0,0,?)").run(id, id, size);
}

function shown(mailbox: Mailbox) {
  const sections = [{ part: [], what: "fields", fields } as const];
  const { rows } = fetchBatch(mailbox, 1, everything, { envelope: true, structure: true, preview: true, sections }, 0);
  const text = [rows.envelopes, rows.structures, rows.previews, rows.sections?.[0]].map((packed) => [
    Buffer.from(packed?.bytes ?? []).toString("latin1"),
    packed?.ends,
  ]);
  return { text, words: mailbox.db.all("SELECT base, is_reply FROM words ORDER BY message") };
}

describe("a mailbox file of an older version", () => {
  it("answers the same before, while and after its messages are described anew", () => {
    const mailbox = filled("older.db");
    const { text, words } = shown(mailbox);
    expect(words[3]).toEqual({ base: "S3", is_reply: 1 });
    mailbox.db.run("DELETE FROM brief");
    mailbox.db.run("UPDATE words SET base = NULL, is_reply = 0");
    expect(shown(mailbox).text).toEqual(text);
    let more = true;
    for (let slices = 0; more; slices++) {
      expect(slices).toBeLessThan(4);
      expect(hasOlder(mailbox)).toBe(true);
      mailbox.writeNow((write) => {
        more = describeOlder(write, 50);
      });
      expect(shown(mailbox).text).toEqual(text);
    }
    expect(hasOlder(mailbox)).toBe(false);
    expect(shown(mailbox)).toEqual({ text, words });
    mailbox.close();
  });

  it("keeps what it had of its messages", () => {
    const { text } = shown(filled("new.db"));
    const old = openFile(join(dir, "old.db"), Buffer.alloc(32, 1), {});
    old.exec(readFileSync("migrations/mailbox/mail/0001_mail.sql", "utf8"));
    old.exec("INSERT INTO folder (id, name, uidvalidity) VALUES (1, 'INBOX', 1); PRAGMA user_version = 1");
    for (let i = 0; i < 120; i++) fileAsBefore(old, i + 1, prepareMessage(raw(i)));
    old.close();
    const mailbox = opened("old.db");
    expect(shown(mailbox).text).toEqual(text);
    expect(hasOlder(mailbox)).toBe(true);
    mailbox.close();
  });
});

it("purges all that there is of a message, its trigrams too, and then has no more to purge", () => {
  const mailbox = filled("purged.db");
  const index = TextIndex.open(join(dir, "index.db"), () => Buffer.alloc(32, 1));
  expect(index.advance(mailbox, 10_000)).toBe(true);
  expect(index.advance(mailbox, 10_000)).toBe(false);
  const held = () => mailbox.db.column<number>("SELECT message FROM held").filter(index.mayHold("body"));
  expect(held()).toHaveLength(120);
  mailbox.writeNow((write) => {
    write.db.run("DELETE FROM entry");
    write.db.run("UPDATE held SET refs = 0");
  });
  const gone: number[] = [];
  mailbox.writeNow((write) => gone.push(...purge(write, 200)));
  expect(gone).toHaveLength(120);
  for (const table of ["message", "words", "envelope", "structure", "brief", "body", "held"]) {
    expect(mailbox.db.value(`SELECT count(*) FROM ${table}`), table).toBe(0);
  }
  mailbox.writeNow((write) => expect(purge(write, 200)).toEqual([]));
  index.forget(gone);
  expect(gone.filter(index.mayHold("body"))).toEqual([]);
  index.close();
  mailbox.close();
});
