/** What the store's measurements share: the store under test, mailboxes, messages, clocks, and the figures found so far. */
import {
  logIn,
  makeMailbox,
  type StoreFixture,
  storeFixture,
  type TestMailbox,
} from "../../test/daemon/store/fixture.ts";
import { message } from "./messages.ts";

export const everything = [[1, 0xffffffff]] as const;

export type World = {
  fixture: StoreFixture;
  /** Messages of the large run of each kind; what is done one by one is done with a tenth of them. */
  total: number;
  /** Messages of the very large mailbox. */
  large: number;
  figures: Record<string, number>;
};

export async function makeWorld(total: number, large: number): Promise<World> {
  const fixture = await storeFixture({ graceMs: 0 });
  return { fixture, total, large, figures: {} };
}

export function fewOf({ total }: World): number {
  return Math.max(200, Math.floor(total / 10));
}

export async function seconds(work: () => Promise<unknown> | unknown): Promise<number> {
  const began = performance.now();
  await work();
  return (performance.now() - began) / 1000;
}

/** Milliseconds of the best of three. */
export async function best(work: () => Promise<unknown>): Promise<number> {
  const times: number[] = [];
  for (let i = 0; i < 3; i++) times.push(1000 * (await seconds(work)));
  return Math.min(...times);
}

/** `lanes` senders, each waiting for its own commits; how many a second. */
export async function perSecond(lanes: number, count: number, work: (n: number) => Promise<unknown>): Promise<number> {
  let next = 0;
  const lane = async (): Promise<void> => {
    while (next < count) await work(next++);
  };
  return count / (await seconds(() => Promise.all(Array.from({ length: lanes }, lane))));
}

// A thousand different ones serve any number.
const made = new Map<number, Buffer>();
export function rawOf(number: number): Buffer {
  const kept = made.get(number % 1000) ?? message(number % 1000);
  made.set(number % 1000, kept);
  return kept;
}

export const newMessage = (raw: Uint8Array) => ({ flags: [], internalDate: null, bytes: Uint8Array.from(raw) });

export async function placed({ fixture }: World, id: string): Promise<TestMailbox> {
  const mailbox = makeMailbox(id, `${id}@demo.test`, 1e12);
  await fixture.store.applyMailbox(mailbox.record);
  return mailbox;
}

export async function entered(world: World, id: string) {
  const mailbox = await placed(world, id);
  return { mailbox, account: await logIn(world.fixture.store, mailbox) };
}

export async function drop(items: AsyncIterable<unknown>): Promise<void> {
  for await (const _ of items);
}

/** Seconds until the full-text index of an open mailbox has seen all of it. */
export async function indexed({ fixture }: World, id: string): Promise<number> {
  return seconds(async () => {
    while (await fixture.store.isIndexing(id)) await new Promise((resolve) => setTimeout(resolve, 50));
  });
}
