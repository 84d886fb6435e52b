/**
 * What a mailbox weighs while its owner is logged in: in use, and at rest. The process grows by leaps of its own and gives back
 * late: each figure is of many mailboxes, opened after as many others as it takes for the process to settle.
 */
import { globSync } from "node:fs";
import { join } from "node:path";
import {
  logIn,
  makeMailbox,
  type StoreFixture,
  storeFixture,
  type TestMailbox,
} from "../../test/daemon/store/fixture.ts";
import { drop, everything, newMessage, rawOf, type World } from "./world.ts";

const [settling, counted] = [100, 300];
const never = 3_600_000;

export async function memory({ figures }: World): Promise<void> {
  // In this order: what many in use leave to the allocator would hide what the others need.
  figures["memory of an open mailbox, at rest KB"] = await atRest();
  figures["memory of an open mailbox, in use KB"] = await inUse();
}

async function inUse(): Promise<number> {
  const fixture = await storeFixture({ graceMs: 0, restMs: never });
  await enterAll(fixture, await placed(fixture, 0, settling));
  const mailboxes = await placed(fixture, settling, counted);
  const before = rss();
  await enterAll(fixture, mailboxes);
  const after = rss();
  await fixture.end();
  return (after - before) / counted;
}

async function atRest(): Promise<number> {
  const fixture = await storeFixture({ graceMs: 0, restMs: 100 });
  await enterAll(fixture, await placed(fixture, 0, settling));
  const mailboxes = await placed(fixture, settling, counted);
  await untilNoneIsOpen(fixture);
  const before = rss();
  await enterAll(fixture, mailboxes);
  await untilNoneIsOpen(fixture);
  const after = rss();
  await fixture.end();
  return (after - before) / counted;
}

async function placed({ store }: StoreFixture, from: number, count: number): Promise<TestMailbox[]> {
  const mailboxes = Array.from({ length: count }, (_, i) => makeMailbox(`m${from + i}`, `m${from + i}@demo.test`, 1e9));
  for (const { record } of mailboxes) await store.applyMailbox(record);
  return mailboxes;
}

/** Each with a message that was filed, listed and read. */
async function enterAll({ store }: StoreFixture, mailboxes: readonly TestMailbox[]): Promise<void> {
  for (const mailbox of mailboxes) {
    const account = await logIn(store, mailbox);
    await account.append("INBOX", [newMessage(rawOf(0))]);
    const box = await account.open("INBOX", false);
    await box.snapshot();
    await drop(box.fetch(everything, { envelope: true, sections: [{ part: [], what: "all" }] }));
  }
}

/** KiB. */
function rss(): number {
  return process.memoryUsage().rss / 1024;
}

/** SQLite keeps one of these beside each file that is open. */
async function untilNoneIsOpen({ dir }: StoreFixture): Promise<void> {
  while (globSync(join(dir, "mailboxes", "*", "*-shm")).length > 0) await new Promise((go) => setTimeout(go, 50));
}
