// What a message of 25 MiB costs in memory on its way from the hand-off to the mailbox: a small constant, whatever its size.
import { fork } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, expect, it } from "vitest";
import { makeMailbox, storeFixture } from "../fixture.ts";
import { attachment, withAttachments } from "../mail-like.ts";

const dir = mkdtempSync(join(tmpdir(), "postern-large-"));
afterAll(() => rmSync(dir, { recursive: true, force: true }));

const MiB = 1024 * 1024;
const child = fileURLToPath(new URL("large-child.ts", import.meta.url));

it("filing 25 MiB takes a fraction of it in memory, about what filing 5 MiB takes", async () => {
  const mailbox = makeMailbox("b1", "bea@demo.test", 1e9);
  const fixture = await storeFixture({ workers: 1 }, join(dir, "store"));
  await fixture.store.applyMailbox(mailbox.record);
  await fixture.store.close();
  // Four, since the garbage collector of a busy machine comes late to some of them.
  const sizes = [5, 5, 25, 25, 25, 25];
  const files = sizes.map((size, i) => {
    const file = join(dir, `${i}.sealed`);
    writeFileSync(file, mailbox.seal(withAttachments(`${i}`, [attachment(i, (size - 0.1) * MiB)])));
    return file;
  });
  const password = join(dir, "password");
  writeFileSync(password, mailbox.password);
  const measured = fork(child, [join(dir, "store"), password, mailbox.record.address, "b1", ...files], {
    execArgv: ["--expose-gc"],
  });
  const [costs] = (await once(measured, "message")) as [{ accept: number; file: number }[]];
  const peaks = costs.map(({ accept, file }) => Math.round(Math.max(accept, file) / 102.4) / 10);
  console.log(
    `peak above baseline, MiB, for messages of ${sizes.join(", ")} MiB:`,
    JSON.stringify(costs),
    peaks.join(", "),
  );
  // What garbage adds depends on when it is collected; the message's own cost is in both.
  expect(Math.min(...peaks.slice(2))).toBeLessThan(20);
}, 120_000);
