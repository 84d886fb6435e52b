// A node copied and put back by the commands an operator has: from one message, from nothing, from a copy that somebody touched.
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeEach, expect, it, vi } from "vitest";
import * as backup from "../../../src/cli/backup.ts";
import * as restore from "../../../src/cli/restore.ts";
import { toBase64, utf8 } from "../../../src/core/bytes.ts";
import { CopiesTold } from "../../../src/daemon/store/backed-up.ts";
import { BadCopy, copyNode, InUse, putBack } from "../../../src/daemon/store/copies.ts";
import { postern } from "../../postern.ts";
import { logIn, makeMailbox, nodeKey, type StoreFixture, storeFixture, type TestMailbox, texts } from "./fixture.ts";

const room = mkdtempSync(join(tmpdir(), "postern-copies-"));
afterAll(() => rmSync(room, { recursive: true, force: true }));

let fixture: StoreFixture;
let mailbox: TestMailbox;
let n = 0;
const home = () => ({ dir: fixture.dir, nodeKey });
const fresh = () => join(room, `copy-${n++}`);

beforeEach(async () => {
  fixture = await storeFixture({ workers: 1 });
  mailbox = makeMailbox("m1", "ann@demo.test");
  await fixture.store.applyMailbox(mailbox.record);
});
afterEach(() => fixture.end());

const trace = "Return-Path: <ann@sender.test>\r\n";
const letter = (subject: string) => `Subject: ${subject}\r\n\r\nbody\r\n`;
const arrive = (subject: string) =>
  fixture.store.acceptSealed({ mailbox: "m1", epoch: 0, id: subject, bytes: mailbox.seal(letter(subject)) });
const found = async () => (await texts(fixture.store, mailbox)).map((text) => /Subject: (\S+)/.exec(text)?.[1]).sort();

async function validity(): Promise<number> {
  const account = await logIn(fixture.store, mailbox);
  const [counts] = await account.counts(["INBOX"]);
  await account.logout();
  return counts?.folder.uidvalidity ?? 0;
}

/** While `work` is done the node stands still. */
async function stopped<T>(work: () => Promise<T>): Promise<T> {
  await fixture.store.close();
  try {
    return await work();
  } finally {
    await fixture.reopen();
  }
}

it("nothing is copied or put back while the node runs", async () => {
  await arrive("one");
  await expect(copyNode(home(), fresh())).rejects.toThrow(InUse);
  const copy = fresh();
  await stopped(() => copyNode(home(), copy));
  await expect(putBack(home(), copy, ["m1"])).rejects.toThrow(InUse);
  expect(await found()).toEqual(["one"]);
});

it("a mailbox put back has what the copy had and what has come since and waits, under a new UIDVALIDITY", async () => {
  await arrive("one");
  const before = await validity();
  await arrive("two"); // sealed in the copy, filed afterwards
  const copy = fresh();
  await stopped(() => copyNode(home(), copy));
  expect(await found()).toEqual(["one", "two"]);
  await arrive("filed-later");
  await validity();
  await stopped(async () => undefined);
  await arrive("waits");
  const done = await stopped(() => putBack(home(), copy, ["Ann@demo.test"]));
  expect(done).toMatchObject({ mailboxes: ["m1"], carried: 1 });
  expect(readdirSync(join(done.replaced, "m1"))).toContain("mail.db");
  expect(await found()).toEqual(["one", "two", "waits"]);
  expect(await validity()).toBeGreaterThan(before);
  // A hand-off that is tried again is still known for what it is; one that the copy never had comes again.
  expect([await arrive("one"), await arrive("waits"), await arrive("filed-later")]).toEqual([
    "duplicate",
    "duplicate",
    "stored",
  ]);
  expect(await found()).toEqual(["filed-later", "one", "two", "waits"]);
  const account = await logIn(fixture.store, mailbox);
  await account.create("Writable", null);
  expect(await account.check()).toMatchObject({ damaged: [], structure: [] });
});

it("a node put back on a new machine lets nobody in before it has asked the edge", async () => {
  await arrive("one");
  const before = await validity();
  const copy = fresh();
  await stopped(async () => {
    await copyNode(home(), copy);
    rmSync(fixture.dir, { recursive: true });
    await putBack(home(), copy, null);
  });
  const login = () => fixture.store.mailboxes.login(mailbox.record.address, utf8(mailbox.password), { ip: "" });
  expect(await login()).toEqual({ ok: false, why: "unavailable" });
  await fixture.store.synced();
  expect(await found()).toEqual(["one"]);
  // The mirror went back with the file, so it alone would not have told.
  expect(await validity()).toBeGreaterThan(before);
});

it("a copy from before the first login is put back too", async () => {
  await arrive("one");
  const copy = fresh();
  await stopped(() => copyNode(home(), copy));
  expect(await found()).toEqual(["one"]);
  await stopped(() => putBack(home(), copy, ["m1"]));
  expect(await found()).toEqual(["one"]);
  await fixture.reopen();
  const account = await logIn(fixture.store, mailbox);
  await account.create("Writable", null);
});

