// Large messages go to the disk as they come: the same rows as whole ones, nothing visible before the end, nothing left of a bad one.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, describe, expect, it } from "vitest";
import { utf8 } from "../../../src/core/bytes.ts";
import { Database } from "../../../src/daemon/sqlite/database.ts";
import { Body, type BodyRow } from "../../../src/daemon/store/body.ts";
import { append, appendStored } from "../../../src/daemon/store/changing.ts";
import { checkMailbox } from "../../../src/daemon/store/check.ts";
import { countsNamed, makeFirstFolders } from "../../../src/daemon/store/folders.ts";
import { Mailbox } from "../../../src/daemon/store/mailbox.ts";
import { prepareMessage } from "../../../src/daemon/store/prepare.ts";
import { fileInTurns, slicesOf } from "../../../src/daemon/store/streaming.ts";
import { makeMailbox, type StoreFixture, storeFixture, texts } from "./fixture.ts";
import { attachment, withAttachments } from "./mail-like.ts";

const dir = mkdtempSync(join(tmpdir(), "postern-streaming-"));
const open: Mailbox[] = [];
afterEach(() => {
  for (const one of open.splice(0)) one.close();
});
afterAll(() => rmSync(dir, { recursive: true, force: true }));

let made = 0;
function mailbox(): Mailbox {
  const db = Database.open(join(dir, `${made++}.db`), Buffer.alloc(32, 1), "mailbox/mail");
  const hooks = { now: () => 5, soon: (work: () => void) => void setImmediate(work), committed: () => undefined };
  const one = new Mailbox(
    { id: "m", bodyMac: new Uint8Array(32).fill(9), quotaBytes: 1e9, readOnly: false },
    db,
    hooks,
  );
  one.writeNow(makeFirstFolders);
  open.push(one);
  return one;
}

const pause = () => new Promise<void>((resolve) => setImmediate(resolve));
const facts = { flags: [], internalDate: 7 };
const stream = (to: Mailbox, pieces: Iterable<Uint8Array>) =>
  fileInTurns(to, pieces, (write, message) => appendStored(write, "INBOX", message, facts), pause);

const none = utf8("");

function file(to: Mailbox, raw: Uint8Array): void {
  to.writeNow((write) => append(write, "INBOX", [{ prepared: prepareMessage(raw), ...facts }]));
}

const tables = [
  "message",
  "body",
  "shared",
  "shared_body",
  "envelope",
  "structure",
  "brief",
  "words",
  "held",
  "entry",
  "folder",
];
const rows = ({ db }: Mailbox) => Object.fromEntries(tables.map((table) => [table, db.all(`SELECT * FROM ${table}`)]));

function bytesOf({ db }: Mailbox, message: number): Buffer {
  const text = "SELECT id AS message, size, header_size AS headerSize, parts, stretches FROM message WHERE id = ?";
  const row = db.get<BodyRow>(text, message);
  if (!row) throw new Error("no such message");
  return Buffer.from(new Body(db, row).whole());
}

const pdf = attachment(1, 700_000);
const letters = [
  withAttachments("one", [pdf]),
  withAttachments("again, twice", [pdf, attachment(2, 300_000), pdf]),
  `Subject: no parts\r\n\r\n${attachment(3, 400_000)}`,
  `Subject: a newsletter\r\nContent-Type: text/html\r\n\r\n${"<p>round and round it goes\r\n".repeat(20_000)}`,
  `Content-Type: message/rfc822\r\n\r\n${withAttachments("inside", [pdf])}`,
  "Subject: short\r\n\r\nbody\r\n",
  "Subject: no body at all",
  "",
].map((text) => Buffer.from(text, "latin1"));

