/** One run of the store's measurements in a process of its own; prints one line of JSON. Usage: measure.ts MESSAGES [plain]. */
import { closeSync, fsyncSync, mkdtempSync, openSync, rmSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  collect,
  logIn,
  makeMailbox,
  type StoreFixture,
  storeFixture,
  type TestMailbox,
} from "../../test/daemon/store/fixture.ts";
import { message } from "./messages.ts";

const total = Number(process.argv[2]);
/** Without a cipher the store refuses to open its own files again, and rightly: then mailboxes stay open. */
const isPlain = process.argv[3] === "plain";
const everything = [[1, 0xffffffff]] as const;
const results: Record<string, number> = {};

async function seconds(work: () => Promise<unknown> | unknown): Promise<number> {
  const began = performance.now();
  await work();
  return (performance.now() - began) / 1000;
}

// Made before the clock runs; a thousand different ones serve any number.
const made = Array.from({ length: Math.min(total, 1000) }, (_, number) => message(number));
const rawOf = (number: number): Buffer => made[number % made.length] ?? Buffer.alloc(0);
const newMessage = (number: number) => ({ flags: [], internalDate: null, bytes: Uint8Array.from(rawOf(number)) });

async function placed(fixture: StoreFixture, id: string): Promise<TestMailbox> {
  const mailbox = makeMailbox(id, `${id}@demo.test`, 1e12);
  await fixture.store.applyMailbox(mailbox.record);
  return mailbox;
}

/** `lanes` senders, each waiting for its own commits. */
async function inLanes(lanes: number, count: number, work: (number: number) => Promise<unknown>): Promise<void> {
  let next = 0;
  const lane = async (): Promise<void> => {
    while (next < count) await work(next++);
  };
  await Promise.all(Array.from({ length: lanes }, lane));
}

async function filing(fixture: StoreFixture): Promise<TestMailbox> {
  const alone = Math.max(200, Math.floor(total / 10));
  const one = await logIn(fixture.store, await placed(fixture, "alone"));
  results["append, one at a time /s"] =
    alone / (await seconds(() => inLanes(1, alone, (n) => one.append("INBOX", [newMessage(n)]))));
  await one.logout();
  const big = await placed(fixture, "big");
  const many = await logIn(fixture.store, big);
  results["append, 16 at once /s"] =
    total / (await seconds(() => inLanes(16, total, (n) => many.append("INBOX", [newMessage(n)]))));
  await many.logout();
  return big;
}

async function sealed(fixture: StoreFixture): Promise<void> {
  const count = Math.max(200, Math.floor(total / 10));
  const mailbox = await placed(fixture, "sealed");
  const ready = Array.from({ length: count }, (_, n) => mailbox.seal(rawOf(n)));
  const accept = (n: number) =>
    fixture.store.acceptSealed({ mailbox: "sealed", epoch: 0, id: `h${n}`, bytes: ready[n] ?? new Uint8Array(0) });
  results["accept sealed, 16 at once /s"] = count / (await seconds(() => inLanes(16, count, accept)));
  let account: Awaited<ReturnType<typeof logIn>> | undefined;
  const drained = await seconds(async () => {
    account = await logIn(fixture.store, mailbox);
  });
  results["drain locked inbox /s"] = count / drained;
  await account?.logout();
}

async function reading(fixture: StoreFixture, mailbox: TestMailbox): Promise<void> {
  if (!isPlain)
    results["open mailbox ms"] = 1000 * (await seconds(async () => (await logIn(fixture.store, mailbox)).logout()));
  const account = await logIn(fixture.store, mailbox);
  const box = await account.open("INBOX", true);
  results["snapshot ms"] = 1000 * (await best(() => box.snapshot()));
  results["flags of all ms"] = 1000 * (await best(() => collect(box.fetch(everything, {}))));
  results["envelopes of all ms"] = 1000 * (await best(() => collect(box.fetch(everything, { envelope: true }))));
  const header = { part: [], what: "fields", fields: ["from", "subject"] } as const;
  results["header fields of all ms"] =
    1000 * (await best(() => collect(box.fetch(everything, { sections: [header] }))));
  const whole = { part: [], what: "all" } as const;
  results["bodies of all ms"] = 1000 * (await seconds(() => drop(box.fetch(everything, { sections: [whole] }))));
  results["search subject ms"] =
    1000 * (await best(() => box.search({ kind: "subject", field: "subject", text: "qqq" })));
  results["search text, index behind ms"] =
    1000 * (await seconds(() => box.search({ kind: "text", text: "zebrafish" })));
  await indexIsCurrent(fixture);
  results["search text, indexed ms"] = 1000 * (await best(() => box.search({ kind: "text", text: "zebrafish" })));
  await account.logout();
}

async function drop(items: AsyncIterable<unknown>): Promise<void> {
  for await (const _ of items);
}

async function best(work: () => Promise<unknown>): Promise<number> {
  const times: number[] = [];
  for (let i = 0; i < 3; i++) times.push(await seconds(work));
  return Math.min(...times);
}

async function indexIsCurrent(fixture: StoreFixture): Promise<void> {
  const began = performance.now();
  while (await fixture.store.isIndexing("big")) await new Promise((resolve) => setTimeout(resolve, 50));
  results["index catches up s"] = (performance.now() - began) / 1000;
}

function plainFiles(): void {
  const dir = mkdtempSync(join(tmpdir(), "postern-plain-"));
  const count = Math.max(200, Math.floor(total / 10));
  const began = performance.now();
  for (let n = 0; n < count; n++) {
    const file = openSync(join(dir, String(n)), "w");
    writeSync(file, rawOf(n));
    fsyncSync(file);
    closeSync(file);
  }
  results["plain file with fsync /s"] = count / ((performance.now() - began) / 1000);
  rmSync(dir, { recursive: true });
}

async function memory(fixture: StoreFixture): Promise<void> {
  const mailboxes = await Promise.all(Array.from({ length: 50 }, (_, i) => placed(fixture, `m${i}`)));
  const before = process.memoryUsage().rss;
  const accounts = await Promise.all(mailboxes.map((mailbox) => logIn(fixture.store, mailbox)));
  results["memory per open mailbox KB"] = (process.memoryUsage().rss - before) / 1024 / mailboxes.length;
  await Promise.all(accounts.map((account) => account.logout()));
}

const fixture = await storeFixture({ graceMs: isPlain ? 3_600_000 : 0 });
plainFiles();
const big = await filing(fixture);
await sealed(fixture);
await reading(fixture, big);
await memory(fixture);
await fixture.end();
process.stdout.write(`${JSON.stringify(results)}\n`);
