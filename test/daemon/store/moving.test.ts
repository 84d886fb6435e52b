// A mailbox between two nodes: all of it or nothing, frozen while it is under way, and let go only for the move that froze it.
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { utf8 } from "../../../src/core/bytes.ts";
import { BadStream } from "../../../src/daemon/store/moving/format.ts";
import type { Store } from "../../../src/daemon/store/store.ts";
import { collect, logIn, makeMailbox, type StoreFixture, storeFixture, type TestMailbox, texts } from "./fixture.ts";

let old: StoreFixture;
let fresh: StoreFixture;
let mailbox: TestMailbox;
/** The edge's part: who has it, since when. */
let epoch: number;
let revision: number;

beforeEach(async () => {
  old = await storeFixture({ workers: 2 });
  // The new node's keys are its own.
  const nodeKey = new Uint8Array(32).fill(9);
  fresh = await storeFixture({ workers: 2, nodeKey }, mkdtempSync(join(tmpdir(), "postern-store-")));
  mailbox = makeMailbox("m1", "ann@demo.test");
  [epoch, revision] = [0, 1];
  await old.store.applyMailbox(mailbox.record);
});
afterEach(async () => {
  await old.end();
  await fresh.end();
});

const letter = (subject: string, size = 0) => `Subject: ${subject}\r\n\r\n${"x".repeat(size)}body\r\n`;
const arrive = (store: Store, subject: string, at = epoch, size = 0) =>
  store.acceptSealed({ mailbox: "m1", epoch: at, id: subject, bytes: mailbox.seal(letter(subject, size)) });
const found = async (store: Store, folder = "INBOX") =>
  (await texts(store, mailbox, folder)).map((text) => /Subject: (\S+)/.exec(text)?.[1]);
const filesOf = (fixture: StoreFixture): string[] => {
  const folder = join(fixture.dir, "mailboxes");
  return existsSync(folder) ? readdirSync(folder) : [];
};

async function login(store: Store) {
  const said = await store.mailboxes.login("ann@demo.test", utf8(mailbox.password), { ip: "" });
  if (said.ok) await said.account.logout();
  return said.ok ? "in" : said.why;
}

async function streamOf(store: Store, move = "move-1") {
  const left = await store.moves.leave({ mailbox: "m1", epoch, move });
  if (!left.ok) throw new Error(left.why);
  return left.stream;
}

async function* twisted(stream: AsyncIterable<Uint8Array>, twist: (bytes: Uint8Array) => Uint8Array) {
  const parts: Uint8Array[] = [];
  for await (const part of stream) parts.push(part);
  const bytes = twist(Uint8Array.from(Buffer.concat(parts)));
  for (let at = 0; at < bytes.length; at += 1000) yield bytes.subarray(at, at + 1000);
}

const fetched = async (move = "move-1") =>
  fresh.store.moves.arrive({ mailbox: "m1", move, epoch }, await streamOf(old.store, move));

/** The edge's compare-and-set, and what both nodes hear of it. */
async function landed(from: StoreFixture, to: StoreFixture, move = "move-1") {
  epoch++;
  revision++;
  await to.store.applyMailbox({ ...mailbox.record, epoch, revision });
  await from.store.moves.settle({ move, state: "moved", epoch });
}

async function facts(store: Store) {
  const account = await logIn(store, mailbox);
  const names = (await account.folders()).map(({ name }) => name);
  const counts = await account.counts(names);
  const box = await account.open("INBOX", true);
  const snapshot = await box.snapshot();
  await account.logout();
  return { names, validity: counts.map((one) => one?.folder.uidvalidity), snapshot };
}

