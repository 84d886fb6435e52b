// One mailbox file, opened without a store around it.
import { Database } from "../../../src/daemon/sqlite/database.ts";
import { append } from "../../../src/daemon/store/changing.ts";
import { makeFirstFolders } from "../../../src/daemon/store/folders.ts";
import { Mailbox } from "../../../src/daemon/store/mailbox.ts";
import { prepareMessage } from "../../../src/daemon/store/prepare.ts";

export function openMailbox(path: string): Mailbox {
  const db = Database.open(path, Buffer.alloc(32, 1), "mailbox/mail");
  const hooks = { now: Date.now, soon: () => undefined, committed: () => undefined };
  const facts = { id: "m", bodyMac: new Uint8Array(32).fill(9), quotaBytes: 1e9, readOnly: false };
  return new Mailbox(facts, db, hooks);
}

export type Sample = { raw: Uint8Array; flags?: readonly string[]; internalDate?: number };

/** A new mailbox with these in INBOX (folder 1). */
export function makeMailboxFile(path: string, samples: readonly Sample[]): Mailbox {
  const mailbox = openMailbox(path);
  mailbox.writeNow(makeFirstFolders);
  fileInto(mailbox, "INBOX", samples);
  return mailbox;
}

export function fileInto(mailbox: Mailbox, folder: string, samples: readonly Sample[]): void {
  const messages = samples.map(({ raw, flags = [], internalDate = 0 }) => ({
    prepared: prepareMessage(raw),
    flags,
    internalDate,
  }));
  mailbox.writeNow((write) => append(write, folder, messages));
}
