// Every file that a store writes, while it works, after it was killed and after it was closed: no word of the mail, no address but where
// the directory must hold it (encrypted), no key, no password.
import { mkdtempSync, readdirSync, readFileSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { utf8 } from "../../../src/core/bytes.ts";
import { deriveKeys } from "../../../src/core/seal/keys.ts";
import { logIn, makeMailbox, type StoreFixture, storeFixture } from "./fixture.ts";

const dir = mkdtempSync(join(tmpdir(), "postern-confidential-"));
let fixture: StoreFixture;
beforeAll(async () => {
  fixture = await storeFixture({ graceMs: 60_000 }, dir);
});
afterAll(() => fixture.end());

const [open, locked] = [makeMailbox("o1", "oscar@demo.test", 1e9), makeMailbox("l1", "laura@demo.test", 1e9)];
const marker = (part: string, i: number) => `mark${part}${i}er`;
const raw = (i: number) =>
  `From: ${marker("name", i)} <${marker("local", i)}@sender.test>\r\nSubject: ${marker("subject", i)}\r\n` +
  `Message-ID: <${marker("id", i)}@x.test>\r\n\r\n${`${marker("body", i)} `.repeat(1 + (i % 40) * 20)}\r\n`;

function files(at: string): string[] {
  return readdirSync(at, { recursive: true, encoding: "utf8" })
    .map((name) => join(at, name))
    .filter((path) => statSync(path).isFile());
}

/** What is found where. Common parts of all markers stand for each of them. */
function leaks(): string[] {
  const needles: [string, Uint8Array][] = [
    "markname",
    "marklocal",
    "marksubject",
    "markid",
    "markbody",
    "markflag",
    "markfolder",
  ].map((word) => [word, utf8(word)]);
  for (const mailbox of [open, locked]) {
    const keys = Object.entries(deriveKeys(mailbox.masterKey));
    needles.push(["address", utf8(mailbox.record.address)], ["password", utf8(mailbox.password.slice(11))]);
    needles.push(["masterKey", mailbox.masterKey], ...keys);
  }
  const found: string[] = [];
  for (const path of files(dir)) {
    const bytes = readFileSync(path);
    for (const [name, needle] of needles) if (bytes.includes(Buffer.from(needle))) found.push(`${name} in ${path}`);
    if (bytes.includes("SQLite format 3")) found.push(`plain pages in ${path}`);
  }
  return found;
}

describe("what is on disk", () => {
  it("tells nothing, through a thousand messages, locked and open, searched, changed, closed", async () => {
    await fixture.store.applyMailbox(open.record);
    await fixture.store.applyMailbox(locked.record);
    const account = await logIn(fixture.store, open);
    await account.create("markfolder", null);
    for (let i = 0; i < 500; i += 50) {
      const batch = Array.from({ length: 50 }, (_, n) => i + n).flatMap((number) =>
        [open, locked].map((mailbox) =>
          fixture.store.acceptSealed({
            ...{ mailbox: mailbox.record.id, epoch: 0, id: `${mailbox.record.id}-${number}` },
            bytes: mailbox.seal(raw(number)),
          }),
        ),
      );
      expect(new Set(await Promise.all(batch))).toEqual(new Set(["stored"]));
    }
    // Large ones go to the disk as they come; one of them never comes to its end.
    for (const mailbox of [open, locked]) {
      const bytes = mailbox.seal(raw(7).repeat(2000) + marker("body", 1000));
      expect(bytes.length).toBeGreaterThan(1_000_000);
      await fixture.store.acceptSealed({
        mailbox: mailbox.record.id,
        epoch: 0,
        id: `large-${mailbox.record.id}`,
        bytes,
      });
    }
    const hangUp = Promise.withResolvers<never>();
    const begun = Promise.withResolvers<void>();
    const cut = fixture.store.acceptStream({
      ...{ mailbox: locked.record.id, epoch: 0, id: "cut", size: 2_000_000 },
      pieces: (async function* () {
        yield locked.seal(raw(9).repeat(1000)).slice(0, 900_000);
        begun.resolve();
        await hangUp.promise;
      })(),
    });
    await begun.promise;
    // A second login waits until everything is filed.
    const second = await logIn(fixture.store, open);
    const box = await second.open("INBOX", false);
    await box.setFlags([[1, 100]], { mode: "add", flags: ["markflag", "\\Deleted"] }, null);
    expect((await box.search({ kind: "text", text: "markbody8er" })).uids.length).toBe(1);
    // Sorting and a large delete are what makes SQLite spill to temporary files, if it does.
    expect((await box.sort({ kind: "all" }, [{ key: "subject", reverse: false }])).length).toBe(501);
    await box.expunge(null);
    expect(leaks()).toEqual([]);
    expect(files(dir).filter((path) => path.endsWith("-wal")).length).toBeGreaterThan(2);
    hangUp.reject(new Error("hung up"));
    await expect(cut).rejects.toThrow("hung up");
    expect(leaks()).toEqual([]);
    await account.logout();
    await second.logout();
    await fixture.reopen();
    expect(leaks()).toEqual([]);
    const sizes = files(dir).map((path) => statSync(path).size);
    console.log(
      `no marker, address or key in ${sizes.length} files of ${sizes.reduce((sum, size) => sum + size, 0)} bytes`,
    );
    expect((await fixture.store.stats().find(({ id }) => id === "l1"))?.waiting).toBe(501);
  });
});
