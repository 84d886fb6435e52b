/**
 * What every implementation of the IMAP port must do. One suite, run on the memory mailboxes and on the encrypted store.
 *
 *   mailboxesContract("memory", async (options) => ({ mailboxes, user, password, deliver, close }));
 */
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type {
  Account,
  Box,
  Change,
  Mailboxes,
  Packed,
  Query,
  Rows,
  Section,
  UidRanges,
  Want,
} from "../../src/daemon/imap/port.ts";
import { encoded, plainText, samples, tiny, tree } from "./samples.ts";

export type Harness = {
  mailboxes: Mailboxes;
  user: string;
  password: string;
  /** Files a message as a hand-off does (no session's doing); resolves when it is committed. */
  deliver(raw: Uint8Array, folder: string): Promise<void>;
  close(): Promise<void>;
};
export type HarnessOptions = { limitBytes?: number };

const everything: UidRanges = [[1, 0xffffffff]];
const bytes = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text, "latin1"));
const message = (text: string, flags: readonly string[] = [], internalDate: number | null = null) => ({
  flags,
  internalDate,
  bytes: bytes(text),
});
const at = Date.UTC(2024, 1, 29, 12);

export function mailboxesContract(name: string, make: (options: HarnessOptions) => Promise<Harness>): void {
  describe(`IMAP port: ${name}`, () => {
    let harness: Harness;
    let account: Account;
    beforeEach(async () => {
      harness = await make({});
      account = await login(harness);
    });
    afterEach(async () => {
      await account.logout();
      await harness.close();
    });

    const filled = async (readOnly = false): Promise<Box> => {
      await account.append(
        "INBOX",
        samples.map((raw, i) => message(raw, i === 0 ? ["\\Seen", "$Work"] : [], at + i * 1000)),
      );
      return await account.open("INBOX", readOnly);
    };
    const refused = async (promise: Promise<unknown>): Promise<string> => {
      const error = await promise.then(
        () => new Error("was not refused"),
        (caught: unknown) => caught,
      );
      return String((error as { code?: unknown }).code ?? error);
    };

    describe("login", () => {
      it("refuses a wrong password and an unknown user alike, and zeroes the secret", async () => {
        const secret = Buffer.from("wrong");
        const from = { ip: "192.0.2.1", protocol: "imap" as const };
        expect(await harness.mailboxes.login(harness.user, secret, from)).toEqual({ ok: false, why: "credentials" });
        expect([...secret]).toEqual([0, 0, 0, 0, 0]);
        const nobody = await harness.mailboxes.login("nobody@nowhere.test", Buffer.from("x"), from);
        expect(nobody).toEqual({ ok: false, why: "credentials" });
      });
    });

    describe("folders", () => {
      const names = async (): Promise<string[]> => (await account.folders()).map((folder) => folder.name);

      it("has the special-use set from birth, INBOX first", async () => {
        const folders = await account.folders();
        expect(folders[0]?.name).toBe("INBOX");
        expect(folders.map((folder) => folder.specialUse)).toEqual(
          expect.arrayContaining(["\\Drafts", "\\Sent", "\\Junk", "\\Trash", "\\Archive"]),
        );
        expect(folders.every((folder) => folder.exists && folder.selectable)).toBe(true);
        expect(new Set(folders.map((folder) => folder.id)).size).toBe(folders.length);
      });

      it("creates a folder with what is missing above it", async () => {
        const folder = await account.create("a/b/c", null);
        expect(folder).toMatchObject({ name: "a/b/c", selectable: true, exists: true });
        expect(await names()).toEqual(expect.arrayContaining(["a", "a/b", "a/b/c"]));
        expect(await refused(account.create("a/b", null))).toBe("ALREADYEXISTS");
        expect(await refused(account.create("INBOX", null))).toBe("ALREADYEXISTS");
      });

      it("gives a special use once", async () => {
        expect((await account.create("Stars", "\\Flagged")).specialUse).toBe("\\Flagged");
        expect(await refused(account.create("More", "\\Flagged"))).toBe("USEATTR");
        expect(await names()).not.toContain("More");
      });

      it("never gives a UIDVALIDITY and UID twice to a name", async () => {
        const first = await account.create("again", null);
        await account.append("again", [message(tiny)]);
        await account.remove("again");
        const second = await account.create("again", null);
        expect(second.uidvalidity).toBeGreaterThan(first.uidvalidity);
        expect(second.id).not.toBe(first.id);
      });

      it("removes a folder; one with folders below stays as a name", async () => {
        await account.create("a/b", null);
        await account.append("a", [message(tiny)]);
        const before = (await account.folders()).find((folder) => folder.name === "a");
        await account.remove("a");
        expect((await account.folders()).find((folder) => folder.name === "a")).toMatchObject({ selectable: false });
        expect(await account.counts(["a", "a/b"])).toEqual([null, expect.objectContaining({ messages: 0 })]);
        expect(await refused(account.open("a", false))).toBe("NONEXISTENT");
        expect(await refused(account.remove("a"))).toBe("HASCHILDREN");
        expect(await refused(account.remove("none"))).toBe("NONEXISTENT");
        expect(await refused(account.remove("INBOX"))).toBe("CANNOT");
        const { id } = await account.create("a", null);
        expect((await account.counts(["a"]))[0]).toMatchObject({ messages: 0, uidnext: 1 });
        expect(id).not.toBe(before?.id);
        await account.remove("a");
        await account.remove("a/b");
        expect(await names()).not.toContain("a");
      });

      it("renames a tree, ids and messages go with it", async () => {
        const { id } = await account.create("a/b", null);
        await account.append("a/b", [message(tiny)]);
        await account.rename("a", "x/y");
        expect(await names()).toEqual(expect.arrayContaining(["x", "x/y", "x/y/b"]));
        expect(await names()).not.toContain("a/b");
        expect((await account.counts(["x/y/b"]))[0]).toMatchObject({ messages: 1, folder: { id } });
        expect(await refused(account.rename("none", "z"))).toBe("NONEXISTENT");
        expect(await refused(account.rename("x", "INBOX"))).toBe("ALREADYEXISTS");
      });

      it("RENAME INBOX moves its messages and leaves INBOX", async () => {
        await account.append("INBOX", [message(tiny, ["\\Flagged"])]);
        await account.create("INBOX/below", null);
        await account.rename("INBOX", "old");
        expect(await account.counts(["INBOX", "old"])).toMatchObject([{ messages: 0 }, { messages: 1 }]);
        expect(await names()).toContain("INBOX/below");
      });

      it("remembers a subscription beyond the folder", async () => {
        await account.create("news", null);
        await account.subscribe("news", true);
        await account.remove("news");
        const news = (await account.folders()).find((folder) => folder.name === "news");
        expect(news).toMatchObject({ exists: false, selectable: false, subscribed: true });
        await account.subscribe("news", false);
        expect(await names()).not.toContain("news");
        expect(await refused(account.subscribe("never", true))).toBe("NONEXISTENT");
        await account.subscribe("never", false);
      });

      it("keeps names of every script apart", async () => {
        await account.create("Entwürfe/日本語", null);
        await account.create("entwürfe", null);
        expect(await names()).toEqual(expect.arrayContaining(["Entwürfe", "Entwürfe/日本語", "entwürfe"]));
      });
    });

    describe("append and counts", () => {
      it("files all or none, UIDs ascending", async () => {
        const { uids } = await account.append("INBOX", [message(plainText), message(tiny, ["\\Deleted"])]);
        expect(uids).toEqual([1, 2]);
        const [counts] = await account.counts(["INBOX"]);
        expect(counts).toMatchObject({ messages: 2, unseen: 2, deleted: 1, uidnext: 3, recent: 2 });
        expect(counts?.size).toBe(plainText.length + tiny.length);
        expect(counts?.deletedSize).toBe(tiny.length);
        expect(await refused(account.append("none", [message(tiny)]))).toBe("NONEXISTENT");
      });

      it("answers counts in the order asked, null where there is none", async () => {
        const counts = await account.counts(["Trash", "none", "INBOX"]);
        expect(counts.map((one) => one?.folder.name ?? null)).toEqual(["Trash", null, "INBOX"]);
      });

      it("holds the quota", async () => {
        await account.logout();
        await harness.close();
        harness = await make({ limitBytes: 1000 });
        account = await login(harness);
        expect(await account.quota()).toMatchObject({ usedBytes: 0, limitBytes: 1000 });
        await account.append("INBOX", [message(tiny)]);
        expect((await account.quota()).usedBytes).toBe(tiny.length);
        expect(await refused(account.append("INBOX", [message(tiny), message(tree + tree)]))).toBe("OVERQUOTA");
        expect((await account.counts(["INBOX"]))[0]).toMatchObject({ messages: 1 });
      });
    });

    describe("snapshot and rows", () => {
      it("tells what SELECT announces", async () => {
        const box = await filled();
        const snapshot = await box.snapshot();
        expect([...snapshot.uids]).toEqual([1, 2, 3, 4]);
        expect(snapshot).toMatchObject({ firstUnseenUid: 2, firstRecentUid: 1, keywords: ["$Work"] });
        expect(snapshot.counts).toMatchObject({ messages: 4, uidnext: 5 });
        await box.close();
      });

      it("tells flags with the snapshot, where it does, as a fetch tells them", async () => {
        const box = await filled();
        await box.setFlags([[3, 3]], { mode: "add", flags: ["$Work", "\\Flagged"] }, null);
        await box.copy([[2, 2]], "INBOX");
        const { uids, flags } = await box.snapshot();
        if (!flags) return;
        expect([...flags.uids]).toEqual([...uids]);
        const { flags: fetched, modseqs } = await all(box, everything, {});
        expect([...flags.modseqs]).toEqual(modseqs);
        expect(Array.from(flags.flagSet, (n) => flags.flagSets[n]?.toSorted())).toEqual(fetched);
      });

      it("gives \\Recent to one session", async () => {
        const reader = await filled(true);
        expect((await reader.snapshot()).firstRecentUid).toBe(1);
        const writer = await account.open("INBOX", false);
        expect((await writer.snapshot()).firstRecentUid).toBe(1);
        expect((await writer.snapshot()).firstRecentUid).toBe(5);
        await account.append("INBOX", [message(tiny)]);
        await writer.claimRecent();
        expect((await reader.snapshot()).firstRecentUid).toBe(6);
      });

      it("fetches metadata in UID order, gaps left out", async () => {
        const box = await filled();
        const rows = await all(
          box,
          [
            [2, 3],
            [9, 0xffffffff],
          ],
          { envelope: true },
        );
        expect([...rows.uids]).toEqual([2, 3]);
        expect([...rows.sizes]).toEqual([encoded.length, tree.length]);
        expect([...rows.internalDates]).toEqual([at + 1000, at + 2000]);
        expect(rows.envelopes[0]).toContain('(("=?utf-8?q?J=C3=BCrgen_M=C3=BCller?=" NIL "jm" "example.org"))');
        expect(await all(box, [], {})).toMatchObject({ uids: [] });
      });

      it("renders ENVELOPE with its defaults and groups", async () => {
        const box = await filled();
        const { envelopes } = await all(box, everything, { envelope: true });
        expect(envelopes[0]).toBe(
          '("Tue, 14 Nov 2023 22:13:20 +0000" "Hello needle" (("Ann Smith" NIL "ann" "example.org")) ' +
            '(("Ann Smith" NIL "ann" "example.org")) (("Ann Smith" NIL "ann" "example.org")) ' +
            '(("Bob" NIL "bob" "example.net")(NIL NIL "carol" "example.net")) (("Dave" NIL "dave" "example.com")) NIL NIL "<1@example.org>")',
        );
        expect(envelopes[2]).toContain(
          '((NIL NIL "desk" "example.org")) ((NIL NIL "reply" "example.org")) ' +
            '((NIL NIL "Group" NIL)(NIL NIL "x" "example.net")(NIL NIL "y" "example.net")(NIL NIL NIL NIL)) NIL NIL NIL "<3@example.org>"',
        );
        expect(envelopes[3]).toBe('(NIL "tiny" NIL NIL NIL NIL NIL NIL NIL NIL)');
      });

      it("renders BODYSTRUCTURE and BODY", async () => {
        const box = await filled();
        const { structures, basicStructures } = await all(box, everything, { structure: true, basicStructure: true });
        expect(basicStructures[1]?.toLowerCase()).toBe(
          '("text" "plain" ("charset" "utf-8") nil nil "quoted-printable" 39 2)',
        );
        const inner =
          '((("text" "plain" ("charset" "us-ascii") "<part1@example.org>" nil "7bit" 11 0 nil nil nil nil)' +
          '("text" "html" ("charset" "us-ascii") nil nil "7bit" 24 0 nil nil ("en" "de") nil)' +
          ' "alternative" ("boundary" "inner") nil nil nil)';
        const lower = structures[2]?.toLowerCase() ?? "";
        expect(lower.startsWith(inner)).toBe(true);
        expect(lower).toContain(
          '("application" "octet-stream" ("name" "f.bin") nil "some bytes" "base64" 24 "q2hly2sgsw50zwdyaxr5iq==" ("attachment" ("filename" "f.bin")) nil "http://example.org/f")',
        );
        expect(lower).toContain('("message" "rfc822" nil nil nil "7bit" ');
        expect(lower.endsWith('"mixed" ("boundary" "out er") nil nil nil)')).toBe(true);
      });

      it("gives ids that copies share, previews as text", async () => {
        const box = await filled();
        await box.copy([[1, 1]], "Archive");
        const archive = await account.open("Archive", true);
        const here = await all(box, everything, { ids: true, preview: true });
        const there = await all(archive, everything, { ids: true });
        expect(there.emailIds).toEqual([here.emailIds[0]]);
        expect(new Set(here.emailIds).size).toBe(4);
        for (const id of [...here.emailIds, ...here.threadIds]) expect(id).toMatch(/^[A-Za-z0-9_-]{1,255}$/);
        expect(here.previews[0]).toMatch(/^First line of text\. A zebrafish/);
        expect(here.previews[2]).toContain("plain words");
      });

      it("passes over thousands in bounded batches", async () => {
        await account.append(
          "INBOX",
          Array.from({ length: 1500 }, (_, i) => message(`Subject: ${i}\r\n\r\n${"x".repeat(2000)}`)),
        );
        const box = await account.open("INBOX", false);
        let count = 0;
        for await (const rows of box.fetch(everything, { sections: [{ part: [], what: "all" }] })) {
          expect(rows.uids.length).toBeGreaterThan(0);
          expect(rows.uids.length).toBeLessThan(1500);
          expect(rows.uids[0]).toBe(count + 1);
          count += rows.uids.length;
        }
        expect(count).toBe(1500);
      });
    });

    describe("sections", () => {
      const cases: [string, number, Section, string | null | "undecodable"][] = [
        ["whole", 1, { part: [], what: "all" }, plainText],
        ["whole, partial", 1, { part: [], what: "all", partial: { origin: 5, count: 10 } }, plainText.slice(5, 15)],
        ["partial past the end", 4, { part: [], what: "all", partial: { origin: 15, count: 10 } }, tiny.slice(15)],
        ["partial beyond", 4, { part: [], what: "all", partial: { origin: 500, count: 10 } }, ""],
        ["header", 4, { part: [], what: "header" }, "Subject: tiny\r\n\r\n"],
        ["text", 1, { part: [], what: "text" }, "First line of text.\r\nA zebrafish hides here.\r\n"],
        [
          "fields",
          1,
          { part: [], what: "fields", fields: ["x-long", "CC"] },
          "Cc: Dave <dave@example.com>\r\nX-Long: one\r\n two\r\n\tthree\r\n\r\n",
        ],
        [
          "fields that mail programs list by, in the header's order, case aside",
          1,
          { part: [], what: "fields", fields: ["SUBJECT", "from"] },
          "From: Ann Smith <ann@example.org>\r\nSubject: Hello needle\r\n\r\n",
        ],
        [
          "fields, partial",
          1,
          { part: [], what: "fields", fields: ["subject"], partial: { origin: 9, count: 5 } },
          "Hello",
        ],
        ["fields, none there", 1, { part: [], what: "fields", fields: ["X-None"] }, "\r\n"],
        ["fields-not", 4, { part: [], what: "fields-not", fields: ["subject"] }, "\r\n"],
        [
          "part 1 of a single part",
          1,
          { part: [1], what: "all" },
          "First line of text.\r\nA zebrafish hides here.\r\n",
        ],
        ["part 1 MIME of a single part", 4, { part: [1], what: "mime" }, "Subject: tiny\r\n\r\n"],
        ["no part 2", 1, { part: [2], what: "all" }, null],
        ["nested part", 3, { part: [1, 1], what: "all" }, "plain words"],
        [
          "nested MIME",
          3,
          { part: [1, 2], what: "mime" },
          "Content-Type: text/html\r\nContent-Language: en, de\r\n\r\n",
        ],
        ["attachment", 3, { part: [2], what: "all" }, "AAECAwQFBgcICQoLDA0ODw=="],
        ["inner header", 3, { part: [3], what: "fields", fields: ["subject"] }, "Subject: the inner one\r\n\r\n"],
        [
          "inner text",
          3,
          { part: [3], what: "text" },
          "--deep\r\n\r\ndeep text\r\n--deep\r\nContent-Type: text/x-odd\r\nContent-Transfer-Encoding: x-unknown\r\n\r\nodd\r\n--deep--",
        ],
        ["inside the inner message", 3, { part: [3, 1], what: "all" }, "deep text"],
        ["header of a leaf", 3, { part: [2], what: "header" }, null],
        ["no such nested part", 3, { part: [1, 9], what: "all" }, null],
        [
          "binary of base64",
          3,
          { part: [2], what: "binary" },
          "\x00\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0a\x0b\x0c\x0d\x0e\x0f",
        ],
        ["binary, partial", 3, { part: [2], what: "binary", partial: { origin: 14, count: 10 } }, "\x0e\x0f"],
        ["binary of quoted-printable", 2, { part: [1], what: "binary" }, "Stra\xc3\x9fe und Br\xc3\xbccke\x00end.\r\n"],
        ["binary of an unknown encoding", 3, { part: [3, 2], what: "binary" }, "undecodable"],
      ];
      it.each(cases)("%s", async (_name, uid, section, expected) => {
        const box = await filled();
        const rows = await all(box, [[uid, uid]], { sections: [section] });
        expect(rows.sections[0]?.[0]).toBe(expected);
        if (section.what !== "binary" || section.partial) return;
        const size = expected === null || expected === "undecodable" ? expected : expected.length;
        expect(await box.binarySize(uid, section.part)).toBe(size);
      });

      it("several at once, in order", async () => {
        const box = await filled();
        const wanted: Section[] = [
          { part: [], what: "header" },
          { part: [], what: "text" },
        ];
        const rows = await all(box, everything, { sections: wanted });
        samples.forEach((raw, i) => {
          expect(`${rows.sections[0]?.[i]}${rows.sections[1]?.[i]}`).toBe(raw);
        });
      });

      it("gives back every byte, NULs and bare newlines too", async () => {
        const odd = `Subject: x\nFrom: y\r\n\r\n\x00\xff\n.\r\n\r${String.fromCharCode(...Array(256).keys())}`;
        const large = `Subject: l\r\n\r\n${"0123456789abcdef".repeat(100_000)}`;
        await account.append("INBOX", [message(odd), message(large)]);
        const box = await account.open("INBOX", false);
        const rows = await all(box, everything, { sections: [{ part: [], what: "all" }] });
        expect(rows.sections[0]?.[0]).toBe(odd);
        expect(rows.sections[0]?.[1] === large).toBe(true);
        const slice: Section = { part: [], what: "all", partial: { origin: 1_000_000, count: 20 } };
        expect((await all(box, [[2, 2]], { sections: [slice] })).sections[0]?.[0]).toBe(
          large.slice(1_000_000, 1_000_020),
        );
      });
    });

    describe("flags", () => {
      it("sets, adds and removes; modseq moves only with a change", async () => {
        const box = await filled();
        const before = await all(box, everything, {});
        const { changed } = await box.setFlags([[1, 2]], { mode: "add", flags: ["\\Seen"] }, null);
        expect([...changed.uids]).toEqual([1, 2]);
        const after = await all(box, everything, {});
        expect(after.flags).toEqual([["$Work", "\\Seen"], ["\\Seen"], [], []]);
        expect(after.modseqs[0]).toBe(before.modseqs[0]);
        expect(after.modseqs[1]).toBeGreaterThan(before.modseqs[1] ?? 0);
        await box.setFlags([[1, 1]], { mode: "remove", flags: ["\\Seen", "$work"] }, null);
        await box.setFlags([[2, 2]], { mode: "set", flags: ["a", "b"] }, null);
        expect((await all(box, [[1, 2]], {})).flags).toEqual([[], ["a", "b"]]);
      });

      it("keeps the first spelling of a keyword", async () => {
        const box = await filled();
        await box.setFlags([[2, 2]], { mode: "add", flags: ["$WORK", "\\seen"] }, null);
        expect((await all(box, [[2, 2]], {})).flags).toEqual([["$Work", "\\Seen"]]);
        expect([...(await box.search({ kind: "flag", flag: "$wOrK", set: true })).uids]).toEqual([1, 2]);
      });

      it("leaves alone what changed since", async () => {
        const box = await filled();
        const { counts } = await box.snapshot();
        await box.setFlags([[2, 2]], { mode: "add", flags: ["\\Flagged"] }, null);
        const result = await box.setFlags([[1, 3]], { mode: "add", flags: ["\\Answered"] }, counts.highestModseq);
        expect(result.modified).toEqual([2]);
        expect([...result.changed.uids]).toEqual([1, 3]);
        expect((await all(box, [[2, 2]], {})).flags).toEqual([["\\Flagged"]]);
      });
    });

    describe("copy, move, replace, expunge", () => {
      it("copies flags, dates and bytes", async () => {
        const box = await filled();
        const { from, to, uidvalidity } = await box.copy(
          [
            [1, 1],
            [3, 3],
            [77, 80],
          ],
          "Archive",
        );
        expect([[...from], [...to]]).toEqual([
          [1, 3],
          [1, 2],
        ]);
        const archive = await account.open("Archive", false);
        expect(archive.folder.uidvalidity).toBe(uidvalidity);
        const rows = await all(archive, everything, { sections: [{ part: [], what: "all" }] });
        expect(rows.flags).toEqual([["$Work", "\\Seen"], []]);
        expect([...rows.internalDates]).toEqual([at, at + 2000]);
        expect(rows.sections[0]).toEqual([plainText, tree]);
        expect(await refused(box.copy([[1, 1]], "none"))).toBe("NONEXISTENT");
      });

      it("moves atomically, and remembers what left", async () => {
        const box = await filled();
        const { counts } = await box.snapshot();
        const moved = await box.move([[2, 3]], "Trash");
        expect([[...moved.from], [...moved.to]]).toEqual([
          [2, 3],
          [1, 2],
        ]);
        expect([...(await box.snapshot()).uids]).toEqual([1, 4]);
        expect([...((await box.expungedSince(counts.highestModseq)) ?? [])]).toEqual([2, 3]);
        expect(moved.modseq).toBeGreaterThan(counts.highestModseq);
        expect((await account.counts(["INBOX"]))[0]?.highestModseq).toBe(moved.modseq);
      });

      it("replaces one message by another", async () => {
        const box = await filled();
        const replaced = await box.replace(2, "INBOX", message(tiny, ["\\Draft"]));
        expect(replaced.uid).toBe(5);
        expect([...(await box.snapshot()).uids]).toEqual([1, 3, 4, 5]);
        expect(await refused(box.replace(2, "INBOX", message(tiny)))).toBe("NONEXISTENT");
        expect(await refused(box.replace(1, "none", message(tiny)))).toBe("NONEXISTENT");
        expect([...(await box.snapshot()).uids]).toEqual([1, 3, 4, 5]);
      });

      it("expunges what is \\Deleted, within a range or all", async () => {
        const box = await filled();
        await box.setFlags([[1, 3]], { mode: "add", flags: ["\\Deleted"] }, null);
        expect([
          ...(
            await box.expunge([
              [2, 2],
              [4, 4],
            ])
          ).uids,
        ]).toEqual([2]);
        expect([...(await box.expunge(null)).uids]).toEqual([1, 3]);
        expect([...(await box.expunge(null)).uids]).toEqual([]);
        expect([...(await box.snapshot()).uids]).toEqual([4]);
        expect((await account.quota()).usedBytes).toBe(tiny.length);
      });

      it("never gives a UID again", async () => {
        const box = await filled();
        await box.setFlags([[4, 4]], { mode: "add", flags: ["\\Deleted"] }, null);
        await box.expunge(null);
        expect((await account.append("INBOX", [message(tiny)])).uids).toEqual([5]);
      });

      it("finds what changed since", async () => {
        const box = await filled();
        const { counts } = await box.snapshot();
        await box.setFlags([[2, 3]], { mode: "add", flags: ["\\Flagged"] }, null);
        expect([...(await all(box, everything, { changedSince: counts.highestModseq })).uids]).toEqual([2, 3]);
        expect(await box.expungedSince(counts.highestModseq)).toEqual(new Uint32Array(0));
      });
    });

    describe("search", () => {
      const found: [string, Query, number[]][] = [
        ["all", { kind: "all" }, [1, 2, 3, 4]],
        [
          "uids",
          {
            kind: "uids",
            ranges: [
              [2, 3],
              [9, 12],
            ],
          },
          [2, 3],
        ],
        ["no uids", { kind: "uids", ranges: [] }, []],
        ["seen", { kind: "flag", flag: "\\Seen", set: true }, [1]],
        ["not keyword", { kind: "flag", flag: "$Work", set: false }, [2, 3, 4]],
        ["from by name", { kind: "address", field: "from", text: "smith" }, [1, 3]],
        ["from by address", { kind: "address", field: "from", text: "JM@EXAMPLE" }, [2]],
        ["from in another script", { kind: "address", field: "from", text: "jürgen MÜLLER" }, [2]],
        ["to", { kind: "address", field: "to", text: "y@example.net" }, [3]],
        ["cc", { kind: "address", field: "cc", text: "dave" }, [1]],
        ["bcc", { kind: "address", field: "bcc", text: "dave" }, []],
        ["subject", { kind: "subject", field: "subject", text: "NEEDLE" }, [1, 3]],
        ["subject across encoded words", { kind: "subject", field: "subject", text: "grüße aus köln" }, [2]],
        ["header", { kind: "header", name: "Message-ID", text: "2@example" }, [2]],
        ["header over a fold", { kind: "header", name: "x-long", text: "three" }, [1]],
        ["header is there", { kind: "header", name: "References", text: "" }, [2, 3]],
        ["body", { kind: "body", text: "zebraFISH" }, [1]],
        ["body decoded", { kind: "body", text: "STRASSE".replace("SS", "ß") }, [2]],
        ["body across a soft break", { kind: "body", text: "und brücke" }, [2]],
        ["body of a nested part", { kind: "body", text: "deep text" }, [3]],
        ["body, two letters", { kind: "body", text: "CK" }, [2]],
        ["body is not the header", { kind: "body", text: "ann smith" }, []],
        ["text is header and body", { kind: "text", text: "ann smith" }, [1, 3]],
        ["text, spaces and signs", { kind: "text", text: "text.\r\nA zebra" }, [1]],
        ["sent before", { kind: "date", which: "sent", compare: "before", day: day("2023-11-15") }, [1]],
        ["sent on, as spelled", { kind: "date", which: "sent", compare: "on", day: day("2023-11-15") }, [2]],
        ["sent since", { kind: "date", which: "sent", compare: "since", day: day("2024-01-01") }, [4]],
        ["internal on", { kind: "date", which: "internal", compare: "on", day: day("2024-02-29") }, [1, 2, 3, 4]],
        ["internal before", { kind: "date", which: "internal", compare: "before", day: day("2024-02-29") }, []],
        ["saved since", { kind: "date", which: "saved", compare: "since", day: day("2024-02-29") }, [1, 2, 3, 4]],
        ["larger", { kind: "size", compare: "larger", bytes: tree.length - 1 }, [3]],
        ["smaller", { kind: "size", compare: "smaller", bytes: tiny.length }, []],
        ["older", { kind: "age", compare: "older", seconds: 3600 }, [1, 2, 3, 4]],
        ["younger", { kind: "age", compare: "younger", seconds: 3600 }, []],
        ["not", { kind: "not", of: { kind: "subject", field: "subject", text: "needle" } }, [2, 4]],
        [
          "and",
          {
            kind: "and",
            of: [
              { kind: "flag", flag: "\\Seen", set: false },
              { kind: "text", text: "needle" },
            ],
          },
          [3],
        ],
        [
          "or",
          {
            kind: "or",
            of: [
              { kind: "uids", ranges: [[4, 4]] },
              { kind: "text", text: "zebrafish" },
            ],
          },
          [1, 4],
        ],
        ["of nothing", { kind: "and", of: [] }, [1, 2, 3, 4]],
        ["LIKE's signs are letters", { kind: "text", text: "%" }, []],
      ];
      it.each(found)("%s", async (_name, query, uids) => {
        const box = await filled();
        expect([...(await box.search(query)).uids]).toEqual(uids);
      });

      it("by modseq, and says the highest", async () => {
        const box = await filled();
        const { changed } = await box.setFlags([[3, 3]], { mode: "add", flags: ["x"] }, null);
        const modseq = changed.modseqs[0] ?? 0;
        expect(await box.search({ kind: "modseq", atLeast: modseq })).toEqual({
          uids: Uint32Array.of(3),
          highestModseq: modseq,
        });
        expect((await box.search({ kind: "all" })).highestModseq).toBe(0);
      });

      it("by ids", async () => {
        const box = await filled();
        const { emailIds, threadIds } = await all(box, everything, { ids: true });
        expect([...(await box.search({ kind: "id", which: "email", id: emailIds[1] ?? "" })).uids]).toEqual([2]);
        expect([...(await box.search({ kind: "id", which: "thread", id: threadIds[3] ?? "" })).uids]).toEqual([4]);
        expect([...(await box.search({ kind: "id", which: "email", id: "Mnone" })).uids]).toEqual([]);
      });

      it("sees what was just filed", async () => {
        const box = await filled();
        await account.append("INBOX", [message("Subject: quagga\r\n\r\nokapi\r\n")]);
        expect([...(await box.search({ kind: "body", text: "okapi" })).uids]).toEqual([5]);
        expect([...(await box.search({ kind: "text", text: "quagga" })).uids]).toEqual([5]);
      });
    });

    describe("sort and thread", () => {
      const sort = async (box: Box, key: Parameters<Box["sort"]>[1][number]["key"], reverse = false) => [
        ...(await box.sort({ kind: "all" }, [{ key, reverse }])),
      ];

      it("by every key", async () => {
        const box = await filled();
        expect(await sort(box, "arrival")).toEqual([1, 2, 3, 4]);
        expect(await sort(box, "arrival", true)).toEqual([4, 3, 2, 1]);
        // 15 Nov 01:00 +0900 is 14 Nov 16:00 UTC; a message without Date: sorts by arrival.
        expect(await sort(box, "date")).toEqual([2, 1, 3, 4]);
        expect(await sort(box, "size")).toEqual([4, 1, 2, 3].toSorted((a, b) => size(a) - size(b)));
        expect(await sort(box, "from")).toEqual([4, 1, 3, 2]);
        const ungrouped: Query = {
          kind: "uids",
          ranges: [
            [1, 2],
            [4, 4],
          ],
        };
        expect([...(await box.sort(ungrouped, [{ key: "to", reverse: false }]))]).toEqual([4, 1, 2]);
        expect(await sort(box, "cc")).toEqual([2, 3, 4, 1]);
        expect(await sort(box, "subject")).toEqual([2, 1, 3, 4]);
        expect(await sort(box, "displayfrom")).toEqual([4, 1, 3, 2]);
      });

      it("by several keys, ties in UID order", async () => {
        const box = await filled();
        const keys = [
          { key: "subject", reverse: true },
          { key: "date", reverse: true },
        ] as const;
        expect([...(await box.sort({ kind: "all" }, keys))]).toEqual([4, 3, 1, 2]);
      });

      it("threads by references", async () => {
        const box = await filled();
        const { uids, depths } = await box.thread({ kind: "all" }, "REFERENCES");
        expect([...uids]).toEqual([1, 2, 3, 4]);
        expect([...depths]).toEqual([0, 1, 2, 0]);
      });

      it("threads by subject", async () => {
        const box = await filled();
        const { uids, depths } = await box.thread({ kind: "all" }, "ORDEREDSUBJECT");
        expect([...uids]).toEqual([2, 1, 3, 4]);
        expect([...depths]).toEqual([0, 0, 1, 0]);
      });

      it("joins siblings under a parent that is not here", async () => {
        const reply = (id: string) =>
          message(`Subject: ${id}\r\nMessage-ID: <${id}@x>\r\nReferences: <lost@x>\r\n\r\n.\r\n`);
        await account.append("Archive", [reply("a"), reply("b")]);
        const box = await account.open("Archive", true);
        const { uids, depths } = await box.thread({ kind: "all" }, "REFERENCES");
        expect([...uids]).toEqual([0, 1, 2]);
        expect([...depths]).toEqual([0, 1, 1]);
      });
    });

    describe("changes", () => {
      it("are heard by every session, before the call that made them resolves", async () => {
        const other = await login(harness);
        const mine: Change[] = [];
        const theirs: Change[] = [];
        account.watch((change) => mine.push(change));
        const heard = new Promise<void>((resolve) => {
          other.watch((change) => {
            theirs.push(change);
            if (theirs.length === 4) resolve();
          });
        });
        await account.append("INBOX", [message(tiny, ["\\Seen"])]);
        expect(mine).toMatchObject([{ kind: "added", name: "INBOX", origin: account }]);
        const [added] = mine;
        expect(added?.kind === "added" && [[...added.messages.uids], added.messages.flagSets]).toEqual([
          [1],
          [["\\Seen"]],
        ]);
        const box = await account.open("INBOX", false);
        await box.setFlags(everything, { mode: "add", flags: ["\\Deleted"] }, null);
        expect(mine[1]).toMatchObject({ kind: "flags", origin: account });
        await box.expunge(null);
        expect(mine[2]).toMatchObject({ kind: "expunged", uids: Uint32Array.of(1) });
        await account.create("fresh", null);
        expect(mine[3]).toMatchObject({ kind: "folder", change: "created", name: "fresh" });
        await heard;
        expect(theirs.map(({ kind }) => kind)).toEqual(["added", "flags", "expunged", "folder"]);
        const modseqs = mine.slice(0, 3).map(({ modseq }) => modseq);
        expect(modseqs).toEqual(modseqs.toSorted((a, b) => a - b));
        await other.logout();
      });

      it("of very many messages are seen whole or not at all", async () => {
        const many = Array.from({ length: 900 }, (_, i) => message(`Subject: ${i}\r\n\r\n`));
        await account.append("INBOX", many);
        const box = await account.open("INBOX", false);
        const other = await login(harness);
        const seen = await other.open("INBOX", true);
        const look = async () => {
          const [counts] = await other.counts(["INBOX"]);
          const { uids } = await seen.search({ kind: "flag", flag: "\\Deleted", set: true });
          const { flags } = await all(seen, everything, {});
          const archived = (await other.counts(["Archive"]))[0]?.messages;
          return [uids.length, flags.filter((list) => list.includes("\\Deleted")).length, archived, counts?.messages];
        };
        const during = async (act: Promise<unknown>) => {
          let isOver = false;
          void act.finally(() => {
            isOver = true;
          });
          const looks = [];
          while (!isOver) looks.push(await look());
          await act;
          return looks.flat().filter((n) => n !== 0 && n !== 900);
        };
        expect(await during(box.setFlags(everything, { mode: "add", flags: ["\\Deleted"] }, null))).toEqual([]);
        expect(await during(box.copy(everything, "Archive"))).toEqual([]);
        expect(await during(box.expunge(null))).toEqual([]);
        expect(await look()).toEqual([0, 0, 900, 0]);
        await other.logout();
      });

      it("say nothing where nothing changed", async () => {
        const box = await filled();
        const heard: Change[] = [];
        account.watch((change) => heard.push(change));
        await box.setFlags([[1, 1]], { mode: "add", flags: ["\\Seen"] }, null);
        await box.expunge(null);
        await box.copy([[99, 99]], "Archive");
        expect(heard).toEqual([]);
      });

      it("of a delivery have no origin", async () => {
        const heard = new Promise<Change>((resolve) => account.watch(resolve));
        await harness.deliver(bytes(plainText), "INBOX");
        expect(await heard).toMatchObject({ kind: "added", name: "INBOX", origin: null });
      });

      it("of a move are an expunge here and new messages there", async () => {
        const box = await filled();
        const heard: Change[] = [];
        const stop = account.watch((change) => heard.push(change));
        await box.move([[1, 2]], "Trash");
        expect(heard.map(({ kind, name }) => `${kind} ${name}`).toSorted()).toEqual(["added Trash", "expunged INBOX"]);
        stop();
        await account.append("INBOX", [message(tiny)]);
        expect(heard.length).toBe(2);
      });
    });

    describe("metadata", () => {
      const value = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text));
      it("is set, read by depth and removed", async () => {
        await account.setMetadata(
          "INBOX",
          new Map([
            ["/shared/comment", value("hello")],
            ["/private/a/b", value("two")],
            ["/private/a", value("one")],
          ]),
        );
        const read = async (entries: string[], depth: number) =>
          [...(await account.metadata("INBOX", entries, depth)).keys()].toSorted();
        expect(await read(["/private/a"], 0)).toEqual(["/private/a"]);
        expect(await read(["/private"], 1)).toEqual(["/private/a"]);
        expect(await read(["/private"], Infinity)).toEqual(["/private/a", "/private/a/b"]);
        expect(await read(["/private/none"], 0)).toEqual([]);
        await account.setMetadata("INBOX", new Map([["/private/a", null]]));
        expect(await read(["/private"], Infinity)).toEqual(["/private/a/b"]);
        expect(
          Buffer.from(
            (await account.metadata("INBOX", ["/shared/comment"], 0)).get("/shared/comment") ?? [],
          ).toString(),
        ).toBe("hello");
      });

      it("of the mailbox as a whole is apart, and bounded", async () => {
        await account.setMetadata(null, new Map([["/shared/comment", value("server")]]));
        expect((await account.metadata("INBOX", ["/shared/comment"], 0)).size).toBe(0);
        const many = new Map(Array.from({ length: 500 }, (_, i) => [`/private/x${i}`, value("v")]));
        expect(await refused(account.setMetadata("INBOX", many))).toBe("METADATA TOOMANY");
        expect((await account.metadata("INBOX", ["/private"], Infinity)).size).toBe(0);
        expect(await refused(account.setMetadata("none", new Map([["/private/a", value("1")]])))).toBe("NONEXISTENT");
      });
    });
  });
}

