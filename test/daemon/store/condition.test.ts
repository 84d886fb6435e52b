// What SQL answers of a query is what testing message by message answers; what is remembered is forgotten when it no longer holds.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, beforeAll, expect, it } from "vitest";
import { copy, expungeUids, whole } from "../../../src/daemon/store/changing.ts";
import { snapshot } from "../../../src/daemon/store/folders.ts";
import type { Mailbox } from "../../../src/daemon/store/mailbox.ts";
import { Candidate, type CandidateTuple } from "../../../src/daemon/store/search/candidate.ts";
import { conditionOf } from "../../../src/daemon/store/search/condition.ts";
import { placesOf } from "../../../src/daemon/store/search/listed.ts";
import { compile } from "../../../src/daemon/store/search/query.ts";
import { findMatches } from "../../../src/daemon/store/search/search.ts";
import { sort } from "../../../src/daemon/store/search/sort.ts";
import { thread } from "../../../src/daemon/store/search/thread.ts";
import type { Query, SortKey } from "../../../src/daemon/store/types.ts";
import { fileInto, makeMailboxFile } from "./file.ts";

const dir = mkdtempSync(join(tmpdir(), "postern-condition-"));
const day = 86_400_000;
let mailbox: Mailbox;
beforeAll(() => {
  const lists = [[], ["\\Seen"], ["$Work", "\\Flagged"], ["\\Deleted", "$WORK", "other"]];
  const samples = Array.from({ length: 60 }, (_, i) => ({
    raw: Buffer.from(
      `Subject: ${i % 7 ? "Re: " : ""}s${i % 5}\r\n${i % 4 ? `Date: ${1 + (i % 28)} Nov 2023 23:30:00 -0500\r\n` : ""}` +
        `Message-ID: <${i}@a>\r\n${i % 3 ? `References: <${i - 1}@a>\r\n` : ""}\r\n${"x".repeat(i * 3)}`,
    ),
    flags: lists[i % 4] ?? [],
    internalDate: (19_675 + (i % 9)) * day - (i % 2),
  }));
  mailbox = makeMailboxFile(join(dir, "mail.db"), samples);
});
afterAll(() => {
  mailbox.close();
  rmSync(dir, { recursive: true, force: true });
});

const leaf: fc.Arbitrary<Query> = fc.oneof(
  fc.constant<Query>({ kind: "all" }),
  fc
    .uniqueArray(fc.integer({ min: 1, max: 70 }), { maxLength: 60 })
    .map((uids): Query => ({ kind: "uids", ranges: uids.sort((a, b) => a - b).map((uid) => [uid, uid] as const) })),
  fc.record<Query & { kind: "flag" }>({
    kind: fc.constant("flag"),
    flag: fc.constantFrom("\\seen", "\\Deleted", "\\Draft", "$work", "Other", "othe", "é", "\\Other"),
    set: fc.boolean(),
  }),
  fc.record<Query & { kind: "date" }>({
    kind: fc.constant("date"),
    which: fc.constantFrom("internal", "sent", "saved"),
    compare: fc.constantFrom("before", "on", "since"),
    day: fc.integer({ min: 19_660, max: 19_700 }),
  }),
  fc.record<Query & { kind: "size" }>({
    kind: fc.constant("size"),
    compare: fc.constantFrom("larger", "smaller"),
    bytes: fc.integer({ min: 0, max: 300 }),
  }),
  fc.record<Query & { kind: "age" }>({
    kind: fc.constant("age"),
    compare: fc.constantFrom("older", "younger"),
    seconds: fc.integer({ min: 1, max: 2_000_000_000 }),
  }),
  fc.record<Query & { kind: "id" }>({
    kind: fc.constant("id"),
    which: fc.constantFrom("email", "thread"),
    id: fc.constantFrom("M1", "M07", "M7", "T1", "T2", "T4", "T7", "T0", "M0", "X", ""),
  }),
  fc.integer({ min: 0, max: 4 }).map((atLeast): Query => ({ kind: "modseq", atLeast })),
  fc.constantFrom("s1", "s", "").map((text): Query => ({ kind: "subject", field: "subject", text })),
);
const { query } = fc.letrec<{ query: Query }>((tie) => ({
  query: fc.oneof(
    { depthSize: "small", withCrossShrink: true },
    leaf,
    tie("query").map((of): Query => ({ kind: "not", of })),
    fc.record({ kind: fc.constantFrom("and" as const, "or" as const), of: fc.array(tie("query"), { maxLength: 4 }) }),
  ),
}));