it("moves everything: folders, UIDs, flags, what waits sealed and which ids were filed", async () => {
  await arrive(old.store, "filed-1");
  await arrive(old.store, "filed-2", 0, 300_000);
  const account = await logIn(old.store, mailbox);
  await account.create("Work", null);
  const box = await account.open("INBOX", false);
  await box.setFlags([[1, 1]], { mode: "add", flags: ["\\Flagged", "$Later"] }, null);
  await account.logout();
  const [before, bytes] = [await facts(old.store), await texts(old.store, mailbox)];
  await old.reopen();
  for (const id of ["waits-1", "waits-2"]) expect(await arrive(old.store, id, 0, 400_000)).toBe("stored");
  await fetched();
  expect(fresh.store.stats()).toEqual([]);
  await landed(old, fresh);
  expect(fresh.store.stats()).toMatchObject([{ id: "m1", waiting: 2, revision: 2 }]);
  expect(await facts(fresh.store)).toMatchObject({ names: before.names, validity: before.validity });
  expect(await found(fresh.store)).toEqual(["filed-1", "filed-2", "waits-1", "waits-2"]);
  expect((await texts(fresh.store, mailbox)).slice(0, 2)).toEqual(bytes);
  const again = await logIn(fresh.store, mailbox);
  const shown = await collect((await again.open("INBOX", true)).fetch([[1, 1]], {}));
  expect(JSON.stringify(shown)).toContain("$Later");
  expect(await again.check()).toMatchObject({ damaged: [], structure: [] });
  await again.logout();
  for (const id of ["filed-1", "waits-1"]) expect(await arrive(fresh.store, id)).toBe("duplicate");
  expect(await arrive(fresh.store, "new")).toBe("stored");
  expect(fresh.alarms).toEqual([]);
  expect(filesOf(old)).toEqual([]);
  expect(await arrive(old.store, "late", 0)).toBe("gone");
  expect(await login(old.store)).toBe("credentials");
});

it("serves nobody on its way, also after a restart, and is let go for no word but that its own move was cancelled", async () => {
  await arrive(old.store, "one");
  const account = await logIn(old.store, mailbox);
  const ended = new Promise<string>((resolve) => account.onRevoked(resolve));
  await streamOf(old.store);
  expect(await ended).toBe("moving");
  const isFrozen = async () => {
    expect(await login(old.store)).toBe("unavailable");
    expect(await arrive(old.store, "two")).toBe("later");
    expect(old.store.moves.leaving).toEqual(["move-1"]);
  };
  await isFrozen();
  const wrong = await old.store.mailboxes.login("ann@demo.test", utf8(makeMailbox("m2", "x@y").password), { ip: "" });
  expect(wrong).toEqual({ ok: false, why: "credentials" });
  await old.reopen();
  await isFrozen();
  await old.store.moves.settle({ move: "move-1", state: "asked", epoch: 1 });
  await old.store.moves.settle({ move: "move-0", state: "cancelled", epoch: 1 });
  await isFrozen();
  // A revocation reaches it all the same, and frees nothing.
  await old.store.applyMailbox({ ...mailbox.record, revision: 2 });
  await isFrozen();
  await old.store.moves.settle({ move: "move-1", state: "cancelled", epoch: 1 });
  expect(await arrive(old.store, "two")).toBe("stored");
  expect(await found(old.store)).toEqual(["one", "two"]);
  expect(old.store.moves.leaving).toEqual([]);
  // The call for it may come late: it would freeze the mailbox once more.
  expect(await old.store.moves.leave({ mailbox: "m1", epoch, move: "move-1" })).toEqual({ ok: false, why: "later" });
  expect(await login(old.store)).toBe("in");
});

it("an earlier move's call that comes late is refused; a later one takes over", async () => {
  await streamOf(old.store, "move-2");
  expect(await old.store.moves.leave({ mailbox: "m1", epoch: 0, move: "move-1" })).toMatchObject({ why: "later" });
  await streamOf(old.store, "move-3");
  await old.store.moves.settle({ move: "move-2", state: "cancelled", epoch: 1 });
  expect(await login(old.store)).toBe("unavailable");
  expect(await old.store.moves.leave({ mailbox: "m1", epoch: 1, move: "move-4" })).toMatchObject({ why: "later" });
  expect(await old.store.moves.leave({ mailbox: "m9", epoch: 0, move: "move-4" })).toMatchObject({ why: "gone" });
});

