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