const columns = "uid, message, flags, keywords, modseq, internal_date, saved_at, size";
function oneByOne(asked: Query, now: number): number[] {
  const test = compile(asked, now, () => () => true);
  const rows = mailbox.db.tuples<CandidateTuple>(`SELECT ${columns} FROM entry WHERE folder = 1 ORDER BY uid`);
  return rows.map((row) => new Candidate(mailbox, row)).flatMap((one) => (test.holds(one) ? one.uid : []));
}

const pause = async (): Promise<void> => undefined;

it("answers every query as a test of each message would", async () => {
  mailbox.hooks.now = () => 1_702_000_000_000;
  let written = 0;
  let listed = 0;
  await fc.assert(
    fc.asyncProperty(query, async (asked) => {
      if (conditionOf(asked, 0)) written++;
      mailbox.listings.clear();
      const expected = oneByOne(asked, mailbox.hooks.now());
      const found = await findMatches(mailbox, 1, asked, pause);
      expect(found.uids).toEqual(expected);
      // The same out of memory, once the folder was selected.
      snapshot(mailbox, 1, true);
      const known = mailbox.listings.known(mailbox, mailbox.folder(1));
      if (known && placesOf(asked, known, 0, () => new Float64Array(60))) listed++;
      expect(await findMatches(mailbox, 1, asked, pause)).toEqual(found);
    }),
    { numRuns: 600 },
  );
  expect(written).toBeGreaterThan(200);
  expect(listed).toBeGreaterThan(200);
});

it("leaves a query of very many parts to the tests", async () => {
  const of = Array.from({ length: 500 }, (_, i): Query => ({ kind: "size", compare: "larger", bytes: i }));
  expect(conditionOf({ kind: "or", of }, 0)).toBeNull();
  expect((await findMatches(mailbox, 1, { kind: "or", of }, pause)).uids).toHaveLength(60);
  expect((await findMatches(mailbox, 1, { kind: "and", of }, pause)).uids).toEqual([]);
});

it("remembers orders and threads only as long as the folder has the same messages", async () => {
  const keys: SortKey[] = [{ key: "date", reverse: true }];
  const all: Query = { kind: "all" };
  const asked = async () => ({
    order: [...(await sort(mailbox, 1, all, keys, pause))],
    some: [...(await sort(mailbox, 1, { kind: "size", compare: "larger", bytes: 150 }, keys, pause))],
    threads: [...(await thread(mailbox, 1, all, "REFERENCES", pause)).uids],
    bySubject: [...(await thread(mailbox, 1, all, "ORDEREDSUBJECT", pause)).uids],
  });
  const first = await asked();
  expect(first.order).toHaveLength(60);
  expect(first.some).toEqual(first.order.filter((uid) => first.some.includes(uid)));
  mailbox.db.run("UPDATE words SET sent_at = 0, refs = '', base = 'ALL' WHERE message > 30");
  expect(await asked()).toEqual(first);
  mailbox.writeNow((write) => whole(expungeUids(write, 1, [[60, 60]])));
  const without = await asked();
  expect(without.order).toHaveLength(59);
  // Asked anew: what was changed behind its back shows now.
  expect(without.order.slice(-29)).toEqual(Array.from({ length: 29 }, (_, i) => 31 + i));
  expect(without.threads).not.toEqual(first.threads.filter((uid) => uid !== 60));
  // As many as before, but not the same.
  mailbox.writeNow((write) => whole(copy(write, 1, [[1, 1]], "INBOX")));
  expect((await asked()).order).toContain(61);
  fileInto(mailbox, "INBOX", [{ raw: Buffer.from("Subject: new\r\n\r\n") }]);
  expect((await asked()).order).toHaveLength(61);
});
