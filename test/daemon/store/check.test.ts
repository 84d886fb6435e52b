// The integrity check names what is damaged and leaves the rest in peace.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { utf8 } from "../../../src/core/bytes.ts";
import { Database } from "../../../src/daemon/sqlite/database.ts";
import { append } from "../../../src/daemon/store/changing.ts";
import { checkMailbox } from "../../../src/daemon/store/check.ts";
import { makeFirstFolders } from "../../../src/daemon/store/folders.ts";
import { Mailbox } from "../../../src/daemon/store/mailbox.ts";
import { prepareMessage } from "../../../src/daemon/store/prepare.ts";

const dir = mkdtempSync(join(tmpdir(), "postern-check-"));
afterAll(() => rmSync(dir, { recursive: true, force: true }));

const key = () => Buffer.alloc(32, 1);
const pause = async () => undefined;

async function filled(name: string): Promise<Mailbox> {
  const db = Database.open(join(dir, name), key(), "mailbox/mail");
  const hooks = { now: Date.now, soon: () => undefined, committed: () => undefined };
  const facts = { id: "m", bodyMac: new Uint8Array(32).fill(9), quotaBytes: 1e9, readOnly: false };
  const mailbox = new Mailbox(facts, db, hooks);
  mailbox.writeNow(makeFirstFolders);
  for (let i = 0; i < 120; i++) {
    const prepared = prepareMessage(utf8(`Subject: ${i}\r\n\r\n${"text ".repeat(i * 10)}`));
    mailbox.writeNow((write) =>
      append(write, i % 2 ? "INBOX" : "Archive", [{ prepared, flags: [], internalDate: null }]),
    );
  }
  return mailbox;
}

describe("the integrity check", () => {
  it("finds nothing in a whole mailbox", async () => {
    const mailbox = await filled("whole.db");
    expect(await checkMailbox(mailbox, pause)).toEqual({ checked: 120, damaged: [], structure: [] });
    mailbox.close();
  });

  it("names a missing, an exchanged and an altered message, and counts that do not add up", async () => {
    const mailbox = await filled("damaged.db");
    const { db } = mailbox;
    const chunk = (message: number, n: number) => message * 65_536 + n;
    db.run("DELETE FROM body WHERE id = ?", chunk(2, 1));
    const exchange = "UPDATE body SET bytes = (SELECT bytes FROM body WHERE id = ?) WHERE id = ?";
    db.run(exchange, chunk(6, 1), chunk(8, 1));
    db.run("UPDATE body SET bytes = zeroblob(length(bytes)) WHERE id = ?", chunk(6, 1));
    db.run("UPDATE message SET body_mac = zeroblob(16) WHERE id = 10");
    db.run("DELETE FROM message WHERE id = 12");
    db.run("UPDATE folder SET unseen = 1 WHERE name = 'Archive'");
    const { checked, damaged, structure } = await checkMailbox(mailbox, pause);
    expect(checked).toBe(120);
    expect(damaged).toEqual([
      { folder: "INBOX", uid: 1, what: "bytes are missing", lost: ["1"] },
      { folder: "INBOX", uid: 3, what: "bytes are not what was filed", lost: [] },
      { folder: "INBOX", uid: 4, what: "bytes are missing", lost: ["1"] },
      { folder: "INBOX", uid: 5, what: "bytes are not what was filed", lost: [] },
      { folder: "INBOX", uid: 6, what: "details are missing", lost: [] },
    ]);
    expect(structure).toEqual(["a folder's counts do not add up: Archive"]);
    mailbox.close();
  });
});
