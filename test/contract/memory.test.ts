import { MemoryMailboxes } from "../fakes/mailboxes.ts";
import { MemoryMaildrops } from "../fakes/maildrops.ts";
import { mailboxesContract } from "./mailboxes.ts";
import { maildropsContract } from "./maildrops.ts";

const user = "ann@example.test";
const password = "secret words";

mailboxesContract("memory", async ({ limitBytes }) => {
  const mailboxes = new MemoryMailboxes([{ address: user, password, ...(limitBytes && { limitBytes }) }]);
  return {
    mailboxes,
    user,
    password,
    deliver: async (bytes, folder) => {
      mailboxes.mailbox(user).deliver(folder, [{ bytes, flags: [], internalDate: null }]);
    },
    close: async () => undefined,
  };
});

maildropsContract("memory", async () => {
  const mailboxes = new MemoryMailboxes([{ address: user, password }]);
  return {
    maildrops: new MemoryMaildrops(mailboxes),
    user,
    password,
    deliver: async (bytes) => {
      mailboxes.mailbox(user).deliver("INBOX", [{ bytes, flags: [], internalDate: null }]);
    },
    close: async () => undefined,
  };
});
