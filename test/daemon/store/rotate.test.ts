// After a theft: a new master key, new slots; at the next login the mailbox is re-keyed, and mail sealed to either key is there.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { toBase64, utf8 } from "../../../src/core/bytes.ts";
import type { MailboxRecord } from "../../../src/core/contract/mailbox.ts";
import { deriveKeys, makeAppPassword, wrapKey } from "../../../src/core/seal/keys.ts";
import { rotateKeys } from "../../../src/core/seal/rotate.ts";
import { sealedBytes, sealMessage } from "../../../src/core/seal/seal.ts";
import { nativePrimitives, random } from "../../../src/daemon/platform.ts";
import { Database } from "../../../src/daemon/sqlite/database.ts";
import { logIn, makeMailbox, type StoreFixture, storeFixture, type TestMailbox, texts } from "./fixture.ts";

let fixture: StoreFixture;
beforeAll(async () => {
  fixture = await storeFixture();
});
afterAll(() => fixture.end());

/** What an owner's browser does: a new key, one slot, everything before it revoked. */
function rotated(mailbox: TestMailbox): TestMailbox {
  const { record } = mailbox;
  const { masterKey, publicKey, keyId, previous } = rotateKeys(record.id, mailbox.masterKey, random, nativePrimitives);
  const made = makeAppPassword(random);
  const facts = {
    id: `${keyId}-slot`,
    kind: "app-password",
    selector: made.selector,
    label: "",
    createdAt: 2,
  } as const;
  const slot = wrapKey(masterKey, made.secret, { ...facts, mailboxId: record.id }, random);
  const next: MailboxRecord = {
    ...{ ...record, revision: record.revision + 1, publicKey: toBase64(publicKey), keyId },
    keyslots: [...record.keyslots.map((old) => ({ ...old, revokedAt: 2 })), slot],
    previous: [previous, ...(record.previous ?? [])],
  };
  const inner = { receivedAt: 1, mailFrom: "", recipient: "", folder: "INBOX", flags: [], trace: "", proofSummary: "" };
  const seal = (raw: string | Uint8Array) =>
    sealedBytes(
      sealMessage({ publicKey, keyId, inner, raw: typeof raw === "string" ? utf8(raw) : raw }, nativePrimitives),
    );
  return { ...mailbox, record: next, masterKey, password: made.text, seal };
}

const deliver = (mailbox: TestMailbox, id: string, text: string) =>
  fixture.store.acceptSealed({
    mailbox: mailbox.record.id,
    epoch: 0,
    id,
    bytes: mailbox.seal(`Subject: ${text}\r\n\r\n`, { trace: "" }),
  });

describe("rotating a mailbox's key", () => {
  it("takes everything over at the next login, twice, and leaves nothing under the old key", async () => {
    const first = makeMailbox("r1", "rot@demo.test");
    await fixture.store.applyMailbox(first.record);
    await deliver(first, "a", "one");
    const account = await logIn(fixture.store, first);
    await deliver(first, "b", "two");

    const second = rotated(first);
    // Sealed to the old key, in flight while the record changes.
    const ended = new Promise<void>((resolve) => account.onRevoked(() => resolve()));
    await fixture.store.applyMailbox(second.record);
    await ended;
    await deliver(first, "c", "three");
    await deliver(second, "d", "four");
    const again = await fixture.store.mailboxes.login("rot@demo.test", utf8(first.password), { ip: "" });
    expect(again).toEqual({ ok: false, why: "credentials" });

    const third = rotated(second);
    await fixture.store.applyMailbox(third.record);
    await deliver(third, "e", "five");
    const subjects = (await texts(fixture.store, third)).map((text) => text.split("\r\n")[0]?.slice(9));
    expect(subjects.sort()).toEqual(["five", "four", "one", "three", "two"]);
    const owner = await logIn(fixture.store, third);
    expect(await owner.check()).toEqual({ checked: 5, damaged: [], structure: [] });
    const box = await owner.open("INBOX", true);
    expect((await box.search({ kind: "subject", field: "subject", text: "three" })).uids.length).toBe(1);
    expect(fixture.alarms).toEqual([]); // its owner made them
    await fixture.store.close();

    const path = join(fixture.dir, "mailboxes", "r1", "mail.db");
    for (const key of [first, second].map(({ masterKey }) => deriveKeys(masterKey).mailKey)) {
      expect(() => Database.open(path, Buffer.from(key), "mailbox/mail")).toThrow("key does not open");
    }
    expect(readFileSync(path).length).toBeGreaterThan(0);
    fixture.alarms.length = 0;
    await fixture.reopen();
    // Proven by the owner's login: the new key is the pinned one now.
    await fixture.store.applyMailbox({ ...third.record, revision: third.record.revision + 1 });
    expect(fixture.alarms).toEqual([]);
    expect((await texts(fixture.store, third)).length).toBe(5);
  });

  it("that was made without the old key is an alarm at the next login", async () => {
    const mailbox = makeMailbox("r2", "forged@demo.test");
    await fixture.store.applyMailbox(mailbox.record);
    fixture.alarms.length = 0;
    const thief = rotated({ ...mailbox, masterKey: random(32) });
    // It names the true key as the one before, and can't hand it down.
    const previous = (thief.record.previous ?? []).map((one) => ({ ...one, keyId: mailbox.record.keyId }));
    await fixture.store.applyMailbox({ ...thief.record, previous });
    expect(fixture.alarms).toEqual([]);
    await logIn(fixture.store, thief);
    expect(fixture.alarms.map(({ what }) => what)).toEqual(["the key was changed by somebody without the old one"]);
  });
});
