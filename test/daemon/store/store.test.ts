import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { utf8 } from "../../../src/core/bytes.ts";
import type { Mailboxes } from "../../../src/daemon/imap/port.ts";
import type { Maildrops } from "../../../src/daemon/pop3/port.ts";
import { collect, logIn, makeMailbox, type StoreFixture, storeFixture, texts } from "./fixture.ts";

let fixture: StoreFixture;
beforeAll(async () => {
  fixture = await storeFixture();
});
afterAll(() => fixture.end());

const mail = "From: Ann <ann@sender.test>\r\nTo: bob@demo.test\r\nSubject: hello\r\n\r\nhi there\r\n";

describe("the store", () => {
  it("fits the ports of IMAP and POP3", () => {
    const mailboxes: Mailboxes = fixture.store.mailboxes;
    const maildrops: Maildrops = fixture.store.maildrops;
    expect(typeof mailboxes.login === typeof maildrops.open).toBe(true);
  });

  it("keeps a sealed message locked, and shows it, byte for byte behind the trace, once its owner logs in", async () => {
    const mailbox = makeMailbox("m1", "bob@demo.test");
    await fixture.store.applyMailbox(mailbox.record);
    const sealed = mailbox.seal(mail);
    const arrival = { mailbox: "m1", epoch: 0, id: "h1" };
    expect(await fixture.store.acceptSealed({ ...arrival, bytes: sealed.slice() })).toBe("stored");
    expect(await fixture.store.acceptSealed({ ...arrival, bytes: sealed.slice() })).toBe("duplicate");
    expect(fixture.store.stats().find(({ id }) => id === "m1")?.waiting).toBe(1);
    expect(await texts(fixture.store, mailbox)).toEqual([`Return-Path: <ann@sender.test>\r\n${mail}`]);
    expect(await fixture.store.acceptSealed({ ...arrival, bytes: sealed })).toBe("duplicate");
    const store = await fixture.reopen();
    expect(await store.acceptSealed({ ...arrival, bytes: mailbox.seal(mail) })).toBe("duplicate");
    expect(await texts(store, mailbox)).toHaveLength(1);
  });

  it("gives an open mailbox its mail at once", async () => {
    const mailbox = makeMailbox("m2", "eve@demo.test");
    await fixture.store.applyMailbox(mailbox.record);
    const account = await logIn(fixture.store, mailbox);
    const heard = new Promise<string>((resolve) => account.watch((change) => resolve(change.kind)));
    await fixture.store.acceptSealed({ mailbox: "m2", epoch: 0, id: "h2", bytes: mailbox.seal(mail) });
    expect(await heard).toBe("added");
    const drop = await fixture.store.maildrops.open("eve@demo.test", utf8(mailbox.password), { ip: "::1" });
    if (!drop.ok) throw new Error(drop.why);
    expect(drop.maildrop.messages).toHaveLength(1);
    const uid = drop.maildrop.messages[0]?.uid ?? 0;
    expect(Buffer.from((await drop.maildrop.top(uid, 0)) ?? []).toString()).toMatch(/Subject: hello\r\n\r\n$/);
    const second = await fixture.store.maildrops.open("eve@demo.test", utf8(mailbox.password), { ip: "::1" });
    expect(second).toEqual({ ok: false, why: "in-use" });
    await drop.maildrop.commit([uid]);
    expect(await account.counts(["INBOX"])).toMatchObject([{ messages: 0, size: 0 }]);
    await account.logout();
  });

  it("bounds a folder's keywords, however they come, and notes none that are taken away", async () => {
    const mailbox = makeMailbox("kw", "kim@demo.test");
    await fixture.store.applyMailbox(mailbox.record);
    const account = await logIn(fixture.store, mailbox);
    const keywords = async () => (await (await account.open("INBOX", true)).snapshot()).keywords;
    const words = (name: string) => Array.from({ length: 400 }, (_, i) => `${name}${i}`);
    for (const name of ["a", "b"]) {
      await account.append("INBOX", [{ flags: ["\\Seen", ...words(name)], internalDate: 0, bytes: utf8(mail) }]);
    }
    expect((await keywords()).length).toBe(500);
    await account.create("work", null);
    await account.append("work", [{ flags: words("c"), internalDate: 0, bytes: utf8(mail) }]);
    const work = await account.open("work", false);
    expect((await work.copy([[1, 1]], "INBOX")).to.length).toBe(1);
    await work.setFlags([[1, 1]], { mode: "remove", flags: ["C7", "never"] }, null);
    expect((await work.snapshot()).keywords.length).toBe(400);
    expect((await work.snapshot()).flags?.flagSets[0]).not.toContain("c7");
    expect((await keywords()).length).toBe(500);
    await account.logout();
  });

  it("refuses unknown users, wrong passwords, and test-only slots", async () => {
    const mailbox = makeMailbox("m3", "joe@demo.test");
    await fixture.store.applyMailbox(mailbox.record);
    for (const [user, password] of [
      ["nobody@demo.test", mailbox.password],
      ["joe@demo.test", mailbox.addSlot("x").password],
      ["joe@demo.test", "password"],
      ["joe@demo.test", ""],
    ] as const) {
      const secret = utf8(password);
      expect(await fixture.store.mailboxes.login(user, secret, { ip: "" })).toEqual({ ok: false, why: "credentials" });
      expect(secret.every((byte) => byte === 0)).toBe(true);
    }
  });

  it("appends, flags, copies, moves, expunges and tells", async () => {
    const mailbox = makeMailbox("m4", "kim@demo.test");
    await fixture.store.applyMailbox(mailbox.record);
    const account = await logIn(fixture.store, mailbox);
    const heard: string[] = [];
    account.watch((change) => heard.push(`${change.kind} ${change.name} ${change.origin === account}`));
    const message = (n: number) => ({
      flags: ["\\Seen", "Foo"],
      internalDate: n,
      bytes: utf8(`Subject: ${n}\r\n\r\n${n}\r\n`),
    });
    const { uids } = await account.append("INBOX", [message(1), message(2), message(3)]);
    expect(uids).toEqual([1, 2, 3]);
    const box = await account.open("INBOX", false);
    const { changed } = await box.setFlags([[1, 2]], { mode: "add", flags: ["\\Deleted", "foo"] }, null);
    expect(changed.flagSets).toEqual([["\\Deleted", "\\Seen", "Foo"]]);
    expect(await box.copy([[1, 3]], "Archive")).toMatchObject({ to: Uint32Array.of(1, 2, 3) });
    expect((await box.expunge(null)).uids).toEqual(Uint32Array.of(1, 2));
    expect((await box.move([[3, 3]], "Trash")).from).toEqual(Uint32Array.of(3));
    expect(await account.counts(["INBOX", "Archive", "Trash", "No"])).toMatchObject([
      { messages: 0, deleted: 0, size: 0 },
      { messages: 3, deleted: 2, unseen: 0 },
      { messages: 1 },
      null,
    ]);
    await expect(box.copy([[1, 1]], "No")).rejects.toMatchObject({ code: "NONEXISTENT" });
    expect(heard).toEqual([
      "added INBOX true",
      "flags INBOX true",
      "added Archive true",
      "expunged INBOX true",
      "added Trash true",
      "expunged INBOX true",
    ]);
    expect(await box.expungedSince(1)).toEqual(Uint32Array.of(1, 2, 3));
    await account.logout();
  });

  it("searches", async () => {
    const mailbox = makeMailbox("m5", "lee@demo.test");
    await fixture.store.applyMailbox(mailbox.record);
    const account = await logIn(fixture.store, mailbox);
    const bytes = utf8(
      "From: =?iso-8859-1?q?J=F6rg?= <j@x.test>\r\nSubject: Größe\r\nContent-Type: text/plain; charset=koi8-r\r\nContent-Transfer-Encoding: base64\r\n\r\n8NLJ18XUIM3J0g==\r\n",
    );
    await account.append("INBOX", [{ flags: [], internalDate: null, bytes }]);
    const box = await account.open("INBOX", true);
    const hits = async (query: Parameters<typeof box.search>[0]) => (await box.search(query)).uids.length;
    expect(await hits({ kind: "text", text: "привет" })).toBe(1);
    expect(await hits({ kind: "address", field: "from", text: "jorg" })).toBe(1);
    expect(await hits({ kind: "subject", field: "subject", text: "GRÖSSE" })).toBe(0);
    expect(await hits({ kind: "subject", field: "subject", text: "grö" })).toBe(1);
    expect(await hits({ kind: "not", of: { kind: "body", text: "мир" } })).toBe(0);
    await account.logout();
  });

  it("fetches ten thousand rows in batches, each UID once", async () => {
    const mailbox = makeMailbox("m6", "max@demo.test");
    await fixture.store.applyMailbox(mailbox.record);
    const account = await logIn(fixture.store, mailbox);
    const message = { flags: [], internalDate: 5 };
    for (let i = 0; i < 10; i++) {
      const many = Array.from({ length: 1000 }, (_, n) => ({ ...message, bytes: utf8(`Subject: ${i} ${n}\r\n\r\nx`) }));
      await account.append("INBOX", many);
    }
    const box = await account.open("INBOX", false);
    expect((await box.snapshot()).uids.length).toBe(10_000);
    for (const want of [{}, { envelope: true }, { sections: [{ part: [], what: "header" }] }] as const) {
      const rows = await collect(
        box.fetch(
          [
            [1, 4999],
            [5001, 0xffffffff],
          ],
          want,
        ),
      );
      const uids = rows.flatMap(({ uids }) => [...uids]);
      expect(uids.length).toBe(9999);
      expect(new Set(uids).size).toBe(9999);
    }
    await account.logout();
  });
});
