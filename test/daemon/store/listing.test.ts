// A listing held in memory says what the rows say, after whatever was done to them; and gives its memory back.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, it } from "vitest";
import { copy, expunge, setFlags, whole } from "../../../src/daemon/store/changing.ts";
import { fetchBatch } from "../../../src/daemon/store/fetching.ts";
import { snapshot } from "../../../src/daemon/store/folders.ts";
import type { Mailbox, Write } from "../../../src/daemon/store/mailbox.ts";
import type { Flagged, UidRanges } from "../../../src/daemon/store/types.ts";
import { Warmth } from "../../../src/daemon/store/warmth.ts";
import { makeMailboxFile } from "./file.ts";

const dir = mkdtempSync(join(tmpdir(), "postern-listing-"));
afterAll(() => rmSync(dir, { recursive: true, force: true }));

const everything = [[1, 0xffffffff]] as const;
const whatever = [..."abcdefghij"].map((name) => ({
  raw: Buffer.from(`Subject: ${name}\r\n\r\n${name.repeat(99)}\0\xff\r\n`),
}));
const body = { sections: [{ part: [], what: "all" as const }] };

/** Each message: what is said of it, in words. */
function said(mailbox: Mailbox, ranges: UidRanges): string[] {
  const lines: string[] = [];
  for (let from: number | null = 0; from !== null; ) {
    const { rows, next } = fetchBatch(mailbox, 1, ranges, body, from);
    const { bytes, ends } = rows.sections?.[0] ?? { bytes: new Uint8Array(0), ends: new Uint32Array(0) };
    rows.uids.forEach((uid, i) => {
      const text = Buffer.from(bytes.subarray(ends[i - 1] ?? 0, ends[i])).toString("base64");
      const facts = [rows.sizes[i], rows.internalDates[i], rows.savedAt[i]].join(" ");
      lines.push(`${uid} ${rows.modseqs[i]} ${flagsAt(rows, i)} ${facts} ${text}`);
    });
    from = next;
  }
  return lines;
}

const flagsAt = ({ flagSets, flagSet }: Flagged, i: number) => flagSets[flagSet[i] ?? 0]?.join();

function selected(mailbox: Mailbox): string[] {
  const { flags, uids } = snapshot(mailbox, 1, false);
  expect(flags.uids).toEqual(uids);
  return Array.from(uids, (uid, i) => `${uid} ${flags.modseqs[i]} ${flagsAt(flags, i)}`);
}

/** Asked for one by one, no listing is looked at. */
function rows(mailbox: Mailbox): string[] {
  const uids = mailbox.db.column<number>("SELECT uid FROM entry WHERE folder = 1 ORDER BY uid");
  return uids.flatMap((uid) => said(mailbox, [[uid, uid]]));
}

function agree(mailbox: Mailbox): void {
  const one = rows(mailbox);
  expect(said(mailbox, everything)).toEqual(one);
  expect(selected(mailbox)).toEqual(one.map((line) => line.split(" ").slice(0, 3).join(" ")));
  expect(said(mailbox, everything)).toEqual(one);
  expect(
    said(mailbox, [
      [3, 5],
      [9, 90],
      [95, 300],
    ]),
  ).toEqual(
    one.filter((line) =>
      [
        [3, 5],
        [9, 90],
        [95, 300],
      ].some(([a = 0, b = 0]) => Number.parseInt(line, 10) >= a && Number.parseInt(line, 10) <= b),
    ),
  );
}

it("is the rows' own words after flags, keywords, copies, ends, and all of them at once", () => {
  const mailbox = makeMailboxFile(join(dir, "changes.db"), whatever);
  for (let n = 10; n < 200; n *= 2) mailbox.writeNow((write) => whole(copy(write, 1, everything, "INBOX")));
  let seed = 7;
  const random = (below: number) => {
    seed = (Math.imul(seed, 1103515245) + 12345) >>> 0;
    return (seed >>> 8) % below;
  };
  const range = (): UidRanges => {
    const first = 1 + random(mailbox.folder(1).uidnext);
    return [[first, first + random(12)]];
  };
  const flag = () => ["\\Seen", "\\Flagged", "$a,b", "$Zz", "\\Draft"][random(5)] ?? "";
  const mode = () => (["add", "remove", "set"] as const)[random(3)] ?? "add";
  const acts: ((write: Write) => void)[] = [
    (write) => void whole(setFlags(write, 1, range(), { mode: mode(), flags: [flag(), flag()] }, null)),
    (write) => void whole(setFlags(write, 1, range(), { mode: "add", flags: ["\\Deleted"] }, null)),
    (write) => void whole(expunge(write, 1, random(4) === 0 ? null : range())),
    (write) => void whole(copy(write, 1, range(), "INBOX")),
  ];
  agree(mailbox);
  for (let i = 0; i < 60; i++) {
    mailbox.writeNow((write) => {
      for (let n = 1 + random(3); n > 0; n--) acts[random(acts.length)]?.(write);
    });
    agree(mailbox);
  }
  mailbox.close();
});

it("knows nothing of a change that was taken back", () => {
  const mailbox = makeMailboxFile(join(dir, "back.db"), whatever);
  for (let n = 10; n < 100; n *= 2) mailbox.writeNow((write) => whole(copy(write, 1, everything, "INBOX")));
  agree(mailbox);
  const fails = () =>
    mailbox.writeNow((write) => {
      whole(setFlags(write, 1, everything, { mode: "add", flags: ["\\Seen"] }, null));
      throw new Error("no");
    });
  expect(fails).toThrow("no");
  agree(mailbox);
  mailbox.writeNow((write) => void whole(setFlags(write, 1, [[4, 4]], { mode: "add", flags: ["\\Seen"] }, null)));
  agree(mailbox);
  mailbox.close();
});

it("takes room for pages while it is read, shares it, and gives it back with the listings", () => {
  const [one, other] = ["one.db", "other.db"].map((name) => makeMailboxFile(join(dir, name), whatever));
  if (!one || !other) throw new Error("two mailboxes");
  const room = ({ db }: Mailbox) => db.value<number>("PRAGMA cache_size");
  const warmth = new Warmth();
  warmth.read(one);
  expect(room(one)).toBe(-65_536);
  warmth.read(other);
  expect([room(one), room(other)]).toEqual([-32_768, -32_768]);
  snapshot(one, 1, true);
  expect(one.listings.known(one, one.folder(1))).not.toBeNull();
  warmth.cool(one);
  expect(one.listings.known(one, one.folder(1))).toBeNull();
  expect([room(one), room(other)]).toEqual([-2000, -65_536]);
  warmth.cool(other);
  expect(room(other)).toBe(-2000);
  one.close();
  other.close();
});
