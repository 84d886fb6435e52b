/** What every implementation of the POP3 port must do. RFC 1939. */
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Maildrop, Maildrops } from "../../src/daemon/pop3/port.ts";
import { plainText, tiny, tree } from "./samples.ts";

export type MaildropHarness = {
  maildrops: Maildrops;
  user: string;
  password: string;
  deliver(raw: Uint8Array): Promise<void>;
  close(): Promise<void>;
};

export function maildropsContract(name: string, make: () => Promise<MaildropHarness>): void {
  describe(`POP3 port: ${name}`, () => {
    let harness: MaildropHarness;
    beforeEach(async () => {
      harness = await make();
      for (const raw of [plainText, tree, tiny]) await harness.deliver(Buffer.from(raw, "latin1"));
    });
    afterEach(() => harness.close());

    const open = (password = harness.password) =>
      harness.maildrops.open(harness.user, Buffer.from(password), { ip: "127.0.0.1" });
    const opened = async (): Promise<Maildrop> => {
      const login = await open();
      if (!login.ok) throw new Error(login.why);
      return login.maildrop;
    };
    const text = (bytes: Uint8Array | null): string => Buffer.from(bytes ?? []).toString("latin1");

    it("numbers the INBOX with sizes and lasting ids", async () => {
      const first = await opened();
      expect(first.messages.map(({ size }) => size)).toEqual([plainText.length, tree.length, tiny.length]);
      for (const { uidl } of first.messages) expect(uidl).toMatch(/^[\x21-\x7e]{1,70}$/);
      await first.release();
      const second = await opened();
      expect(second.messages).toEqual(first.messages);
      await second.release();
    });

    it("has one lock, which a wrong password does not tell of", async () => {
      const first = await opened();
      expect(await open()).toEqual({ ok: false, why: "in-use" });
      expect(await open("wrong")).toEqual({ ok: false, why: "credentials" });
      await first.release();
      await (await opened()).commit([]);
      await (await opened()).release();
    });

    it("reads whole messages, and their tops", async () => {
      const drop = await opened();
      const [one, two, three] = drop.messages.map(({ uid }) => uid);
      expect(text(await drop.read(two ?? 0))).toBe(tree);
      expect(text(await drop.top(one ?? 0, 0))).toBe(plainText.slice(0, plainText.indexOf("First")));
      expect(text(await drop.top(one ?? 0, 1))).toBe(plainText.slice(0, plainText.indexOf("A zebra")));
      expect(text(await drop.top(one ?? 0, 999))).toBe(plainText);
      expect(text(await drop.top(three ?? 0, 1))).toBe(tiny);
      expect(await drop.read(999)).toBeNull();
      await drop.release();
    });

    it("reads from one end to the other and back, whatever the sizes", async () => {
      const sizes = Array.from({ length: 45 }, (_, i) => (i === 20 ? 300_000 : i % 9 === 4 ? 70_000 : 50 + i * 300));
      const raws = sizes.map((size, i) => `Subject: ${i}\r\nX-A: b\r\n\r\n${`line ${i}\r\n`.repeat(size / 8)}`);
      for (const raw of raws) await harness.deliver(Buffer.from(raw));
      const drop = await opened();
      const uids = drop.messages.slice(3).map(({ uid }) => uid);
      const header = (raw: string) => raw.slice(0, raw.indexOf("\r\n\r\n") + 4);
      const top = (raw: string, n: number) =>
        header(raw) +
        raw
          .slice(header(raw).length)
          .match(/.*\r\n/g)
          ?.slice(0, n)
          .join("");
      const each = async (read: (uid: number) => Promise<Uint8Array | null>, order = uids) => {
        const found: string[] = [];
        for (const uid of order) found.push(text(await read(uid)));
        return found;
      };
      expect(await each((uid) => drop.read(uid))).toEqual(raws);
      expect(await each((uid) => drop.top(uid, 0))).toEqual(raws.map(header));
      expect(await each((uid) => drop.top(uid, 3))).toEqual(raws.map((raw) => top(raw, 3)));
      expect(await each((uid) => drop.top(uid, 9e9))).toEqual(raws);
      expect(await each((uid) => drop.read(uid), uids.toReversed())).toEqual(raws.toReversed());
      expect(await Promise.all(uids.map(async (uid) => text(await drop.read(uid))))).toEqual(raws);
      await drop.release();
    });

    it("deletes at commit only", async () => {
      const first = await opened();
      await first.release();
      const second = await opened();
      expect(second.messages.length).toBe(3);
      await second.commit(second.messages.slice(0, 2).map(({ uid }) => uid));
      const third = await opened();
      expect(third.messages.map(({ size }) => size)).toEqual([tiny.length]);
      await third.release();
    });
  });
}