it("a copy that is damaged, incomplete or another node's replaces nothing", async () => {
  await arrive("one");
  await validity();
  const copy = fresh();
  await stopped(() => copyNode(home(), copy));
  await arrive("two");
  const path = join(copy, "mailboxes", "m1", "mail.db");
  const whole = readFileSync(path);
  const torn = Buffer.from(whole);
  torn[5000] = (torn[5000] ?? 0) ^ 1;
  const list = readFileSync(join(copy, "copy.json"), "utf8");
  const refused = async () => {
    await expect(putBack(home(), copy, ["m1"])).rejects.toThrow(BadCopy);
  };
  await stopped(async () => {
    writeFileSync(path, torn);
    await refused();
    rmSync(path);
    await refused();
    writeFileSync(path, whole);
    writeFileSync(join(copy, "copy.json"), list.replace("m1", "m2"));
    await refused();
    writeFileSync(join(copy, "copy.json"), list);
    await expect(putBack({ ...home(), nodeKey: new Uint8Array(32) }, copy, ["m1"])).rejects.toThrow();
    await expect(putBack(home(), copy, ["nobody@demo.test"])).rejects.toThrow(BadCopy);
  });
  expect(await found()).toEqual(["one", "two"]);
});

/** A node's configuration, as `postern new-node` writes it. */
function configured(): string {
  const [config, identity] = [join(room, `node-${n++}.json`), join(room, "identity.json")];
  writeFileSync(identity, JSON.stringify({ seed: toBase64(new Uint8Array(32)), storeKey: toBase64(nodeKey) }));
  const tls = { cert: "x", key: "x" };
  const node = { id: "n1", hostname: "n1" };
  writeFileSync(config, JSON.stringify({ node, data: fixture.dir, identity, edge: null, tls, listen: {} }));
  return config;
}

it("by command: backup and restore, and what they say", async () => {
  const [config, copy] = [configured(), fresh()];
  await arrive("one");
  await validity();
  const said: string[] = [];
  const write = vi.spyOn(process.stdout, "write").mockImplementation((text) => said.push(String(text)) > 0);
  const complained = vi.spyOn(process.stderr, "write").mockImplementation((text) => said.push(String(text)) > 0);
  try {
    expect(await backup.run([config, copy])).toBe(1);
    expect(said.splice(0).join()).toContain("stop it first");
    await stopped(async () => {
      expect(await backup.run([config, copy])).toBe(0);
      expect(await backup.run([config, copy])).toBe(1); // never over another copy
      expect(await restore.run([config, copy, "--mailbox", "ann@demo.test"])).toBe(0);
    });
  } finally {
    write.mockRestore();
    complained.mockRestore();
  }
  expect(JSON.parse(said[0] ?? "")).toMatchObject({ mailboxes: 1 });
  expect(said.at(-1)).toContain('"mailboxes":["m1"]');
  await expect(restore.run([config, copy])).rejects.toThrow("--mailbox or --all");
  expect(await found()).toEqual(["one"]);
  expect(existsSync(join(copy, "copy.json"))).toBe(true);
  expect(readFileSync(join(copy, "copy.json"), "utf8")).not.toContain("ann@");
  expect((await texts(fixture.store, mailbox))[0]).toBe(trace + letter("one"));
});

it("by command: where copies are configured, a mark says how far one reaches, and the node that it is one", async () => {
  const [config, copy, mark] = [configured(), fresh(), join(room, `mark-${n++}`)];
  writeFileSync(config, JSON.stringify({ ...JSON.parse(readFileSync(config, "utf8")), backup: { mark } }));
  const told = new CopiesTold(fixture.dir, mark, () => 5000);
  expect(told.said()).toEqual({ backup: { since: 0, until: 0 } });
  told.isHeard();
  await arrive("one");
  await stopped(async () => {
    expect(await postern(["backup", config, copy], "")).toMatchObject({ code: 0 });
    expect(told.said()).toEqual({ backup: { since: 5000, until: 5000 } });
    expect(await postern(["restore", config, copy, "--mailbox", "m1"], "")).toMatchObject({ code: 0 });
    expect(told.said().restored).toMatchObject({ from: 5000, mailboxes: ["m1"] });
    expect(await postern(["restore", config, copy, "--all"], "")).toMatchObject({ code: 0 });
    expect(told.said().restored).toMatchObject({ from: 5000, mailboxes: null });
  });
});

it("by command: a mailbox is checked, whole, damaged, with a wrong password, and beside a running node", async () => {
  for (let i = 0; i < 30; i++) await arrive(`m${i}`);
  await validity();
  const config = configured();
  const check = (password = mailbox.password) => postern(["mailbox", "check", config, "ann@demo.test"], password);
  expect((await check()).err).toContain("stop it first");
  const path = join(fixture.dir, "mailboxes", "m1", "mail.db");
  await stopped(async () => {
    const whole = await check();
    expect(JSON.parse(whole.out)).toEqual({ checked: 30, damaged: [], structure: [], alarms: [] });
    expect(whole.code).toBe(0);
    expect(await check("x")).toMatchObject({ code: 1, err: expect.stringContaining("wrong address or app password") });
    const bytes = readFileSync(path);
    const torn = Buffer.from(bytes);
    for (let at = 4096 * 4; at < torn.length; at += 4096 * 3) torn[at + 100] = (torn[at + 100] ?? 0) ^ 1;
    writeFileSync(path, torn);
    const damaged = await check();
    expect(damaged.code).toBe(1);
    // So many pages are lost that it may not even open; either way it is said to be damaged, and not that the key is wrong.
    expect(damaged.out + damaged.err).toMatch(/damaged|malformed|missing/);
    expect(damaged.out + damaged.err).not.toContain("key does not open");
    writeFileSync(path, bytes);
  });
});
