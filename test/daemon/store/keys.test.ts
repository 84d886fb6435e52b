// Keyslots come and go; whoever lost one is out at once. A changed public key, a file that runs behind and a damaged one are told apart.
import { cpSync, existsSync, openSync, readFileSync, rmSync, statSync, writeSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { utf8 } from "../../../src/core/bytes.ts";
import { wrapKey } from "../../../src/core/seal/keys.ts";
import { random } from "../../../src/daemon/platform.ts";
import { markNodeRestored, markRestored } from "../../../src/daemon/store/restore.ts";
import { logIn, makeMailbox, nodeKey, type StoreFixture, storeFixture, type TestMailbox } from "./fixture.ts";

let fixture: StoreFixture;
let made = 0;
beforeAll(async () => {
  fixture = await storeFixture();
});
afterAll(() => fixture.end());

async function placed(): Promise<TestMailbox> {
  const id = `k${made++}`;
  const mailbox = makeMailbox(id, `${id}@demo.test`);
  await fixture.store.applyMailbox(mailbox.record);
  return mailbox;
}
const tryLogin = (mailbox: TestMailbox, password: string) =>
  fixture.store.mailboxes.login(mailbox.record.address, utf8(password), { ip: "" });
const append = async (mailbox: TestMailbox, folder = "INBOX") => {
  const account = await logIn(fixture.store, mailbox);
  const appended = await account.append(folder, [
    { flags: [], internalDate: null, bytes: utf8("Subject: x\r\n\r\nx") },
  ]);
  await account.logout();
  return appended;
};
const folderOf = ({ record }: TestMailbox) => join(fixture.dir, "mailboxes", record.id);

describe("keyslots", () => {
  it("open the mailbox each by its own password, until revoked: then sessions end and the password is nobody's", async () => {
    const mailbox = await placed();
    const { slot, password } = mailbox.addSlot("phone");
    const two = { ...mailbox.record, revision: 2, keyslots: [...mailbox.record.keyslots, slot] };
    expect(await fixture.store.applyMailbox(two)).toBe(2);
    const kept = await logIn(fixture.store, mailbox);
    const lost = await logIn(fixture.store, mailbox, password);
    const ended = new Promise<void>((resolve) => lost.onRevoked(() => resolve()));
    kept.onRevoked(() => expect.unreachable("the other slot was not revoked"));
    const three = {
      ...two,
      revision: 3,
      keyslots: two.keyslots.map((one) => (one === slot ? { ...one, revokedAt: 5 } : one)),
    };
    await fixture.store.applyMailbox(three);
    await ended;
    await expect(lost.folders()).rejects.toMatchObject({ code: "UNAVAILABLE" });
    expect(await tryLogin(mailbox, password)).toEqual({ ok: false, why: "credentials" });
    expect((await kept.folders()).length).toBeGreaterThan(5);
    // News that comes late changes nothing.
    expect(await fixture.store.applyMailbox(two)).toBe(3);
    expect(await tryLogin(mailbox, password)).toEqual({ ok: false, why: "credentials" });
    await kept.logout();
  });

  it("that come in records crossing each other: the newer one stays, also after a restart", async () => {
    for (const order of ["older first", "newer first"] as const) {
      const mailbox = await placed();
      const { slot, password } = mailbox.addSlot("phone");
      const older = { ...mailbox.record, revision: 2, keyslots: [...mailbox.record.keyslots, slot] };
      const newer = { ...older, revision: 3, keyslots: [...mailbox.record.keyslots, { ...slot, revokedAt: 5 }] };
      const records = order === "older first" ? [older, newer] : [newer, older];
      const applied = await Promise.all(records.map((record) => fixture.store.applyMailbox(record)));
      expect([order, applied.at(records.indexOf(newer))]).toEqual([order, 3]);
      for (const store of [fixture.store, await fixture.reopen()]) {
        expect([order, store.record(mailbox.record.id)?.revision]).toEqual([order, 3]);
        expect(await tryLogin(mailbox, password)).toEqual({ ok: false, why: "credentials" });
      }
    }
  });
  it("are of use for their own mailbox only", async () => {
    const [mailbox, other] = [await placed(), await placed()];
    const stolen = { ...other.record, revision: 2, keyslots: [...other.record.keyslots, ...mailbox.record.keyslots] };
    await fixture.store.applyMailbox(stolen);
    expect(await tryLogin(other, mailbox.password)).toEqual({ ok: false, why: "credentials" });
  });

  it("of the kind test-only take any password, where the store was told so", async () => {
    const mailbox = await placed();
    const facts = {
      id: "t",
      kind: "test-only",
      selector: "test",
      label: "",
      createdAt: 0,
      mailboxId: mailbox.record.id,
    } as const;
    // A slot around another key opens nothing real: it is enough to see whether it is tried.
    const slot = wrapKey(random(32), utf8("pw"), facts, random);
    await fixture.store.applyMailbox({ ...mailbox.record, revision: 2, keyslots: [slot] });
    expect(await tryLogin(mailbox, "pw")).toEqual({ ok: false, why: "credentials" });
    await fixture.reopen({ testSlots: true });
    expect((await tryLogin(mailbox, "pw")).ok).toBe(true);
    expect(await tryLogin(mailbox, "no")).toEqual({ ok: false, why: "credentials" });
    expect(fixture.alarms.some(({ what }) => what.includes("public key"))).toBe(true);
    await fixture.reopen();
  });

  it("raise an alarm with another public key", async () => {
    const mailbox = await placed();
    const other = makeMailbox(mailbox.record.id, mailbox.record.address);
    fixture.alarms.length = 0;
    await fixture.store.applyMailbox({ ...other.record, revision: 9 });
    expect(fixture.alarms).toEqual([{ mailbox: mailbox.record.id, what: "the edge offers another public key" }]);
  });
});

describe("a mailbox file", () => {
  it("that runs behind opens read-only with an alarm, and after a marked restore with new UIDVALIDITYs", async () => {
    const mailbox = await placed();
    const first = await append(mailbox);
    await fixture.reopen();
    cpSync(folderOf(mailbox), `${folderOf(mailbox)}.old`, { recursive: true });
    await append(mailbox);
    await append(mailbox);
    await fixture.store.close();
    rmSync(folderOf(mailbox), { recursive: true });
    cpSync(`${folderOf(mailbox)}.old`, folderOf(mailbox), { recursive: true });
    fixture.alarms.length = 0;
    await fixture.reopen();
    const account = await logIn(fixture.store, mailbox);
    expect(fixture.alarms).toEqual([{ mailbox: mailbox.record.id, what: "the mailbox file is older than it was" }]);
    expect(await account.counts(["INBOX"])).toMatchObject([{ messages: 1 }]);
    await expect(account.create("new", null)).rejects.toMatchObject({ code: "UNAVAILABLE" });
    await fixture.store.close();

    markRestored(folderOf(mailbox), mailbox.record.id, new Uint8Array(32));
    await fixture.reopen();
    await expect((await logIn(fixture.store, mailbox)).create("new", null)).rejects.toMatchObject({
      code: "UNAVAILABLE",
    });
    await fixture.store.close();

    markRestored(folderOf(mailbox), mailbox.record.id, nodeKey);
    await fixture.reopen();
    const restored = await logIn(fixture.store, mailbox);
    const [counts] = await restored.counts(["INBOX"]);
    expect(counts?.messages).toBe(1);
    expect(counts?.folder.uidvalidity).toBeGreaterThan(first.uidvalidity);
    // Three appends had moved it to 4.
    expect(counts?.highestModseq).toBeGreaterThan(4);
    const box = await restored.open("INBOX", true);
    expect(await box.expungedSince(3)).toBeNull();
    await restored.create("new", null);
  });

  it("that is missing, damaged, or keyed otherwise is unavailable, not empty", async () => {
    const mailbox = await placed();
    await append(mailbox);
    await fixture.reopen();
    const path = join(folderOf(mailbox), "mail.db");
    const whole = readFileSync(path);
    const put = async (bytes: Buffer | null) => {
      await fixture.store.close();
      for (const end of ["-wal", "-shm"]) rmSync(path + end, { force: true });
      if (bytes === null) rmSync(path);
      else {
        const file = openSync(path, "w");
        writeSync(file, bytes);
      }
      fixture.alarms.length = 0;
      await fixture.reopen();
      const login = await tryLogin(mailbox, mailbox.password);
      return [login.ok ? "open" : login.why, fixture.alarms.map(({ what }) => what.split("\n")[0]).join()];
    };
    expect(await put(null)).toEqual(["unavailable", "the mailbox file is missing"]);
    const torn = Buffer.from(whole);
    torn.fill(0, 4096);
    const [state, alarm] = await put(torn);
    expect(state).toBe("unavailable");
    expect(alarm).toContain("is damaged");
    const headless = Buffer.from(whole);
    headless.fill(1, 0, 64);
    expect((await put(headless))[1]).toContain("key does not open");
    const plain = Buffer.from(whole);
    plain.write("SQLite format 3\0");
    expect((await put(plain))[1]).toContain("is not encrypted");
    expect(statSync(path).size).toBe(whole.length);
    expect((await put(whole))[0]).toBe("open");
  });
});

describe("a restored node", () => {
  it("lets nobody in before keyslots were synced", async () => {
    const mailbox = await placed();
    await fixture.store.close();
    markNodeRestored(fixture.dir, nodeKey);
    await fixture.reopen();
    expect(await tryLogin(mailbox, mailbox.password)).toEqual({ ok: false, why: "unavailable" });
    await fixture.store.synced();
    expect((await tryLogin(mailbox, mailbox.password)).ok).toBe(true);
  });
});

describe("a deletion", () => {
  it("that was noted but not done when the node ended is done at the next start", async () => {
    const mailbox = await placed();
    await append(mailbox);
    const copy = join(fixture.dir, "as-it-was");
    cpSync(folderOf(mailbox), copy, { recursive: true });
    await fixture.store.applyMailbox({ ...mailbox.record, revision: 2, state: "deleted", keyslots: [] });
    expect(existsSync(folderOf(mailbox))).toBe(false);
    cpSync(copy, folderOf(mailbox), { recursive: true });
    await fixture.reopen();
    expect(existsSync(folderOf(mailbox))).toBe(false);
  });
});
