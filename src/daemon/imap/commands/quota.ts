/** QUOTA: one root, one resource. RFC 9208. */
import { No, ok } from "../answers.ts";
import { type Authenticated, command, type Selected } from "../command.ts";
import { readMailbox, writeMailbox } from "../names.ts";

const ROOT = "mailbox";

async function quotaLine({ account }: Authenticated | Selected): Promise<string> {
  const { usedBytes, limitBytes } = await account.quota();
  // RFC 9208 §5.1: STORAGE counts units of 1024 bytes.
  return `* QUOTA ${ROOT} (STORAGE ${Math.ceil(usedBytes / 1024)} ${Math.floor(limitBytes / 1024)})\r\n`;
}

export const getQuota = command({
  name: "GETQUOTA",
  in: "authenticated",
  capability: ["QUOTA", "QUOTA=RES-STORAGE"],
  parse: (d) => d.sp().astring(),
  async *run(s, root) {
    if (root !== ROOT) throw new No("NONEXISTENT", "No such quota root");
    yield await quotaLine(s);
    return ok();
  },
});

export const getQuotaRoot = command({
  name: "GETQUOTAROOT",
  in: "authenticated",
  parse: (d, _uid, s) => readMailbox(d.sp(), s.session.modes),
  async *run(s, name) {
    // RFC 9208 §4.1.2: the name need not exist; the answer is what would count for it.
    yield `* QUOTAROOT ${writeMailbox(name, s.session.modes)} ${ROOT}\r\n`;
    yield await quotaLine(s);
    return ok();
  },
});

/** The quota belongs to the account's owner at the edge; here it is only told. */
export const setQuota = command({
  name: "SETQUOTA",
  in: "authenticated",
  parse: (d) => {
    d.sp().astring();
    d.sp().list(() => {
      d.atom();
      d.sp().number64();
    });
  },
  async run() {
    throw new No("NOPERM", "The quota is set in the dashboard");
  },
});
