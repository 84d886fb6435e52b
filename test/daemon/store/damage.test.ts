/**
 * A page of each table and index of a mailbox is damaged in turn, and the file cut, zeroed and emptied: what is said differs from a
 * wrong key's, the check names what is lost, and all that it does not name is served to the byte, be it from a stand-in.
 */
import {
  cpSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { utf8 } from "../../../src/core/bytes.ts";
import { deriveKeys } from "../../../src/core/seal/keys.ts";
import { nativePrimitives } from "../../../src/daemon/platform.ts";
import { Database } from "../../../src/daemon/sqlite/database.ts";
import type { StoreAccount } from "../../../src/daemon/store/account.ts";
import type { Report } from "../../../src/daemon/store/check.ts";
import { openStore } from "../../../src/daemon/store/store.ts";
import { collect, logIn, makeMailbox, nodeKey, storeFixture } from "./fixture.ts";

const page = 4096;
const messages = 120;
const mailbox = makeMailbox("d", "d@demo.test");
const whole = mkdtempSync(join(tmpdir(), "postern-whole-"));
/** A page of each tree, the last one: a leaf where there are several. */
let trees: { tree: string; table: string; number: number }[] = [];
const stoodIn: string[] = [];

const letter = (i: number): string =>
  `Subject: m${i}\r\nFrom: a${i}@b.test\r\n\r\n${i} ${i % 10 === 0 ? words(i).join(" ") : "text"}\r\n`;
/** Nothing that compresses well: a few pages of it. */
const words = (of: number): string[] =>
  Array.from({ length: 4000 }, (_, i) => ((i * 7919 * (of + 1)) % 100_003).toString(36));

const letters = new Set(Array.from({ length: messages }, (_, i) => letter(i)));

beforeAll(async () => {
  const fixture = await storeFixture({ graceMs: 0 });
  await fixture.store.applyMailbox(mailbox.record);
  const account = await logIn(fixture.store, mailbox);
  for (let i = 0; i < messages; i++) {
    const flags = i % 3 ? ["$Odd"] : [];
    await account.append(i % 2 ? "INBOX" : "Archive", [{ flags, internalDate: null, bytes: utf8(letter(i)) }]);
  }
  await account.logout();
  await fixture.store.close();
  const { mailKey } = deriveKeys(mailbox.masterKey, nativePrimitives);
  const db = Database.open(join(fixture.dir, "mailboxes", "d", "mail.db"), Buffer.from(mailKey), "mailbox/mail");
  db.checkpoint();
  trees = db.all(`SELECT t.name AS tree, coalesce(s.tbl_name, t.name) AS "table", max(t.pageno) AS number
    FROM dbstat t LEFT JOIN sqlite_schema s ON s.name = t.name GROUP BY t.name`);
  db.close();
  cpSync(fixture.dir, whole, { recursive: true });
  await fixture.end();
});
afterAll(() => rmSync(whole, { recursive: true }));

type Looked = { login: string; alarms: string[]; report: Report | null; served: Map<string, string> };

/** Opens a copy of the node that `hurt` was at. */
async function look(hurt: (path: string) => void, key = mailbox): Promise<Looked> {
  const dir = mkdtempSync(join(tmpdir(), "postern-damage-"));
  cpSync(whole, dir, { recursive: true });
  hurt(join(dir, "mailboxes", "d", "mail.db"));
  const alarms: string[] = [];
  const onAlarm = ({ what }: { what: string }) => void alarms.push(what.split("\n")[0] ?? "");
  const store = await openStore({ dir, nodeKey, workers: 1, graceMs: 0, onAlarm });
  try {
    const login = await store.mailboxes.login(key.record.address, utf8(key.password), { ip: "" });
    if (!login.ok) return { login: login.why, alarms, report: null, served: new Map() };
    const report = await login.account.check();
    const served = new Map<string, string>();
    for (const name of ["INBOX", "Archive"])
      for (const [place, text] of await all(login.account, name)) served.set(place, text);
    const others = (await login.account.folders()).filter(({ name }) => name.startsWith("Recovered"));
    for (const { name } of others) for (const [place, text] of await all(login.account, name)) served.set(place, text);
    return { login: "open", alarms, report, served };
  } finally {
    await store.close();
    rmSync(dir, { recursive: true });
  }
}

/** `INBOX/7` → its text, or the code of the refusal. */
async function all(account: StoreAccount, folder: string): Promise<[string, string][]> {
  try {
    const box = await account.open(folder, true);
    const { uids } = await box.snapshot();
    const found: [string, string][] = [];
    for (const uid of uids) found.push([`${folder}/${uid}`, await one(box, uid)]);
    return found;
  } catch (cause) {
    return [[folder, codeOf(cause)]];
  }
}

async function one(box: Awaited<ReturnType<StoreAccount["open"]>>, uid: number): Promise<string> {
  try {
    const rows = await collect(box.fetch([[uid, uid]], { sections: [{ part: [], what: "all" }] }));
    return Buffer.from(rows[0]?.sections?.[0]?.bytes ?? []).toString();
  } catch (cause) {
    return codeOf(cause);
  }
}

const codeOf = (cause: unknown): string => String((cause as { code?: string }).code ?? cause);

function flip(path: string, number: number): void {
  const bytes = readFileSync(path);
  const at = (number - 1) * page + 700;
  bytes[at] = (bytes[at] ?? 0) ^ 1;
  writeFileSync(path, bytes);
}

const sentAs = (place: string): string => {
  const [folder, uid] = place.split("/");
  return letter(2 * (Number(uid) - 1) + (folder === "INBOX" ? 1 : 0));
};

it("finds a whole one whole", async () => {
  const { login, alarms, report, served } = await look(() => undefined);
  expect({ login, alarms, report }).toEqual({
    login: "open",
    alarms: [],
    report: { checked: messages, damaged: [], structure: [] },
  });
  expect(served.size).toBe(messages);
  for (const [place, text] of served) expect(text).toBe(sentAs(place));
});

it("a flipped bit in a page of any table or index: named, and what is not named is served", async () => {
  expect(trees.length).toBeGreaterThan(25);
  for (const { tree, table, number } of trees) {
    const { login, alarms, report, served } = await look((path) => flip(path, number));
    const said = [tree, login];
    if (tree === "sqlite_schema") {
      expect(said).toEqual([tree, "unavailable"]);
      expect(alarms.join()).toMatch(/mail\.db is damaged/);
      continue;
    }
    expect(said).toEqual([tree, "open"]);
    expect([tree, report?.structure.some((line) => line.startsWith(`${table}: `))]).toEqual([tree, true]);
    expect([tree, report?.structure.filter((line) => !line.startsWith(`${table}: `))]).toEqual([tree, []]);
    expect([tree, report?.checked]).toEqual([tree, messages]);
    const named = new Set(report?.damaged.map(({ folder, uid }) => `${folder}/${uid}`));
    for (const [place, text] of served) {
      if (place.startsWith("Recovered/")) expect([tree, place, letters.has(text)]).toEqual([tree, place, true]);
      else if (text !== "CORRUPTION") expect([tree, place, text]).toEqual([tree, place, sentAs(place)]);
      else if (!named.has(place)) expect([tree, place]).toEqual([tree, "named by the check"]);
    }
    expect([tree, served.size]).toEqual([tree, messages]);
    const back = [...new Set(served.values())].filter((text) => letters.has(text)).length;
    if (!["message", "body"].includes(tree)) expect([tree, back]).toEqual([tree, messages]);
    if (alarms.some((what) => what.startsWith("pages are bad in"))) stoodIn.push(tree);
  }
  console.log(`a bad page in ${stoodIn.join(", ")}: what can be read stands in, and every message came back`);
  expect(stoodIn).toEqual(expect.arrayContaining(["state", "folder", "keyword", "subscription", "entry"]));
  // A node is started for each of some thirty trees.
}, 300_000);

// Regression: what the indexer met was thrown from its timer, and ended the thread with every mailbox of it.
it("a bad page that the indexer meets leaves only that message out of the index", async () => {
  for (const tree of ["words", "body"]) {
    const number = trees.find((one) => one.tree === tree)?.number ?? 0;
    const dir = mkdtempSync(join(tmpdir(), "postern-damage-"));
    cpSync(whole, dir, { recursive: true });
    const folder = join(dir, "mailboxes", "d");
    for (const file of readdirSync(folder)) if (file.startsWith("index.db")) rmSync(join(folder, file));
    flip(join(folder, "mail.db"), number);
    const alarms: string[] = [];
    const store = await openStore({ dir, nodeKey, workers: 1, onAlarm: ({ what }) => alarms.push(what) });
    try {
      const login = await store.mailboxes.login(mailbox.record.address, utf8(mailbox.password), { ip: "" });
      if (!login.ok) throw new Error(login.why);
      await expect.poll(() => store.isIndexing("d"), { timeout: 30_000 }).toBe(false);
      const box = await login.account.open("INBOX", true);
      expect([tree, (await box.snapshot()).uids.length]).toEqual([tree, messages / 2]);
      expect([tree, alarms]).toEqual([tree, []]);
    } finally {
      await store.close();
      rmSync(dir, { recursive: true });
    }
  }
});

it("a bad page of the index: searches read the messages, and the next login makes a new one", async () => {
  const dir = mkdtempSync(join(tmpdir(), "postern-damage-"));
  cpSync(whole, dir, { recursive: true });
  const path = join(dir, "mailboxes", "d", "index.db");
  const alarms: string[] = [];
  const store = await openStore({ dir, nodeKey, workers: 1, graceMs: 0, onAlarm: ({ what }) => alarms.push(what) });
  try {
    for (const round of ["filled", "hurt", "new"]) {
      const account = await logIn(store, mailbox);
      await expect.poll(() => store.isIndexing("d"), { timeout: 30_000 }).toBe(false);
      const box = await account.open("INBOX", true);
      for (const [text, uids] of Object.entries({ "subject: m77": [39], text: [] })) {
        const found = (await box.search({ kind: "text", text })).uids;
        if (uids.length > 0) expect([round, text, [...found]]).toEqual([round, text, uids]);
        else expect([round, text, found.length]).toEqual([round, text, 60]);
      }
      await account.logout();
      await expect.poll(() => existsSync(`${path}-shm`), { timeout: 30_000 }).toBe(false);
      expect([round, existsSync(path)]).toEqual([round, round !== "hurt"]);
      if (round === "filled") for (const number of leavesOfTerms(path)) flip(path, number);
    }
    expect(alarms).toEqual([]);
  } finally {
    await store.close();
    rmSync(dir, { recursive: true });
  }
});

function leavesOfTerms(path: string): number[] {
  const { indexKey } = deriveKeys(mailbox.masterKey, nativePrimitives);
  const db = Database.open(path, Buffer.from(indexKey), "mailbox/index");
  const numbers = db.column<number>("SELECT pageno FROM dbstat WHERE name = 'terms_data' AND pagetype = 'leaf'");
  db.close();
  return numbers;
}

// Regression: the counts that are told after a commit were read outside of any answer, and ended the thread with every mailbox of it.
it("a bad page of folders that a change does not touch is found all the same, and the thread goes on", async () => {
  const fixture = await storeFixture({ workers: 1, graceMs: 0 });
  try {
    const many = makeMailbox("f", "f@demo.test");
    await fixture.store.applyMailbox(many.record);
    const account = await logIn(fixture.store, many);
    for (let i = 0; i < 60; i++) await account.create(`${"n".repeat(200)}${i}`, null);
    await account.append("INBOX", [{ flags: [], internalDate: null, bytes: utf8(letter(1)) }]);
    await fixture.store.close();
    const path = join(fixture.dir, "mailboxes", "f", "mail.db");
    const { mailKey } = deriveKeys(many.masterKey, nativePrimitives);
    const db = Database.open(path, Buffer.from(mailKey), "mailbox/mail");
    const last = db.value<number>("SELECT max(pageno) FROM dbstat WHERE name = 'folder' AND pagetype = 'leaf'") ?? 0;
    db.close();
    flip(path, last);
    fixture.alarms.length = 0;
    const again = await logIn(await fixture.reopen(), many);
    const box = await again.open("INBOX", false);
    const change = { mode: "add", flags: ["\\Flagged"] } as const;
    await expect(box.setFlags([[1, 1]], change, null)).rejects.toMatchObject({ code: "UNAVAILABLE" });
    expect((await again.folders()).length).toBe(66);
    expect((await box.snapshot()).uids.length).toBe(1);
    const said = fixture.alarms.map(({ what }) => what);
    expect(said).toEqual([expect.stringContaining("bad in folder")]);
  } finally {
    await fixture.end();
  }
});

it("a file that was cut, zeroed or emptied: damaged, not another key and not an empty mailbox", async () => {
  const hurts: Record<string, (path: string) => void> = {
    "cut by a page": (path) => truncateSync(path, readFileSync(path).length - page),
    "cut to its first page": (path) => truncateSync(path, page),
    zeroed: (path) => writeFileSync(path, readFileSync(path).fill(0, page)),
  };
  for (const [name, hurt] of Object.entries(hurts)) {
    const { login, alarms } = await look(hurt);
    expect([name, login]).toEqual([name, "unavailable"]);
    expect([name, alarms.join()]).toEqual([name, expect.stringContaining("mail.db is damaged")]);
  }
  const { report, served } = await look((path) => truncateSync(path, readFileSync(path).length - 100));
  expect(report?.structure).not.toEqual([]);
  for (const [place, text] of served) if (text !== "CORRUPTION") expect(text).toBe(sentAs(place));
  for (const length of [0, 100]) {
    const { login, alarms } = await look((path) => truncateSync(path, length));
    expect([length, login]).toEqual([length, "unavailable"]);
    expect(alarms.join()).toMatch(length === 0 ? /file is missing/ : /key does not open|is damaged/);
  }
});

it("a log that was cut, or has a flipped bit, lost commits: read-only, with an alarm, and what is left is whole", async () => {
  const fixture = await storeFixture({ graceMs: 3_600_000 });
  await fixture.store.applyMailbox(mailbox.record);
  const account = await logIn(fixture.store, mailbox);
  const folder = join(fixture.dir, "mailboxes", "d");
  const live = join(fixture.dir, "live");
  for (let i = 0; i < 20; i++)
    await account.append("INBOX", [{ flags: [], internalDate: null, bytes: utf8(letter(i)) }]);
  cpSync(folder, live, { recursive: true }); // with its log, as a crash leaves it
  const log = readFileSync(join(live, "mail.db-wal"));
  expect(log.length).toBeGreaterThan(20 * page);
  const flipped = Buffer.from(log);
  flipped[log.length >> 1] = (flipped[log.length >> 1] ?? 0) ^ 1;
  const hurts = { whole: log, cut: log.subarray(0, log.length >> 1), "bit flipped": flipped };
  for (const [name, bytes] of Object.entries(hurts)) {
    await fixture.store.close();
    rmSync(folder, { recursive: true });
    cpSync(live, folder, { recursive: true });
    writeFileSync(join(folder, "mail.db-wal"), bytes);
    rmSync(join(folder, "mail.db-shm"), { force: true });
    fixture.alarms.length = 0;
    const again = await logIn(await fixture.reopen(), mailbox);
    const found = await all(again, "INBOX");
    for (const [place, text] of found) expect(text).toBe(letter(Number(place.split("/")[1]) - 1));
    const alarms = fixture.alarms.map(({ what }) => what);
    if (name === "whole") expect([found.length, alarms]).toEqual([20, []]);
    else {
      expect([name, found.length < 20, alarms]).toEqual([name, true, ["the mailbox file is older than it was"]]);
      await expect(again.create("new", null)).rejects.toMatchObject({ code: "UNAVAILABLE" });
    }
  }
  await fixture.end();
});
