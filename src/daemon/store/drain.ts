/**
 * From the locked inbox into the mailbox: open, verify, file, commit, and only then delete. A crash between the two commits is
 * harmless: the mailbox knows the hand-off id. Bytes served are the trace header, then the raw message, unchanged. Small messages
 * are filed together; a large one goes by itself, chunk by chunk (`streaming.ts`).
 */
import { concat, utf8 } from "../../core/bytes.ts";
import type { InnerEnvelope } from "../../core/seal/envelope.ts";
import { SealError } from "../../core/seal/format.ts";
import { type Opened, type Opener, openMessage } from "../../core/seal/open.ts";
import { announceAdded, fileMessage, type Stored, showMessage } from "./filing.ts";
import { createFolder } from "./folders.ts";
import type { Inbox, Sealed } from "./inbox.ts";
import type { FolderRow, Mailbox, Write } from "./mailbox.ts";
import { type Prepared, prepareInSlices } from "./prepare.ts";
import { fileInTurns, streamedFrom } from "./streaming.ts";

const batch = { messages: 100, bytes: 4 * 1024 * 1024 };

type Unsealed = { id: string; inner: InnerEnvelope; raw: Uint8Array; prepared: Prepared };

export type Drain = {
  mailbox: Mailbox;
  inbox: Inbox;
  openers: readonly Opener[];
  /** Hears of what did not open. */
  onUnreadable: (id: string) => void;
  pause: () => Promise<void>;
};

/** Files one batch; answers whether more waits. */
export async function drainBatch(drain: Drain): Promise<boolean> {
  const { inbox } = drain;
  const waiting = inbox.oldest(batch.messages, batch.bytes);
  const [first] = waiting;
  if (!first) return false;
  const large = waiting.findIndex(({ size }) => size > streamedFrom);
  if (large === 0) await drainLarge(drain, first);
  else await drainSmall(drain, large < 0 ? waiting : waiting.slice(0, large));
  return inbox.waiting > 0;
}

async function drainSmall(drain: Drain, waiting: readonly Sealed[]): Promise<void> {
  const { mailbox, inbox } = drain;
  const ready: Unsealed[] = [];
  const filed: string[] = [];
  for (const sealed of waiting) {
    if (isHandled(mailbox, sealed.id)) filed.push(sealed.id);
    else {
      const opened = await unseal(drain, sealed);
      if (opened) ready.push(opened);
      else putAside(drain, sealed.id);
    }
  }
  if (ready.length > 0) await mailbox.write(0, (write) => fileAll(write, ready));
  for (const { raw } of ready) raw.fill(0);
  inbox.filed([...filed, ...ready.map(({ id }) => id)]);
}

async function drainLarge(drain: Drain, { id, number }: Sealed): Promise<void> {
  const { mailbox, inbox, openers, pause } = drain;
  if (isHandled(mailbox, id) || (await openedBy(openers, (opener) => streamIn(number, opener)))) inbox.filed([id]);
  else putAside(drain, id);

  function streamIn(arrival: number, opener: Opener): Promise<true> {
    const opened = openMessage(inbox.pieces(arrival), opener);
    return fileInTurns(mailbox, traced(opened), (write, message) => showOne(write, id, opened.head, message), pause);
  }
}

function* traced({ head, raw }: Opened<InnerEnvelope>): Generator<Uint8Array> {
  yield utf8(head.trace);
  yield* raw;
}

function showOne(write: Write, id: string, inner: InnerEnvelope, message: Stored): true {
  noteHandled(write, id);
  const folder = folderFor(write, inner.folder);
  announceAdded(write, folder, [showMessage(write, folder, message, inner.flags, inner.receivedAt)]);
  return true;
}

function putAside({ inbox, onUnreadable }: Drain, id: string): void {
  inbox.setAside(id);
  onUnreadable(id);
}

function isHandled(mailbox: Mailbox, id: string): boolean {
  return mailbox.db.value("SELECT 1 FROM handled WHERE id = ?", id) !== undefined;
}

function noteHandled(write: Write, id: string): void {
  write.db.run("INSERT INTO handled (id, at) VALUES (?, ?)", id, write.now);
}

function unseal({ inbox, openers, pause }: Drain, { id, number }: Sealed): Promise<Unsealed | null> {
  return openedBy(openers, async (opener) => {
    const { head: inner, raw } = openMessage(inbox.pieces(number), opener);
    const pieces = [utf8(inner.trace), ...raw];
    const whole = concat(...pieces);
    for (const piece of pieces) piece.fill(0);
    return { id, inner, raw: whole, prepared: await prepareInSlices(whole, pause) };
  });
}

/** What the first key makes of it that fits; null when none does. */
async function openedBy<T>(openers: readonly Opener[], open: (opener: Opener) => Promise<T>): Promise<T | null> {
  for (const opener of openers) {
    try {
      return await open(opener);
    } catch (cause) {
      if (!(cause instanceof SealError)) throw cause;
    }
  }
  return null;
}

function fileAll(write: Write, ready: readonly Unsealed[]): void {
  const byFolder = new Map<FolderRow, ReturnType<typeof fileMessage>[]>();
  for (const { id, inner, prepared } of ready) {
    noteHandled(write, id);
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
