// A change of very many messages lets others have their turns, and is whole or not at all: after an error, after a close, for readers.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, it } from "vitest";
import { copy, expunge, setFlags, whole } from "../../../src/daemon/store/changing.ts";
import type { Mailbox } from "../../../src/daemon/store/mailbox.ts";
import { change, restIn } from "../../../src/daemon/store/turns.ts";
import { makeMailboxFile, openMailbox } from "./file.ts";

const dir = mkdtempSync(join(tmpdir(), "postern-turns-"));
afterAll(() => rmSync(dir, { recursive: true, force: true }));

const everything = [[1, 0xffffffff]] as const;
const add = { mode: "add", flags: ["\\Deleted", "$Many"] } as const;

/** 6,400 messages in INBOX that share a hundred bodies. */
function large(name: string): Mailbox {
  const samples = Array.from({ length: 100 }, (_, i) => ({ raw: Buffer.from(`Subject: ${i}\r\n\r\nx`) }));
  const mailbox = makeMailboxFile(join(dir, name), samples);
  for (let n = 100; n < 6400; n *= 2) mailbox.writeNow((write) => whole(copy(write, 1, everything, "INBOX")));
  mailbox.hooks.soon = (work) => setImmediate(work);
  return mailbox;
}

const marked = ({ db }: Mailbox) => db.value<number>("SELECT count(*) FROM entry WHERE flags & 8");
const folder = (mailbox: Mailbox) => {
  const { messages, deleted, modseq } = mailbox.folder(1);
  return { messages, deleted, modseq };
};

it("rests between its steps, while readers and other writers wait", async () => {
  const mailbox = large("large.db");
  const before = folder(mailbox);
  let turns = 0;
  let isOver = false;
  const tick = () => {
    turns++;
    if (!isOver) setImmediate(tick);
  };
  setImmediate(tick);
  const order: string[] = [];
  const all = change(mailbox, 7, 6400, (write) => setFlags(write, 1, everything, add, null)).then(({ changed }) => {
    order.push(`all ${changed.uids.length} ${new Set(changed.modseqs).size}`);
  });
  await new Promise(setImmediate);
  expect(mailbox.unsettled).not.toBeNull();
  const reader = restIn(mailbox)().then(() => order.push(`read ${marked(mailbox)}`));
  const writer = mailbox
    .write(8, (write) => whole(setFlags(write, 1, [[5, 5]], { mode: "remove", flags: ["$Many"] }, null)))
    .then(({ changed }) => order.push(`one ${changed.modseqs[0]}`));
  await Promise.all([all, reader, writer]);
  isOver = true;
  expect(turns).toBeGreaterThan(3);
  expect(order).toContain("all 6400 1");
  expect(order).toContain("read 6400");
  expect(order).toContain(`one ${before.modseq + 2}`);
  expect(folder(mailbox)).toEqual({ messages: 6400, deleted: 6400, modseq: before.modseq + 2 });
  mailbox.close();
});

it("leaves nothing behind where it is refused, and what waited goes on", async () => {
  const mailbox = large("refused.db");
  const before = folder(mailbox);
  const refused = change(mailbox, 7, 6400, function* (write) {
    yield* expungeAll(write);
    throw new Error("no room");
  });
  const waiting = mailbox.write(8, (write) => whole(setFlags(write, 1, [[1, 1]], add, null)));
  await expect(refused).rejects.toThrow("no room");
  await waiting;
  expect(folder(mailbox)).toEqual({ messages: 6400, deleted: 1, modseq: before.modseq + 1 });
  expect(mailbox.unsettled).toBeNull();
  mailbox.close();
});

function* expungeAll(write: Parameters<typeof setFlags>[0]) {
  yield* setFlags(write, 1, everything, add, null);
  yield* expunge(write, 1, null);
}

it("is taken back when the mailbox is closed in the middle", async () => {
  const mailbox = large("closed.db");
  const before = folder(mailbox);
  const cut = change(mailbox, 7, 6400, expungeAll);
  const failed = expect(cut).rejects.toThrow("closed");
  await new Promise(setImmediate);
  expect(mailbox.unsettled).not.toBeNull();
  mailbox.close();
  await failed;
  const again = openMailbox(join(dir, "closed.db"));
  expect(folder(again)).toEqual(before);
  expect(marked(again)).toBe(0);
  again.close();
});
