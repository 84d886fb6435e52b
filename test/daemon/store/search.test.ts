// SEARCH is exact whatever the index knows: in every charset, across scripts, for mail just filed and mail long indexed.
import { existsSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { utf8 } from "../../../src/core/bytes.ts";
import type { StoreAccount } from "../../../src/daemon/store/account.ts";
import { TextIndex } from "../../../src/daemon/store/search/index.ts";
import type { Query } from "../../../src/daemon/store/types.ts";
import { logIn, makeMailbox, type StoreFixture, storeFixture, type TestMailbox } from "./fixture.ts";

let fixture: StoreFixture;
let mailbox: TestMailbox;
let account: StoreAccount;
beforeAll(async () => {
  fixture = await storeFixture();
  mailbox = makeMailbox("s1", "sue@demo.test");
  await fixture.store.applyMailbox(mailbox.record);
  account = await logIn(fixture.store, mailbox);
});
afterAll(() => fixture.end());

const file = (...raws: (string | Uint8Array)[]) =>
  account.append(
    "INBOX",
    raws.map((raw) => ({
      flags: [],
      internalDate: 0,
      bytes: typeof raw === "string" ? utf8(raw) : Uint8Array.from(raw),
    })),
  );
const search = async (query: Query) => {
  const box = await account.open("INBOX", true);
  return [...(await box.search(query)).uids];
};
const text = (words: string): Promise<number[]> => search({ kind: "text", text: words });
const body = (charset: string, encoding: string, content: string | Uint8Array) =>
  Buffer.concat([
    Buffer.from(
      `Subject: x\r\nContent-Type: text/plain; charset=${charset}\r\nContent-Transfer-Encoding: ${encoding}\r\n\r\n`,
    ),
    Buffer.from(content),
  ]);

/** Until the index has caught up: its progress is in the file, and only then do its own answers come without doubt. */
async function indexed(): Promise<void> {
  await account.logout();
  await fixture.reopen({ graceMs: 0 });
  account = await logIn(fixture.store, mailbox);
}

describe("search", () => {
  it("reads every charset and transfer encoding, folds case and accents, finds CJK of any length", async () => {
    const { uids } = await file(
      body("iso-8859-1", "8bit", Buffer.from("Stra\xdfe nach M\xfcnchen", "latin1")),
      body("koi8-r", "base64", Buffer.from("8NLJ18XUIM3J0g==")),
      body("shift_jis", "base64", Buffer.from(Buffer.from([0x93, 0xfa, 0x96, 0x7b, 0x8c, 0xea]).toString("base64"))),
      body("gb18030", "8bit", Buffer.from([0xd6, 0xd0, 0xce, 0xc4])),
      body("utf-8", "quoted-printable", "caf=C3=A9 na=C3=AFve =\r\nend"),
      body("utf-16le", "base64", Buffer.from(Buffer.from("héllo wörld", "utf16le").toString("base64"))),
      body("utf-7", "7bit", "+ZeVnLIqe- ok"),
      body("no-such-charset", "8bit", Buffer.from("plain enough")),
      "Subject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=\r\nFrom: =?iso-2022-jp?B?GyRCOzNFRBsoQg==?= <yamada@x.test>\r\n" +
        "Content-Type: text/html; charset=utf-8\r\n\r\n<style>hidden{}</style><p>Hello <b>wo</b>rld &amp; caf&eacute; &#x4f60;</p><script>secret()</script>",
    );
    const [latin = 0, koi = 0, jis = 0, gb = 0, qp = 0, utf16 = 0, utf7 = 0, odd = 0, html = 0] = uids;
    const check = async () => {
      expect(await text("munchen")).toEqual([latin]);
      expect(await text("STRAßE NACH")).toEqual([latin]);
      expect(await text("ПРИВЕТ мир")).toEqual([koi]);
      expect(await text("日本")).toEqual([jis, utf7]);
      expect(await text("日本語")).toEqual([jis, utf7]);
      expect(await text("中")).toEqual([gb]);
      expect(await text("cafe naive end")).toEqual([qp]);
      expect(await text("hello world")).toEqual([utf16, html]);
      expect(await text("world & café 你")).toEqual([html]);
      expect(await text("plain en")).toEqual([odd]);
      expect(await text("山田")).toEqual([html]);
      expect(await search({ kind: "address", field: "from", text: "山田" })).toEqual([html]);
      expect(await text("hidden")).toEqual([]);
      expect(await text("secret")).toEqual([]);
      expect(await text("你")).toEqual([html]);
      expect(await search({ kind: "not", of: { kind: "body", text: "o" } })).toEqual([latin, koi, jis, gb, qp]);
      expect(await search({ kind: "header", name: "Subject", text: "grü" })).toEqual([html]);
    };
    await check();
    await indexed();
    await check();
  });

  it("finds attachments by their names, however these are spelled", async () => {
    const attached = (fields: string) =>
      "From: a@x.test\r\nContent-Type: multipart/mixed; boundary=cut\r\n\r\n--cut\r\n\r\nhere\r\n" +
      `--cut\r\nContent-Transfer-Encoding: base64\r\n${fields}\r\n\r\nAAAA\r\n--cut--\r\n`;
    const { uids } = await file(
      attached('Content-Disposition: attachment; filename="invoice-2024.pdf"'),
      attached("Content-Disposition: attachment; filename*0*=utf-8''R%C3%A9sum; filename*1*=%C3%A9%20neu.pdf"),
      attached('Content-Type: application/pdf; name="=?utf-8?b?5pel5pys6KqeLnBkZg==?="'),
      "Subject: fwd\r\nContent-Type: message/rfc822\r\n\r\nSubject: «été» Жук\r\n\r\nbody",
    );
    const [plain = 0, extended = 0, words = 0, forwarded = 0] = uids;
    const check = async () => {
      expect(await text("invoice-2024")).toEqual([plain]);
      expect(await text("resume neu.pdf")).toEqual([extended]);
      expect(await text("日本語.pdf")).toEqual([words]);
      expect(await text("ete» жук")).toEqual([forwarded]);
      expect(await search({ kind: "body", text: "invoice-2024" })).toEqual([]);
    };
    await check();
    await indexed();
    await check();
  });

  it("gives the same answers while the index is behind, current, damaged and gone", async () => {
    const words = ["alpha", "beta", "gamma", "delta", "épsilon", "日本語の", "zeta"];
    const raws = Array.from({ length: 400 }, (_, i) => {
      const some = words.filter((_, w) => (i * 7 + w * w * 3) % 5 < 2);
      return `Subject: s${i} ${some[0] ?? ""}\r\nFrom: p${i % 9} <p${i % 9}@x.test>\r\n\r\n${some.join(" ")} ${i}\r\n`;
    });
    await file(...raws);
    const ask = async () => {
      const answers: number[][] = [];
      for (const word of [...words, "eta", "s39", "no such", "p3@x"]) answers.push(await text(word));
      answers.push(
        await search({
          kind: "and",
          of: [
            { kind: "text", text: "alpha" },
            { kind: "not", of: { kind: "body", text: "beta" } },
          ],
        }),
      );
      answers.push(
        await search({
          kind: "or",
          of: [
            { kind: "subject", field: "subject", text: "gamma" },
            { kind: "header", name: "from", text: "p4" },
          ],
        }),
      );
      return answers;
    };
    const behind = await ask();
    expect(behind.map(({ length }) => length > 0)).toEqual([
      ...words.map(() => true),
      true,
      true,
      false,
      true,
      true,
      true,
    ]);
    await indexed();
    expect(await ask()).toEqual(behind);
    const path = join(fixture.dir, "mailboxes", "s1", "index.db");
    await account.logout();
    await fixture.store.close();
    expect(existsSync(path)).toBe(true);
    writeFileSync(path, Buffer.alloc(statSync(path).size, 1));
    await fixture.reopen();
    account = await logIn(fixture.store, mailbox);
    expect(await ask()).toEqual(behind);
  });

  it("forgets what was expunged", async () => {
    const { uids } = await file("Subject: xylophone\r\n\r\nx");
    const [uid = 0] = uids;
    expect(await text("xylophone")).toEqual([uid]);
    const box = await account.open("INBOX", false);
    await box.setFlags([[uid, uid]], { mode: "add", flags: ["\\Deleted"] }, null);
    await box.expunge(null);
    expect(await text("xylophone")).toEqual([]);
    await indexed();
    expect(await text("xylophone")).toEqual([]);
  });

  it("keeps trigrams only for what it was given, and knows how far it came", () => {
    const index = TextIndex.open(join(fixture.dir, "index-test.db"), () => Buffer.alloc(32, 1));
    expect(index.mayHold("ab")(1)).toBe(true);
    expect(index.mayHold("abc")(1)).toBe(true);
    index.close();
  });
});
