import { mkdtempSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, expect, it } from "vitest";
import { SealError } from "../../../src/core/seal/format.ts";
import { nativePrimitives, random } from "../../../src/daemon/platform.ts";
import { relayQueue } from "../../../src/daemon/queue/queue.ts";
import { openSpool } from "../../../src/daemon/queue/spool.ts";
import { Transit } from "../../../src/daemon/queue/transit.ts";
import { FakeTime, openQueue, queueKey, relayJob, sealFor } from "./world.ts";

const day = 86_400_000;
const open: { close(): unknown }[] = [];
afterEach(async () => {
  for (const one of open.splice(0).reverse()) await one.close();
});

it("keeps nothing readable on disk while mail waits: no text, no address, no key", async () => {
  const marker = "PLAINTEXT-MARKER-0123456789";
  const world = await openQueue({ port: 1 });
  open.push({ close: () => world.queue.close(0) });
  for (let i = 0; i < 20; i++) {
    const job = relayJob(world.time.now, { recipient: `${marker}@dest.test` });
    await world.queue.accept(
      job.id,
      sealFor(world.queue.transit, job, Buffer.from(`Subject: ${marker}\r\n\r\n${marker.repeat(2000)}\r\n`)),
    );
  }
  await expect.poll(() => world.queue.underWay).toBe(0);
  const folder = dirname(world.file);
  const files = readdirSync(folder);
  expect(files).toContain("queue.db-wal");
  for (const name of files) {
    const bytes = readFileSync(join(folder, name));
    for (const secret of [marker, "dest.test", "job-", "CREATE TABLE", "SQLite format"])
      expect([name, secret, bytes.includes(secret)]).toEqual([name, secret, false]);
  }
});

it("opens under its own key only, and never a plain file", async () => {
  const world = await openQueue({ port: 1 });
  await world.queue.close();
  await expect(relayQueue({ ...world.options(), key: Buffer.alloc(32, 8) })).rejects.toThrow();
  await expect(relayQueue({ ...world.options(), key: Buffer.alloc(31, 7) })).rejects.toThrow(/32 bytes/);
  const plain = join(dirname(world.file), "plain.db");
  writeFileSync(plain, `SQLite format 3\0${"\0".repeat(5000)}`);
  await expect(relayQueue({ ...world.options(), file: plain })).rejects.toThrow(/not encrypted/);
  const again = await relayQueue(world.options());
  await again.close();
});

it("turns transit keys daily, opens jobs for five days more, then destroys the seed", async () => {
  const time = new FakeTime();
  const spool = openSpool(join(mkdtempSync(join(tmpdir(), "transit-")), "queue.db"), queueKey());
  open.push(spool);
  const deps = { spool, primitives: nativePrimitives, clock: time.clock, random };
  const transit = await Transit.open(deps);
  const first = transit.publicKey();
  const sealed = sealFor(first, { hello: 1 }, Buffer.from("x"));
  for (let days = 1; days <= 6; days++) {
    time.now += day;
    await transit.rotateIfDue();
    expect(transit.publicKey()).not.toEqual(first);
    expect(transit.open(sealed).head).toEqual({ hello: 1 });
  }
  // Two more, so that the day after retirement + 5 has come at the next turn.
  time.now += day;
  await transit.rotateIfDue();
  expect(() => transit.open(sealed)).toThrow(SealError);
  expect((await spool.transit()).some(({ keyId }) => keyId === first.keyId)).toBe(false);
  const reopened = await Transit.open(deps);
  expect(reopened.publicKey()).toEqual(transit.publicKey());
  expect(() => reopened.open(sealed)).toThrow(SealError);
});