async function login({ mailboxes, user, password }: Harness): Promise<Account> {
  const result = await mailboxes.login(user, Buffer.from(password), { ip: "127.0.0.1", protocol: "imap" });
  if (!result.ok) throw new Error(`login: ${result.why}`);
  return result.account;
}

function day(text: string): number {
  return Date.parse(`${text}T00:00:00Z`) / 86_400_000;
}

function size(uid: number): number {
  return samples[uid - 1]?.length ?? 0;
}

type Flat = {
  uids: number[];
  sizes: number[];
  modseqs: number[];
  internalDates: number[];
  flags: string[][];
  envelopes: string[];
  structures: string[];
  basicStructures: string[];
  previews: string[];
  emailIds: string[];
  threadIds: string[];
  sections: (string | null | "undecodable")[][];
};

/** All batches together, as plain values. */
async function all(box: Box, ranges: UidRanges, want: Want): Promise<Flat> {
  const flat: Flat = {
    uids: [],
    sizes: [],
    modseqs: [],
    internalDates: [],
    flags: [],
    envelopes: [],
    structures: [],
    basicStructures: [],
    previews: [],
    emailIds: [],
    threadIds: [],
    sections: want.sections?.map(() => []) ?? [],
  };
  for await (const rows of box.fetch(ranges, want)) add(flat, rows);
  return flat;
}

