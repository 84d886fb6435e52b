// The encrypted store against the suites that the memory implementation passes too.
import { afterAll } from "vitest";
import { mailboxesContract } from "../../contract/mailboxes.ts";
import { maildropsContract } from "../../contract/maildrops.ts";
import { logIn, makeMailbox, type StoreFixture, storeFixture, type TestMailbox } from "./fixture.ts";

let shared: Promise<StoreFixture> | null = null;
let made = 0;

async function harness(limitBytes?: number) {
  shared ??= storeFixture();
  const { store } = await shared;
  const id = `c${made++}`;
  const mailbox: TestMailbox = makeMailbox(id, `${id}@demo.test`, limitBytes);
  await store.applyMailbox(mailbox.record);
  let handedOff = 0;
  return {
    mailboxes: store.mailboxes,
    maildrops: store.maildrops,
    user: mailbox.record.address,
    password: mailbox.password,
    deliver: async (raw: Uint8Array, folder = "INBOX") => {
      const bytes = mailbox.seal(raw, { folder, trace: "" });
      await store.acceptSealed({ mailbox: id, epoch: 0, id: `${id}-${handedOff++}`, bytes });
      // A login waits for the locked inbox to be empty.
      await (await logIn(store, mailbox)).logout();
    },
    close: async () => undefined,
  };
}

afterAll(async () => (await shared)?.end());

mailboxesContract("the encrypted store", ({ limitBytes }) => harness(limitBytes));
maildropsContract("the encrypted store", () => harness());
