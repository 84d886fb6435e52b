/**
 * Pages of the tables without which no folder opens are damaged, one or two at a time: what can be read stands in for them, every
 * message stays within reach, and nothing is written any more.
 */
import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { utf8 } from "../../../src/core/bytes.ts";
import { Database } from "../../../src/daemon/sqlite/database.ts";
import { append, copy, expungeUids, whole } from "../../../src/daemon/store/changing.ts";
import { checkMailbox } from "../../../src/daemon/store/check.ts";
import * as folders from "../../../src/daemon/store/folders.ts";
import { Mailbox } from "../../../src/daemon/store/mailbox.ts";
import { writeMetadata } from "../../../src/daemon/store/metadata.ts";
import { prepareMessage } from "../../../src/daemon/store/prepare.ts";

const dir = mkdtempSync(join(tmpdir(), "postern-stand-in-"));
afterAll(() => rmSync(dir, { recursive: true }));
const page = 4096;
const [filed, copied, expunged] = [800, 50, 10];
const whole_ = join(dir, "whole.db");
const hooks = { now: Date.now, soon: () => undefined, committed: () => undefined };
const facts = { id: "m", bodyMac: new Uint8Array(32), quotaBytes: 1e9, readOnly: false };
/** Leaves of each tree. */
const leaves = new Map<string, number[]>();

function opened(path: string): Mailbox {
  return new Mailbox(facts, Database.open(path, Buffer.alloc(32, 1), "mailbox/mail"), hooks);
}

beforeAll(() => {
  const mailbox = opened(whole_);
  mailbox.writeNow(folders.makeFirstFolders);
  mailbox.writeNow((write) => {
    folders.createFolder(write, "Lists/postern", null);
    const prepared = (i: number) => prepareMessage(utf8(`Subject: m${i}\r\n\r\n${i}\r\n`));
    const messages = Array.from({ length: filed }, (_, i) => ({
      ...{ prepared: prepared(i), internalDate: null },
      flags: i % 2 ? ["\\Seen", "$Odd"] : [],
    }));
    append(write, "INBOX", messages);
  });
  mailbox.writeNow((write) => whole(copy(write, 1, [[1, copied]], "Lists/postern")));
  mailbox.writeNow((write) => whole(expungeUids(write, 1, [[filed - expunged + 1, filed]])));
  mailbox.writeNow((write) => writeMetadata(write, "INBOX", new Map([["/private/comment", utf8("mine")]])));
  mailbox.db.checkpoint();
  for (const [tree, number] of mailbox.db.tuples<[string, number]>(
    "SELECT name, pageno FROM dbstat WHERE pagetype = 'leaf' ORDER BY pageno",
  ))
    leaves.set(tree, [...(leaves.get(tree) ?? []), number]);
  mailbox.close();
});

let copies = 0;
/** The middle leaf of each of these trees has a flipped bit. */
function hurt(...trees: string[]): Mailbox {
  const path = join(dir, `${copies++}.db`);
  copyFileSync(whole_, path);
  const bytes = readFileSync(path);
  for (const tree of trees) {
    const all = leaves.get(tree) ?? [];
    const at = ((all[all.length >> 1] ?? 0) - 1) * page + 900;
    bytes[at] = (bytes[at] ?? 0) ^ 1;
  }
  writeFileSync(path, bytes);
  return opened(path);
}

/** Folder → UIDs, as clients are told. */
function seen(mailbox: Mailbox): Map<string, number[]> {
  const shown = new Map<string, number[]>();
  for (const { id, name, exists } of folders.listFolders(mailbox)) {
    if (!exists) continue;
    const { uids, counts } = folders.snapshot(mailbox, Number(id), true);
    expect(counts.messages).toBe(uids.length);
    if (uids.length > 0) shown.set(name, Array.from(uids));
  }
  return shown;
}

const held = (mailbox: Mailbox): number =>
  mailbox.db.value<number>("SELECT count(DISTINCT e.message) FROM entry e JOIN message m ON m.id = e.message") ?? 0;
