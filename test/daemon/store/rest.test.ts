/**
 * Files of a mailbox are closed while nobody uses them, also while its owner is logged in, and nobody notices: what a client asks, what
 * is filed, searched and indexed afterwards is as if they had stayed open. Counted by the file that SQLite keeps beside each open one.
 */
import { copyFileSync, globSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it } from "vitest";
import { utf8 } from "../../../src/core/bytes.ts";
import { collect, logIn, makeMailbox, type StoreFixture, storeFixture, texts } from "./fixture.ts";

const letter = (i: number): string => `Subject: m${i}\r\n\r\nzebra${i} in the text\r\n`;
const filed = (i: number) => ({ flags: [], internalDate: null, bytes: utf8(letter(i)) });
const openFiles = ({ dir }: StoreFixture): number => globSync(join(dir, "mailboxes", "*", "*-shm")).length;
const patient = { timeout: 30_000 };
const atRest = (fixture: StoreFixture) => expect.poll(() => openFiles(fixture), patient).toBe(0);

it("rests between any two things that its owner does, and takes mail", async () => {
  const fixture = await storeFixture({ restMs: 5 });
  try {
    const mailbox = makeMailbox("r", "r@demo.test");
    await fixture.store.applyMailbox(mailbox.record);
    const account = await logIn(fixture.store, mailbox);
    const heard: string[] = [];
    account.watch(({ kind }) => void heard.push(kind));
    await atRest(fixture);
    for (let i = 1; i <= 3; i++) {
      await account.append("INBOX", [filed(i)]);
      await atRest(fixture);
    }
    const box = await account.open("INBOX", false);
    await atRest(fixture);
    expect(Array.from((await box.snapshot()).uids)).toEqual([1, 2, 3]);
    await atRest(fixture);
    await box.setFlags([[2, 2]], { mode: "add", flags: ["\\Flagged", "$Odd"] }, null);
    await atRest(fixture);
    const bytes = mailbox.seal(letter(4));
    expect(await fixture.store.acceptSealed({ mailbox: "r", epoch: 0, id: "h4", bytes })).toBe("stored");
    await expect.poll(() => heard.filter((kind) => kind === "added"), patient).toHaveLength(4);
    await atRest(fixture);
    await expect.poll(() => fixture.store.isIndexing("r"), patient).toBe(false);
    for (const [text, uids] of Object.entries({ zebra2: [2], "in the text": [1, 2, 3, 4], nowhere: [] })) {
      await atRest(fixture);
      expect([text, [...(await box.search({ kind: "text", text })).uids]]).toEqual([text, uids]);
    }
    await atRest(fixture);
    const flags = await collect(box.fetch([[2, 2]], {}));
    expect(flags[0]?.flagSets.flat().sort()).toEqual(["$Odd", "\\Flagged"]);
    expect((await account.check()).structure).toEqual([]);
    await account.logout();
    expect(await texts(fixture.store, mailbox)).toHaveLength(4);
    expect(fixture.alarms).toEqual([]);
  } finally {
    await fixture.end();
  }
});

it("an older file in the place of the one at rest: nothing of it is served, and the next login finds it read-only", async () => {
  const fixture = await storeFixture({ restMs: 5, graceMs: 0 });
  const aside = mkdtempSync(join(tmpdir(), "postern-older-"));
  try {
    const mailbox = makeMailbox("r", "r@demo.test");
    await fixture.store.applyMailbox(mailbox.record);
    const account = await logIn(fixture.store, mailbox);
    await account.append("INBOX", [filed(1)]);
    await atRest(fixture);
    const [mail, older] = [join(fixture.dir, "mailboxes", "r", "mail.db"), join(aside, "mail.db")];
    copyFileSync(mail, older);
    await account.append("INBOX", [filed(2)]);
    await atRest(fixture);
    copyFileSync(older, mail);
    await expect(account.folders()).rejects.toMatchObject({ code: "UNAVAILABLE" });
    await expect.poll(() => account.folders().catch(String), patient).toMatch("The session has ended");
    const again = await logIn(fixture.store, mailbox);
    await expect(again.create("new", null)).rejects.toMatchObject({ code: "UNAVAILABLE" });
    expect(fixture.alarms.map(({ what }) => what)).toEqual([
      "the mailbox file was exchanged while nobody used it",
      "the mailbox file is older than it was",
    ]);
  } finally {
    await fixture.end();
    rmSync(aside, { recursive: true });
  }
});

it("many that come and go leave no file open, however often", async () => {
  const fixture = await storeFixture({ graceMs: 0, restMs: 5 });
  try {
    const mailboxes = Array.from({ length: 40 }, (_, i) => makeMailbox(`m${i}`, `m${i}@demo.test`));
    for (const { record } of mailboxes) await fixture.store.applyMailbox(record);
    for (let round = 0; round < 3; round++) {
      const accounts = await Promise.all(mailboxes.map((mailbox) => logIn(fixture.store, mailbox)));
      await Promise.all(accounts.map((account) => account.append("INBOX", [filed(round)])));
      await atRest(fixture);
      // Woken again, and some leave while they are awake.
      await Promise.all(accounts.map((account) => account.folders()));
      await Promise.all(accounts.map((account) => account.logout()));
      await atRest(fixture);
    }
    expect(fixture.alarms).toEqual([]);
  } finally {
    await fixture.end();
  }
});
