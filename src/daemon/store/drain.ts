/**
 * From the locked inbox into the mailbox: open, verify, file, commit, and only then delete. A crash between the two commits is
 * harmless: the mailbox knows the hand-off id. Bytes served are the trace header, then the raw message, unchanged.
 */
import { concat, utf8 } from "../../core/bytes.ts";
import type { InnerEnvelope } from "../../core/seal/envelope.ts";
import { SealError } from "../../core/seal/format.ts";
import { type Opener, openMessage } from "../../core/seal/open.ts";
import { announceAdded, fileMessage } from "./filing.ts";
import { createFolder } from "./folders.ts";
import type { Inbox, Sealed } from "./inbox.ts";
import type { FolderRow, Mailbox, Write } from "./mailbox.ts";
import { type Prepared, prepareInSlices } from "./prepare.ts";

const batch = { messages: 100, bytes: 4 * 1024 * 1024 };

type Unsealed = { id: string; inner: InnerEnvelope; prepared: Prepared };

/** Files one batch; answers whether more waits. `onUnreadable` hears of what did not open. */
export async function drainBatch(
  mailbox: Mailbox,
  inbox: Inbox,
  openers: readonly Opener[],
  onUnreadable: (id: string) => void,
  pause: () => Promise<void>,
): Promise<boolean> {
  const waiting = inbox.oldest(batch.messages, batch.bytes);
  if (waiting.length === 0) return false;
  const ready: Unsealed[] = [];
  const filed: string[] = [];
  for (const sealed of waiting) {
    if (isHandled(mailbox, sealed.id)) filed.push(sealed.id);
    else {
      const opened = await unseal(sealed, openers, pause);
      if (opened) ready.push(opened);
      else {
        inbox.setAside(sealed.id);
        onUnreadable(sealed.id);
      }
    }
  }
  if (ready.length > 0) await mailbox.write(0, (write) => fileAll(write, ready));
  inbox.filed([...filed, ...ready.map(({ id }) => id)]);
  return inbox.waiting > 0;
}

function isHandled(mailbox: Mailbox, id: string): boolean {
  return mailbox.db.value("SELECT 1 FROM handled WHERE id = ?", id) !== undefined;
}

async function unseal(
  sealed: Sealed,
  openers: readonly Opener[],
  pause: () => Promise<void>,
): Promise<Unsealed | null> {
  for (const opener of openers) {
    const message = openWith(sealed, opener);
    if (!message) continue;
    const { inner, raw } = message;
    return { id: sealed.id, inner, prepared: await prepareInSlices(raw, pause) };
  }
  return null;
}

function openWith({ bytes }: Sealed, opener: Opener): { inner: InnerEnvelope; raw: Uint8Array } | null {
  try {
    const { head: inner, raw } = openMessage([bytes], opener);
    return { inner, raw: concat(utf8(inner.trace), ...raw) };
  } catch (cause) {
    if (cause instanceof SealError) return null;
    throw cause;
  }
}

function fileAll(write: Write, ready: readonly Unsealed[]): void {
  const byFolder = new Map<FolderRow, ReturnType<typeof fileMessage>[]>();
  for (const { id, inner, prepared } of ready) {
    write.db.run("INSERT INTO handled (id, at) VALUES (?, ?)", id, write.now);
    const folder = folderFor(write, inner.folder);
    const filed = fileMessage(write, folder, prepared, inner.flags, inner.receivedAt);
    byFolder.set(folder, [...(byFolder.get(folder) ?? []), filed]);
  }
  for (const [folder, filed] of byFolder) announceAdded(write, folder, filed);
}

/** Junk means the folder with that use, whatever its owner calls it. A folder that is gone is made again; INBOX takes what has no other place. */
function folderFor(write: Write, name: string): FolderRow {
  const { db, mailbox } = write;
  const byUse = db.value<number>("SELECT id FROM folder WHERE special_use = ?", `\\${name}`);
  if (byUse !== undefined) return write.folder(byUse);
  const row = mailbox.folderNamed(name.toUpperCase() === "INBOX" ? "INBOX" : name);
  if (row?.selectable === 1) return write.folder(row.id);
  try {
    createFolder(write, name, null);
    return write.target(name);
  } catch {
    return write.target("INBOX");
  }
}
