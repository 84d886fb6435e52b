// The locked inbox: what comes in pieces counts once it is whole, is given back as it came, and an older file is taken over.
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { utf8 } from "../../../src/core/bytes.ts";
import { chunkBytes, headerBytes, tagBytes } from "../../../src/core/seal/format.ts";
import { Database } from "../../../src/daemon/sqlite/database.ts";
import { scriptsOf } from "../../../src/daemon/sqlite/migrate.ts";
import { openFile } from "../../../src/daemon/sqlite/open.ts";
import { Inbox } from "../../../src/daemon/store/inbox.ts";

const dir = mkdtempSync(join(tmpdir(), "postern-inbox-"));
afterAll(() => rmSync(dir, { recursive: true, force: true }));

const key = () => Buffer.alloc(32, 1);
const open = (name: string) =>
  new Inbox(Database.open(join(dir, name), key(), "mailbox/inbox"), {
    now: () => 1,
    soon: (work) => void setImmediate(work),
  });
const bytesOf = (inbox: Inbox, number: number) => Buffer.concat([...inbox.pieces(number)]);
const sealed = Buffer.alloc(2_500_000, "ciphertext ");

async function takeAll(inbox: Inbox, bytes: Uint8Array, piece: number): Promise<number> {
  let arrival: number | null = null;
  for (let at = 0; at < bytes.length; at += piece) arrival = await inbox.take(arrival, bytes.subarray(at, at + piece));
  return arrival ?? 0;
}

describe("a message in pieces", () => {
  it("waits once it is finished, with every byte, in pieces as the sealed format has them", async () => {
    const inbox = open("whole.db");
    await inbox.accept("before", utf8("x"));
    const arrival = await takeAll(inbox, sealed, 777_777);
    expect([inbox.waiting, inbox.isBusy]).toEqual([1, true]);
    await inbox.accept("between", utf8("y"));
    expect(await inbox.finish(arrival, "large")).toBe("stored");
    expect([inbox.waiting, inbox.waitingBytes, inbox.isBusy]).toEqual([3, sealed.length + 2, false]);
    expect(inbox.oldest(9, 1e9).map(({ id }) => id)).toEqual(["before", "large", "between"]);
    expect(bytesOf(inbox, arrival).equals(sealed)).toBe(true);
    let end = 0;
    const ends = [...inbox.pieces(await same(inbox, "again"))].map(({ length }) => (end += length));
    const chunk = chunkBytes + tagBytes;
    expect(ends.slice(0, 3)).toEqual([1, 2, 3].map((n) => headerBytes + n * chunk));
    inbox.close();
  });

  /** The same bytes, taken at once. */
  async function same(inbox: Inbox, id: string): Promise<number> {
    await inbox.accept(id, sealed);
    return inbox.oldest(99, 1e9).find((one) => one.id === id)?.number ?? 0;
  }

  it("that is dropped, or that a crash cut off, leaves nothing", async () => {
    const inbox = open("cut.db");
    await inbox.accept("a", utf8("x"));
    await inbox.drop(await takeAll(inbox, sealed, 1_000_000));
    await takeAll(inbox, sealed, 1_000_000);
    inbox.close();
    const again = open("cut.db");
    expect([again.waiting, again.waitingBytes]).toEqual([1, 1]);
    again.close();
    const db = Database.open(join(dir, "cut.db"), key(), "mailbox/inbox");
    expect([db.value("SELECT count(*) FROM piece"), db.value("SELECT count(*) FROM arrival")]).toEqual([1, 1]);
    db.close();
  });

  it("that comes again is known, waiting or filed, and is not kept twice", async () => {
    const inbox = open("twice.db");
    const first = await takeAll(inbox, sealed, 1_000_000);
    const second = await takeAll(inbox, sealed, 1_000_000);
    expect(await Promise.all([inbox.finish(first, "a"), inbox.finish(second, "a")])).toEqual(["stored", "duplicate"]);
    expect(bytesOf(inbox, second).length).toBe(0);
    inbox.filed(["a"]);
    expect(bytesOf(inbox, first).length).toBe(0);
    expect(await inbox.finish(await takeAll(inbox, sealed, 1_000_000), "a")).toBe("duplicate");
    expect([inbox.waiting, inbox.waitingBytes]).toEqual([0, 0]);
    await expect(inbox.finish(99, "never begun")).rejects.toThrow("never began");
    inbox.close();
  });
});

describe("a file of the first version", () => {
  it("is taken over: what waits, what did not open, what was filed", () => {
    const path = join(dir, "old.db");
    const old = openFile(path, key(), {});
    old.exec(scriptsOf("mailbox/inbox")[0] ?? "");
    old.exec("INSERT INTO sealed VALUES ('b', 5, x'0102'), ('a', 6, x'0304'); INSERT INTO known VALUES ('k', 1)");
    old.exec("INSERT INTO unreadable VALUES ('u', 7, x'05'); PRAGMA user_version = 1");
    old.close();
    const inbox = open("old.db");
    expect([inbox.waiting, inbox.waitingBytes, inbox.unreadable]).toEqual([2, 4, 1]);
    const waiting = inbox.oldest(9, 99);
    expect(waiting.map(({ id, number }) => [id, bytesOf(inbox, number).toString("hex")])).toEqual([
      ["b", "0102"],
      ["a", "0304"],
    ]);
    inbox.retryUnreadable();
    expect(inbox.oldest(9, 99).map(({ id }) => id)).toEqual(["b", "a", "u"]);
    inbox.close();
    expect(existsSync(`${path}.before-2`)).toBe(true);
  });
});