function add(flat: Flat, rows: Rows): void {
  flat.uids.push(...rows.uids);
  flat.sizes.push(...rows.sizes);
  flat.modseqs.push(...rows.modseqs);
  flat.internalDates.push(...rows.internalDates);
  flat.flags.push(...Array.from(rows.flagSet, (n) => (rows.flagSets[n] ?? []).toSorted()));
  flat.envelopes.push(...texts(rows.envelopes));
  flat.structures.push(...texts(rows.structures));
  flat.basicStructures.push(...texts(rows.basicStructures));
  flat.previews.push(...texts(rows.previews));
  flat.emailIds.push(...(rows.emailIds ?? []));
  flat.threadIds.push(...(rows.threadIds ?? []));
  rows.sections?.forEach((packed, i) => {
    flat.sections[i]?.push(...unpacked(packed));
  });
}

function texts(packed: Packed | undefined): string[] {
  return packed ? unpacked(packed).map((text) => text ?? "") : [];
}

function unpacked({ bytes, ends, state }: Packed): (string | null | "undecodable")[] {
  const whole = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  return Array.from(ends, (end, i) => {
    if (state?.[i] === 1) return null;
    if (state?.[i] === 2) return "undecodable";
    return whole.toString("latin1", i === 0 ? 0 : ends[i - 1], end);
  });
}
