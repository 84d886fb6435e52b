/** Filing: from a client and sealed from the edge, one after another and many at once, beside plain files with an fsync each. */
import { closeSync, fsyncSync, mkdtempSync, openSync, rmSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { logIn, type TestMailbox } from "../../test/daemon/store/fixture.ts";
import { entered, fewOf, newMessage, perSecond, placed, rawOf, seconds, type World } from "./world.ts";

/** Answers the mailbox that has all of them. */
export async function filing(world: World): Promise<TestMailbox> {
  await plainFiles(world);
  const big = await unsealed(world);
  await sealedWhileOpen(world);
  await sealedWhileLocked(world);
  return big;
}

async function plainFiles(world: World): Promise<void> {
  const dir = mkdtempSync(join(tmpdir(), "postern-plain-"));
  world.figures["plain file with fsync /s"] = await perSecond(1, fewOf(world), async (n) => {
    const file = openSync(join(dir, String(n)), "w");
    writeSync(file, rawOf(n));
    fsyncSync(file);
    closeSync(file);
  });
  rmSync(dir, { recursive: true });
}

async function unsealed(world: World): Promise<TestMailbox> {
  const { mailbox, account } = await entered(world, "big");
  const append = (folder: string) => (n: number) => account.append(folder, [newMessage(rawOf(n))]);
  world.figures["append, one at a time /s"] = await perSecond(1, fewOf(world), append("Archive"));
  world.figures["append, 16 at once /s"] = await perSecond(16, world.total, append("INBOX"));
  await account.logout();
  return mailbox;
}

/** The owner is there: each is filed as it comes, and counts once it is seen in the folder. */
async function sealedWhileOpen(world: World): Promise<void> {
  const { mailbox, account } = await entered(world, "open");
  const ready = Array.from({ length: fewOf(world) }, (_, n) => mailbox.seal(rawOf(n)));
  let seen = 0;
  let heard: () => void = () => undefined;
  account.watch((change) => {
    if (change.kind === "added") seen += change.messages.uids.length;
    heard();
  });
  world.figures["sealed, one at a time, filed /s"] = await perSecond(1, ready.length, async (n) => {
    await accept(world, "open", n, ready[n]);
    while (seen <= n) {
      await new Promise<void>((resolve) => {
        heard = resolve;
      });
    }
  });
  await account.logout();
}

async function sealedWhileLocked(world: World): Promise<void> {
  const mailbox = await placed(world, "sealed");
  // Sealing is the edge's work, and done before the clock runs; in parts, since all of it would not fit into memory.
  const part = 500;
  let spent = 0;
  for (let from = 0; from < world.total; from += part) {
    const ready = Array.from({ length: Math.min(part, world.total - from) }, (_, n) => mailbox.seal(rawOf(from + n)));
    const rate = await perSecond(16, ready.length, (n) => accept(world, "sealed", from + n, ready[n]));
    spent += ready.length / rate;
  }
  world.figures["sealed, 16 at once, accepted /s"] = world.total / spent;
  let account: Awaited<ReturnType<typeof logIn>> | undefined;
  const drained = await seconds(async () => {
    account = await logIn(world.fixture.store, mailbox);
  });
  world.figures["sealed, batched, filed at login /s"] = world.total / drained;
  await account?.logout();
}

function accept({ fixture }: World, mailbox: string, n: number, bytes: Uint8Array = new Uint8Array(0)) {
  return fixture.store.acceptSealed({ mailbox, epoch: 0, id: `h${n}`, bytes: Uint8Array.from(bytes) });
}
