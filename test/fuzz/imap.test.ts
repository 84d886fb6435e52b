// A minute of seeded fuzzing where time is given (CI), some seconds elsewhere; the long run is `npm run fuzz`.
import { describe, expect, it } from "vitest";
import { MemoryMailboxes } from "../fakes/mailboxes.ts";
import { MemoryMaildrops } from "../fakes/maildrops.ts";
import { servers } from "../fakes/servers.ts";
import { fuzzImap } from "./imap.ts";
import { runModel } from "./model.ts";
import { fuzzPop3 } from "./pop3.ts";
import { seeded } from "./random.ts";

const seconds = process.env["CI"] ? 60 : 4;
const user = "ann@example.test";
const password = "pw";

async function memory() {
  const mailboxes = new MemoryMailboxes([{ address: user, password, limitBytes: 200_000 }]);
  const running = await servers(mailboxes, new MemoryMaildrops(mailboxes), { badCommands: 1000 });
  return { servers: running, user, password };
}

describe("fuzzing", () => {
  it("IMAP in every state", { timeout: (seconds + 60) * 1000 }, async () => {
    const target = await memory();
    const until = performance.now() + seconds * 1000;
    const count = await fuzzImap(target, seeded(20_260_101), 3, () => performance.now() > until);
    expect(count).toBeGreaterThan(100);
    await target.servers.close();
  });

  it("POP3 in every state", { timeout: 60_000 }, async () => {
    const target = await memory();
    const until = performance.now() + seconds * 250;
    expect(await fuzzPop3(target, seeded(7), () => performance.now() > until)).toBeGreaterThan(100);
    await target.servers.close();
  });
});

describe("two sessions and the store", () => {
  it.each([1, 2, 3, 4, 5, 6])("agree after NOOP, seed %i", async (seed) => {
    const { servers: running } = await memory();
    await runModel({ port: running.imap, user, password }, seeded(seed), 150);
    expect(running.bugs).toEqual([]);
    await running.close();
  });
});
