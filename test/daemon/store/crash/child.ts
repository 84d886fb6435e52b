// A store in a process of its own, driven over IPC, so that it can be killed. Acknowledges only what the store acknowledged.
import { utf8 } from "../../../../src/core/bytes.ts";
import type { MailboxRecord } from "../../../../src/core/contract/mailbox.ts";
import { openStore } from "../../../../src/daemon/store/store.ts";

export type Order =
  | { kind: "apply"; record: MailboxRecord }
  | { kind: "accept"; mailbox: string; id: string; bytes: string }
  | { kind: "login"; address: string; password: string };

const [dir = ""] = process.argv.slice(2);
const store = await openStore({ dir, nodeKey: new Uint8Array(32).fill(7), workers: 1 });

process.on("message", (order: Order) => {
  obey(order).then(
    (said) => process.send?.({ done: order.kind === "accept" ? order.id : order.kind, said }),
    (cause: unknown) => process.send?.({ failed: String(cause) }),
  );
});
process.send?.({ ready: true });

async function obey(order: Order): Promise<unknown> {
  if (order.kind === "apply") return store.applyMailbox(order.record);
  if (order.kind === "login") {
    return (await store.mailboxes.login(order.address, utf8(order.password), { ip: "" })).ok;
  }
  const bytes = new Uint8Array(Buffer.from(order.bytes, "base64"));
  const arrival = { mailbox: order.mailbox, epoch: 0, id: order.id };
  if (bytes.length <= piece) return store.acceptSealed({ ...arrival, bytes });
  return store.acceptStream({ ...arrival, size: bytes.length, pieces: slices(bytes) });
}

const piece = 1024 * 1024;

/** As the hand-off gives a large body on. */
async function* slices(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += piece) yield bytes.slice(at, at + piece);
}
