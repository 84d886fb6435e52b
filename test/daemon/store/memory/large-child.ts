// A store in a process of its own takes a large sealed message from a file and files it; says what its memory peaked at meanwhile.
import { createReadStream, readFileSync, statSync, writeFileSync } from "node:fs";
import { openStore } from "../../../../src/daemon/store/store.ts";

const [dir = "", passwordFile = "", address = "", mailbox = "", ...files] = process.argv.slice(2);
const store = await openStore({ dir, nodeKey: new Uint8Array(32).fill(7), workers: 1 });

/** KiB of resident memory, at its peak since the last reset and now. */
function resident(): { peak: number; now: number } {
  const status = readFileSync("/proc/self/status", "latin1");
  const field = (name: string) => Number(status.match(new RegExp(`${name}:\\s+(\\d+)`))?.[1]);
  return { peak: field("VmHWM"), now: field("VmRSS") };
}

async function costOf(work: () => Promise<void>): Promise<number> {
  globalThis.gc?.();
  writeFileSync("/proc/self/clear_refs", "5");
  const before = resident().now;
  await work();
  return resident().peak - before;
}

async function take(file: string, id: string): Promise<void> {
  const pieces = createReadStream(file, { highWaterMark: 1024 * 1024 });
  const accepted = await store.acceptStream({ mailbox, epoch: 0, id, size: statSync(file).size, pieces });
  if (accepted !== "stored") throw new Error(accepted);
}

async function logIn(): Promise<() => Promise<void>> {
  const login = await store.mailboxes.login(address, readFileSync(passwordFile), { ip: "" });
  if (!login.ok) throw new Error(login.why);
  return () => login.account.logout();
}

const out = await logIn();
const costs: { accept: number; file: number }[] = [];
// The first ones warm up: code, caches and the allocator's pools are not the message's cost.
for (const [i, file] of files.entries()) {
  const accept = await costOf(() => take(file, `h${i}`));
  // A login waits until what is in the inbox was filed.
  const filing = await costOf(async () => (await logIn())());
  costs.push({ accept, file: filing });
}
await out();
await store.close();
process.send?.(costs);
