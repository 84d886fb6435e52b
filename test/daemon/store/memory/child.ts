// A store in a process whose memory the test reads. The password comes as bytes and never becomes a string here.
import { readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import type { StoreAccount } from "../../../../src/daemon/store/account.ts";
import { openStore } from "../../../../src/daemon/store/store.ts";

const [dir = "", passwordFile = "", address = ""] = process.argv.slice(2);
const store = await openStore({ dir, nodeKey: new Uint8Array(32).fill(7), workers: 1, graceMs: 0 });

/** In a call of its own: the place of its last answer, which a frame that goes on would hold, ends with it. */
async function readAll(account: StoreAccount): Promise<void> {
  const box = await account.open("INBOX", true);
  for await (const _ of box.fetch([[1, 999]], { sections: [{ part: [], what: "all" }], envelope: true }));
}

async function use(): Promise<void> {
  const login = await store.mailboxes.login(address, readFileSync(passwordFile), { ip: "" });
  if (!login.ok) throw new Error(login.why);
  await readAll(login.account);
  await told("in use");
  await login.account.logout();
  // The thread's own garbage goes when it is collected; new work on top of it stands for an hour of a busy node.
  for (let i = 0; i < 10; i++) {
    await store.mailboxes.login("nobody@demo.test", Buffer.from("x"), { ip: "" });
    globalThis.gc?.();
    await sleep(50);
  }
  await told("left");
}

function told(what: string): Promise<void> {
  process.send?.(what);
  return new Promise((resolve) => process.once("message", () => resolve()));
}

await use();
await store.close();
process.disconnect();