it("a stream that was cut, altered, lengthened or is of another move leaves nothing, and the next try succeeds", async () => {
  await arrive(old.store, "filed");
  await found(old.store);
  await old.reopen();
  await arrive(old.store, "waits");
  const twists: ((bytes: Uint8Array) => Uint8Array)[] = [
    () => new Uint8Array(0),
    (bytes) => bytes.subarray(0, bytes.length - 1),
    (bytes) => bytes.subarray(0, bytes.length - 37),
    (bytes) => Buffer.concat([bytes, Uint8Array.of(0)]),
    ...[0, 3, 100, 5000, -1, -20, -40, -2000].map((at) => (bytes: Uint8Array) => {
      const where = at < 0 ? bytes.length + at : at;
      bytes[where] = (bytes[where] ?? 0) ^ 1;
      return bytes;
    }),
  ];
  for (const twist of twists) {
    const stream = twisted(await streamOf(old.store), twist);
    await expect(fresh.store.moves.arrive({ mailbox: "m1", move: "move-1", epoch: 0 }, stream)).rejects.toThrow(
      BadStream,
    );
    expect([filesOf(fresh), fresh.store.moves.here]).toEqual([[], []]);
  }
  const other = { mailbox: "m1", move: "move-9", epoch: 0 };
  await expect(fresh.store.moves.arrive(other, await streamOf(old.store))).rejects.toThrow(BadStream);
  await fetched();
  await landed(old, fresh);
  expect(await found(fresh.store)).toEqual(["filed", "waits"]);
});

it("an old copy never takes the place of the mailbox that lives here since", async () => {
  await arrive(old.store, "one");
  const about = { mailbox: "m1", move: "move-1", epoch: 0 };
  await fetched();
  // A second copy of the same move, begun before the first was put in its place.
  let go = (): void => undefined;
  const wait = new Promise<void>((resolve) => {
    go = resolve;
  });
  const late = async function* (stream: AsyncIterable<Uint8Array>) {
    await wait;
    yield* stream;
  };
  await fresh.store.applyMailbox({ ...mailbox.record, epoch: 1, revision: 2 });
  expect(await arrive(fresh.store, "since", 1)).toBe("stored");
  expect(await found(fresh.store)).toEqual(["one", "since"]);
  await expect(fresh.store.moves.arrive(about, await streamOf(old.store))).rejects.toThrow("over");
  const second = makeMailbox("m2", "bob@demo.test");
  await old.store.applyMailbox(second.record);
  const left = await old.store.moves.leave({ mailbox: "m2", epoch: 0, move: "move-2" });
  if (!left.ok) throw new Error(left.why);
  const coming = fresh.store.moves.arrive({ mailbox: "m2", move: "move-2", epoch: 0 }, late(left.stream));
  await fresh.store.applyMailbox({ ...second.record, epoch: 1, revision: 2 });
  await fresh.store.acceptSealed({ mailbox: "m2", epoch: 1, id: "x", bytes: second.seal(letter("since")) });
  go();
  await coming;
  await fresh.store.applyMailbox({ ...second.record, epoch: 1, revision: 3 });
  expect(await texts(fresh.store, second)).toEqual([expect.stringContaining("Subject: since")]);
  expect([fresh.store.moves.here, filesOf(fresh)]).toEqual([[], ["m1", "m2"]]);
  expect(await found(fresh.store)).toEqual(["one", "since"]);
});

it("what lies ready outlives a restart, also one in the middle of putting it in its place", async () => {
  await arrive(old.store, "one");
  await fetched();
  mkdirSync(join(fresh.dir, "mailboxes", "m7.arriving"));
  await fresh.reopen();
  expect([fresh.store.moves.here, fresh.store.stats(), filesOf(fresh)]).toEqual([["move-1"], [], ["m1.arriving"]]);
  expect(await login(fresh.store)).toBe("credentials");
  await fresh.store.close();
  renameSync(join(fresh.dir, "mailboxes", "m1.arriving"), join(fresh.dir, "mailboxes", "m1"));
  await fresh.reopen();
  await landed(old, fresh);
  expect(await found(fresh.store)).toEqual(["one"]);
  await fresh.reopen();
  expect([fresh.store.moves.here, await found(fresh.store)]).toEqual([[], ["one"]]);
});

