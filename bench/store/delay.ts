/**
 * Whether anybody waits for somebody else: the delay of the event loops while one owner's mailbox is worked hard (searched without
 * an index, all of it flagged, copied, listed, expunged) and others file mail, in the thread that serves sockets and in the stores'.
 */
import type { StoreAccount } from "../../src/daemon/store/account.ts";
import { loopDelay } from "../../src/daemon/store/delay.ts";
import { drop, entered, everything, newMessage, rawOf, type World } from "./world.ts";

export async function delays(world: World, big: StoreAccount): Promise<void> {
  const { figures } = world;
  const { store } = world.fixture;
  const others = await Promise.all(["other1", "other2", "other3"].map((id) => entered(world, id)));
  loopDelay();
  await store.loopDelays();
  const waits: number[] = [];
  let isOver = false;
  const filing = others.map(async ({ account }) => {
    for (let n = 0; !isOver; n++) {
      const began = performance.now();
      await account.append("INBOX", [newMessage(rawOf(n % 5))]);
      waits.push(performance.now() - began);
    }
  });
  await workHard(big);
  isOver = true;
  await Promise.all(filing);
  const socket = loopDelay();
  const threads = await store.loopDelays();
  figures["loop delay, socket thread, p99 ms"] = socket.p99;
  figures["loop delay, socket thread, most ms"] = socket.max;
  figures["loop delay, store threads, p99 ms"] = Math.max(...threads.map(({ p99 }) => p99));
  figures["loop delay, store threads, most ms"] = Math.max(...threads.map(({ max }) => max));
  waits.sort((a, b) => a - b);
  figures["others' APPEND meanwhile, p99 ms"] = waits[Math.floor(waits.length * 0.99)] ?? 0;
  for (const { account } of others) await account.logout();
}

async function workHard(account: StoreAccount): Promise<void> {
  const box = await account.open("INBOX", false);
  for (const mode of ["add", "remove", "add"] as const) {
    await box.setFlags(everything, { mode, flags: ["$Bench", "\\Deleted"] }, null);
  }
  // Two letters are in no index: every message is read.
  await box.search({ kind: "text", text: "q~" });
  await drop(box.fetch(everything, { envelope: true, structure: true }));
  await box.sort({ kind: "all" }, [{ key: "from", reverse: false }]);
  await box.thread({ kind: "all" }, "ORDEREDSUBJECT");
  await box.copy(everything, "Archive");
  await box.expunge(null);
}
