// The two-session model and some seconds of fuzzing over the encrypted store and its threads.
import { afterAll, describe, expect, it } from "vitest";
import { makeMailbox, type StoreFixture, storeFixture } from "../daemon/store/fixture.ts";
import { servers } from "../fakes/servers.ts";
import { fuzzImap } from "./imap.ts";
import { runModel } from "./model.ts";
import { seeded } from "./random.ts";

let shared: Promise<StoreFixture> | null = null;
let made = 0;
afterAll(async () => (await shared)?.end());

async function target() {
  shared ??= storeFixture();
  const { store } = await shared;
  const id = `f${made++}`;
  const mailbox = makeMailbox(id, `${id}@demo.test`, 300_000);
  await store.applyMailbox(mailbox.record);
  const running = await servers(store.mailboxes, store.maildrops, { badCommands: 1000 });
  return { servers: running, user: mailbox.record.address, password: mailbox.password };
}

describe("over the encrypted store", () => {
  it.each([11, 12, 13])("two sessions agree with it after NOOP, seed %i", async (seed) => {
    const { servers: running, user, password } = await target();
    await runModel({ port: running.imap, user, password }, seeded(seed), 120);
    expect(running.bugs).toEqual([]);
    await running.close();
  });

  it("IMAP commands by chance find no bug", { timeout: 120_000 }, async () => {
    const world = await target();
    const until = performance.now() + (process.env["CI"] ? 20_000 : 4_000);
    expect(await fuzzImap(world, seeded(99), 3, () => performance.now() > until)).toBeGreaterThan(50);
    await world.servers.close();
  });
});