it("a node put back from a copy does not say that it has what no copy holds", async () => {
  await arrive(old.store, "one");
  await fetched();
  await fresh.store.close();
  rmSync(join(fresh.dir, "mailboxes"), { recursive: true });
  await fresh.reopen();
  expect(fresh.store.moves.here).toEqual([]);
  await fetched();
  await landed(old, fresh);
  expect(await found(fresh.store)).toEqual(["one"]);
});

it("a cancelled move leaves nothing at the new node, nor does a deletion under way at either", async () => {
  await arrive(old.store, "one");
  await fetched();
  await fresh.store.moves.discard("move-1");
  expect([filesOf(fresh), fresh.store.moves.here]).toEqual([[], []]);
  await fetched("move-2");
  await fresh.store.applyMailbox({ ...mailbox.record, epoch: 1, revision: 3, state: "deleted" });
  expect([filesOf(fresh), fresh.store.moves.here]).toEqual([[], []]);
  await old.store.applyMailbox({ ...mailbox.record, revision: 3, state: "deleted" });
  await old.store.moves.settle({ move: "move-2", state: "cancelled", epoch: 1 });
  expect([filesOf(old), await arrive(old.store, "late", 0), await login(old.store)]).toEqual([
    [],
    "gone",
    "credentials",
  ]);
});

it("moves back, and a record from before is stale at the node that it left, also after a restart", async () => {
  await arrive(old.store, "one");
  await fetched();
  await landed(old, fresh);
  await arrive(fresh.store, "two");
  await old.reopen();
  expect(await old.store.applyMailbox(mailbox.record)).toBe(null);
  expect(await arrive(old.store, "stale", 0)).toBe("gone");
  await old.store.moves.arrive({ mailbox: "m1", move: "move-2", epoch }, await streamOf(fresh.store, "move-2"));
  await landed(fresh, old, "move-2");
  expect(await found(old.store)).toEqual(["one", "two"]);
  expect(await arrive(old.store, "three")).toBe("stored");
  expect(filesOf(fresh)).toEqual([]);
  await old.reopen();
  expect(await found(old.store)).toEqual(["one", "two", "three"]);
});

it("is back before the old node has heard that it left", async () => {
  await arrive(old.store, "one");
  await fetched();
  [epoch, revision] = [1, 2];
  await fresh.store.applyMailbox({ ...mailbox.record, epoch, revision });
  await arrive(fresh.store, "two");
  await old.store.moves.arrive({ mailbox: "m1", move: "move-2", epoch }, await streamOf(fresh.store, "move-2"));
  await landed(fresh, old, "move-2");
  await old.store.moves.settle({ move: "move-1", state: "moved", epoch: 1 });
  expect(await found(old.store)).toEqual(["one", "two"]);
  await old.reopen();
  expect([old.store.moves.leaving, await found(old.store)]).toEqual([[], ["one", "two"]]);
});

it("a node that was killed gives the log along that it can't open", async () => {
  await arrive(old.store, "one");
  const account = await logIn(old.store, mailbox);
  const killed = mkdtempSync(join(tmpdir(), "postern-store-"));
  cpSync(old.dir, killed, { recursive: true });
  expect(statSync(join(killed, "mailboxes", "m1", "mail.db-wal")).size).toBeGreaterThan(0);
  await account.logout();
  await old.end();
  old = await storeFixture({ workers: 2 }, killed);
  await fetched();
  await landed(old, fresh);
  expect(await found(fresh.store)).toEqual(["one"]);
  expect(fresh.alarms).toEqual([]);
});