const upTo = (last: number): number[] => Array.from({ length: last }, (_, i) => i + 1);

it("a whole one is left alone, and goes on", () => {
  const mailbox = hurt();
  expect([mailbox.mend(), mailbox.readOnly]).toEqual([[], false]);
  expect(seen(mailbox).get("Lists/postern")).toEqual(upTo(copied));
  mailbox.writeNow((write) => void folders.createFolder(write, "more", null));
  mailbox.close();
});

it("a page of entries: the others stay where they are, what was on it is recovered, and the check names it", async () => {
  expect(leaves.get("entry")?.length).toBeGreaterThan(4);
  const mailbox = hurt("entry");
  expect(mailbox.mend()).toEqual(["entry"]);
  const shown = seen(mailbox);
  const [inbox = [], recovered = []] = [shown.get("INBOX"), shown.get("Recovered")];
  const lost = upTo(filed - expunged).filter((uid) => !inbox.includes(uid));
  expect(lost.length).toBeGreaterThan(10);
  expect(lost.length).toBeLessThan(200);
  expect(lost.at(-1)).toBe((lost[0] ?? 0) + lost.length - 1);
  expect(recovered.length).toBe(lost.length);
  expect(shown.get("Lists/postern")).toEqual(upTo(copied));
  expect(held(mailbox)).toBe(filed - expunged);
  const { checked, damaged } = await checkMailbox(mailbox, async () => undefined);
  expect(checked).toBe(filed - expunged + copied + recovered.length);
  expect(damaged.map(({ folder, uid }) => `${folder}/${uid}`)).toEqual(lost.map((uid) => `INBOX/${uid}`));
  mailbox.close();
});

// Of all but `state`, which is read before there is a mailbox: `damage.test.ts`.
it("whatever one or two are damaged, every message is shown, and its folder where it is known", () => {
  const names = ["INBOX", "Lists/postern"];
  const cases: [trees: string[], damaged: string[], shown: string[]][] = [
    [["folder"], ["folder"], names],
    [["sqlite_autoindex_folder_1"], ["folder"], names],
    [["folder", "sqlite_autoindex_folder_1"], ["folder"], ["INBOX", "Recovered 8"]],
    [["keyword"], ["keyword"], names],
    [["subscription"], ["subscription"], names],
    [["metadata"], ["metadata"], names],
    [["expunged"], ["expunged"], names],
    [["entry_modseq"], ["entry"], names],
    [["entry", "entry_modseq"], ["entry"], ["Recovered"]],
    [
      ["entry", "folder"],
      ["entry", "folder"],
      [...names, "Recovered"],
    ],
  ];
  for (const [trees, damaged, shown] of cases) {
    const mailbox = hurt(...trees);
    expect([trees, mailbox.mend()]).toEqual([trees, damaged]);
    expect([trees, [...seen(mailbox).keys()].sort()]).toEqual([trees, shown]);
    expect([trees, held(mailbox)]).toEqual([trees, filed - expunged]);
    expect([trees, mailbox.mend()]).toEqual([trees, []]);
    const { keywords } = folders.snapshot(mailbox, 1, true);
    if (!trees.includes("entry")) expect([trees, keywords]).toEqual([trees, ["$Odd"]]);
    mailbox.close();
  }
});

it("writes nothing any more, not even what waited already", async () => {
  const mailbox = hurt("entry");
  const before = readFileSync(mailbox.db.path);
  const waiting = mailbox.write(0, (write) => folders.createFolder(write, "more", null)).catch(String);
  expect(mailbox.mend()).toEqual(["entry"]);
  mailbox.flush();
  expect(await waiting).toContain("read-only");
  await expect(mailbox.write(0, () => 1)).rejects.toMatchObject({ code: "UNAVAILABLE" });
  const none = async () => undefined;
  await expect(mailbox.writeInTurns(none, none, none)).rejects.toMatchObject({ code: "UNAVAILABLE" });
  const { path } = mailbox.db;
  mailbox.close();
  expect(readFileSync(path).equals(before)).toBe(true);
});