describe("a large message", () => {
  it("leaves the same rows as one that was read whole", async () => {
    const [whole, streamed] = [mailbox(), mailbox()];
    for (const raw of letters) {
      file(whole, raw);
      await stream(streamed, slicesOf(Buffer.from(raw)));
    }
    expect(rows(streamed)).toEqual(rows(whole));
    for (const [i, raw] of letters.entries()) expect(bytesOf(streamed, i + 1).equals(raw)).toBe(true);
    expect(await checkMailbox(streamed, pause)).toEqual({ checked: letters.length, damaged: [], structure: [] });
  });

  it("overwrites the pieces it was given", async () => {
    const raw = Buffer.from(letters[0] ?? []);
    await stream(mailbox(), slicesOf(raw));
    expect(raw.equals(Buffer.alloc(raw.length))).toBe(true);
  });

  it("is seen by nobody before it is whole, and holds up writers, not readers", async () => {
    const one = mailbox();
    file(one, letters[5] ?? none);
    const [seen, order]: [number[], string[]] = [[], []];
    function* watched(): Generator<Uint8Array> {
      for (const piece of slicesOf(Buffer.from(letters[0] ?? []))) {
        seen.push(countsNamed(one, "INBOX")?.messages ?? -1, one.db.all("SELECT id FROM message").length);
        expect(bytesOf(one, 1).equals(letters[5] ?? none)).toBe(true);
        yield piece;
      }
    }
    const large = stream(one, watched()).then(() => order.push("large"));
    const small = one
      .write(0, (write) => append(write, "INBOX", [{ prepared: prepareMessage(utf8("x: y\r\n\r\n")), ...facts }]))
      .then(({ uids }) => order.push(`small ${uids}`));
    await Promise.all([large, small]);
    expect(seen.length).toBeGreaterThan(8);
    expect(new Set(seen)).toEqual(new Set([1]));
    expect(order.sort()).toEqual(["large", "small 3"]);
    expect((await checkMailbox(one, pause)).structure).toEqual([]);
  });

  it("leaves nothing when its last piece is bad, and those after it are filed", async () => {
    const one = mailbox();
    file(one, letters[1] ?? none);
    const before = rows(one);
    function* bad(): Generator<Uint8Array> {
      yield* slicesOf(Buffer.from(letters[0] ?? []));
      throw new Error("the last chunk is forged");
    }
    const others = [stream(one, bad()), stream(one, slicesOf(Buffer.from(letters[2] ?? [])))];
    expect((await Promise.allSettled(others)).map(({ status }) => status)).toEqual(["rejected", "fulfilled"]);
    expect(one.db.column("SELECT id FROM message")).toEqual([1, 2]);
    expect(bytesOf(one, 2).equals(letters[2] ?? none)).toBe(true);
    expect(before["shared"]).toEqual(one.db.all("SELECT * FROM shared WHERE id <= 2"));
    expect(await checkMailbox(one, pause)).toEqual({ checked: 2, damaged: [], structure: [] });
  });

  it("leaves nothing when the mailbox is closed in the middle", async () => {
    const path = join(dir, `${made}.db`);
    const one = mailbox();
    open.pop();
    function* closing(): Generator<Uint8Array> {
      for (const [i, piece] of [...slicesOf(Buffer.from(letters[0] ?? []))].entries()) {
        if (i === 4) setImmediate(() => one.close());
        yield piece;
      }
    }
    // Slower than a slice, so that it rests in between.
    const slow = (function* () {
      for (const piece of closing()) {
        for (const until = performance.now() + 8; performance.now() < until; );
        yield piece;
      }
    })();
    await expect(stream(one, slow)).rejects.toThrow("The mailbox was closed");
    const db = Database.open(path, Buffer.alloc(32, 1), "mailbox/mail");
    for (const table of ["message", "body", "shared", "shared_body"])
      expect(db.all(`SELECT * FROM ${table}`)).toEqual([]);
    db.close();
  });

  it("past the quota leaves nothing", async () => {
    const one = mailbox();
    one.quotaBytes = 100_000;
    await expect(stream(one, slicesOf(Buffer.from(letters[0] ?? [])))).rejects.toThrow("Mailbox is full");
    expect(one.db.all("SELECT * FROM body")).toEqual([]);
    expect(countsNamed(one, "INBOX")).toMatchObject({ messages: 0, uidnext: 1, size: 0 });
  });
});

describe("a large sealed message", () => {
  let fixture: StoreFixture;
  afterEach(() => fixture.end());

  const big = withAttachments("big", [attachment(4, 3_000_000)]);
  const trace = "Return-Path: <ann@sender.test>\r\n";

  it("is filed byte for byte, at login and while the mailbox is open, and shares what repeats", async () => {
    fixture = await storeFixture({ workers: 1 });
    const one = makeMailbox("s1", "sam@demo.test");
    await fixture.store.applyMailbox(one.record);
    const accept = (id: string) => fixture.store.acceptSealed({ mailbox: "s1", epoch: 0, id, bytes: one.seal(big) });
    expect(await accept("a")).toBe("stored");
    expect(await texts(fixture.store, one)).toEqual([trace + big]);
    expect(await accept("b")).toBe("stored");
    expect(await accept("b")).toBe("duplicate");
    expect(await texts(fixture.store, one)).toEqual([trace + big, trace + big]);
    expect(fixture.alarms).toEqual([]);
  });

  it("whose last chunk was changed is kept aside, and nothing of it is seen", async () => {
    fixture = await storeFixture({ workers: 1 });
    const one = makeMailbox("s2", "sue@demo.test");
    await fixture.store.applyMailbox(one.record);
    const bytes = one.seal(big);
    bytes[bytes.length - 1] = (bytes[bytes.length - 1] ?? 0) ^ 1;
    await fixture.store.acceptSealed({ mailbox: "s2", epoch: 0, id: "bad", bytes });
    await fixture.store.acceptSealed({ mailbox: "s2", epoch: 0, id: "good", bytes: one.seal("Subject: x\r\n\r\nx") });
    expect(await texts(fixture.store, one)).toEqual([`${trace}Subject: x\r\n\r\nx`]);
    expect(fixture.alarms.map(({ what }) => what)).toEqual(["a sealed message does not open"]);
  });
});
