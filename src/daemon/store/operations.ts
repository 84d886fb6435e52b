/**
 * What a store thread can be asked, one function each. Arguments and results cross by structured clone; byte arrays that own their
 * buffer are transferred. The main thread's side takes its types from here.
 */
import type { Keyslot, MailboxRecord } from "../../core/contract/mailbox.ts";
import { unwrapKey } from "../../core/seal/keys.ts";
import { nativePrimitives } from "../platform.ts";
import { sectionBytes } from "./bodies.ts";
import * as changing from "./changing.ts";
import { checkMailbox } from "./check.ts";
import { loopDelay } from "./delay.ts";
import { bodyOf, fetchBatch } from "./fetching.ts";
import type { Stored } from "./filing.ts";
import * as folders from "./folders.ts";
import type { Accepted, Inbox } from "./inbox.ts";
import { type Keeper, pause } from "./keeper.ts";
import type { Mailbox, Write } from "./mailbox.ts";
import * as metadata from "./metadata.ts";
import { moveOperations, moveStateOperations } from "./moving/operations.ts";
import type { Staging } from "./moving/staging.ts";
import type { Mirror, NodeState, SlotUse } from "./node-state.ts";
import { type Prepared, prepareInSlices } from "./prepare.ts";
import { Refusal } from "./refusal.ts";
import { search } from "./search/search.ts";
import { sort } from "./search/sort.ts";
import { thread } from "./search/thread.ts";
import { fileInTurns, slicesOf, streamedFrom } from "./streaming.ts";
import { change, restIn } from "./turns.ts";
import type { FlagChange, NewMessage, Query, Section, SortKey, SpecialUse, UidRanges, Want } from "./types.ts";
import type { OpenFacts } from "./unlock.ts";

export type Context = { keeper: Keeper; node: NodeState | null; staging: Staging };

type InFolder = { session: number; folder: number };

type Ranged = InFolder & { ranges: UidRanges | null };

/** A change of some messages of a folder, in turns where they are many. */
function changed<T>(keeper: Keeper, { session, folder, ranges }: Ranged, steps: (write: Write) => changing.Steps<T>) {
  const mailbox = keeper.mailbox(session);
  return change(mailbox, session, changing.countIn(mailbox, folder, ranges), steps);
}

/** Long reading, in slices. */
function read<T>(keeper: Keeper, session: number, work: (mailbox: Mailbox, rest: () => Promise<void>) => T): T {
  const mailbox = keeper.reading(session);
  return work(mailbox, restIn(mailbox));
}

function nodeState({ node }: Context): NodeState {
  if (!node) throw new Error("this thread does not own the node's state");
  return node;
}

type Ready = { prepared: Prepared; flags: readonly string[]; internalDate: number | null };

async function ready({ bytes, flags, internalDate }: NewMessage): Promise<Ready> {
  return { prepared: await prepareInSlices(bytes, pause), flags, internalDate };
}

function settled(keeper: Keeper, mailbox: string, inbox: Inbox, accepted: Accepted) {
  if (accepted === "stored" && keeper.isOpen(mailbox)) void keeper.drain(mailbox);
  return { accepted, waiting: inbox.waiting };
}

/** Filed chunk by chunk, without a second copy of it. */
function appendLarge(keeper: Keeper, mailbox: Mailbox, origin: number, name: string, { bytes, ...facts }: NewMessage) {
  keeper.cool(mailbox);
  const show = (write: Write, message: Stored) => {
    write.origin = origin;
    return changing.appendStored(write, name, message, facts);
  };
  return fileInTurns(mailbox, slicesOf(bytes), show, pause);
}

export const operations = {
  loopDelay: (_context: Context, _: null) => loopDelay(),

  // The node's own state: first thread only.
  nodeRecords(context: Context, _: null) {
    const node = nodeState(context);
    const { awaitsSync } = node;
    return { placed: node.all(), awaitsSync, away: node.away(), arriving: node.arriving() };
  },
  nodeSynced: (context: Context, _: null) => nodeState(context).awaitSync(false),
  nodeSave: (context: Context, { record }: { record: MailboxRecord }) => nodeState(context).save(record),
  nodePin: (context: Context, { mailbox, keyId }: { mailbox: string; keyId: string }) =>
    nodeState(context).pin(mailbox, keyId),
  nodeMirror: (context: Context, { mirrors, uses }: { mirrors: Mirror[]; uses: SlotUse[] }) =>
    nodeState(context).mirror(mirrors, uses),

  // Hand-off.
  async accept({ keeper }: Context, { mailbox, id, bytes }: { mailbox: string; id: string; bytes: Uint8Array }) {
    const inbox = keeper.inbox(mailbox);
    return settled(keeper, mailbox, inbox, await inbox.accept(id, bytes));
  },
  async takePiece(
    { keeper }: Context,
    { mailbox, arrival, bytes }: { mailbox: string; arrival: number | null; bytes: Uint8Array },
  ) {
    return keeper.inbox(mailbox).take(arrival, bytes);
  },
  async finishArrival({ keeper }: Context, { mailbox, arrival, id }: { mailbox: string; arrival: number; id: string }) {
    const inbox = keeper.inbox(mailbox);
    return settled(keeper, mailbox, inbox, await inbox.finish(arrival, id));
  },
  dropArrival: ({ keeper }: Context, { mailbox, arrival }: { mailbox: string; arrival: number }) =>
    keeper.inbox(mailbox).drop(arrival),
  waiting({ keeper }: Context, { mailbox }: { mailbox: string }) {
    const { waiting, waitingBytes, unreadable } = keeper.inbox(mailbox);
    return { waiting, waitingBytes, unreadable };
  },

  ...moveOperations,
  ...moveStateOperations,

  // Login. A dummy slot (`real` false) costs the same and never opens.
  async login(
    { keeper }: Context,
    {
      session,
      facts,
      slot,
      secret,
      real,
    }: { session: number; facts: OpenFacts; slot: Keyslot; secret: Uint8Array; real: boolean },
  ): Promise<boolean> {
    const masterKey = unwrapKey(slot, facts.mailbox, secret, nativePrimitives);
    secret.fill(0);
    if (masterKey === null || !real) return false;
    await keeper.enter(session, facts, masterKey);
    return true;
  },
  logout: ({ keeper }: Context, { session }: { session: number }) => keeper.leave(session),
  isIndexing: ({ keeper }: Context, { mailbox }: { mailbox: string }) => keeper.isIndexing(mailbox),
  lockIdle: ({ keeper }: Context, { mailbox }: { mailbox: string }) => keeper.lockIdle(mailbox),
  lock: ({ keeper }: Context, { mailbox }: { mailbox: string }) => keeper.lock(mailbox),
  erase: ({ keeper }: Context, { mailbox }: { mailbox: string }) => keeper.erase(mailbox),
  setQuota: ({ keeper }: Context, { mailbox, quotaBytes }: { mailbox: string; quotaBytes: number }) =>
    keeper.setQuota(mailbox, quotaBytes),

  // Account.
  folders: ({ keeper }: Context, { session }: { session: number }) => folders.listFolders(keeper.mailbox(session)),
  counts({ keeper }: Context, { session, names }: { session: number; names: readonly string[] }) {
    const mailbox = keeper.mailbox(session);
    return names.map((name) => folders.countsNamed(mailbox, name));
  },
  find: ({ keeper }: Context, { session, name }: { session: number; name: string }) =>
    folders.findFolder(keeper.mailbox(session), name),
  create: ({ keeper }: Context, { session, name, use }: { session: number; name: string; use: SpecialUse | null }) =>
    keeper.mailbox(session).write(session, (write) => folders.createFolder(write, name, use)),
  remove({ keeper }: Context, { session, name }: { session: number; name: string }) {
    const mailbox = keeper.mailbox(session);
    const { messages = 0 } = mailbox.folderNamed(name) ?? {};
    return change(mailbox, session, messages, (write) => folders.removeFolder(write, name));
  },
  rename: ({ keeper }: Context, { session, from, to }: { session: number; from: string; to: string }) =>
    keeper.mailbox(session).write(session, (write) => folders.renameFolder(write, from, to)),
  subscribe: ({ keeper }: Context, { session, name, on }: { session: number; name: string; on: boolean }) =>
    keeper.mailbox(session).write(session, (write) => folders.subscribe(write, name, on)),
  async append(
    { keeper }: Context,
    { session, name, messages }: { session: number; name: string; messages: readonly NewMessage[] },
  ) {
    const mailbox = keeper.mailbox(session);
    // Known before the work of reading a large message.
    const row = mailbox.folderNamed(name);
    if (!row || row.selectable === 0) throw new Refusal("NONEXISTENT", "No such folder");
    const [first] = messages;
    if (messages.length === 1 && first && first.bytes.length > streamedFrom)
      return appendLarge(keeper, mailbox, session, name, first);
    const prepared: Ready[] = [];
    for (const message of messages) prepared.push(await ready(message));
    const done = await mailbox.write(session, (write) => changing.append(write, name, prepared));
    for (const { bytes } of messages) bytes.fill(0);
    return done;
  },
  quota({ keeper }: Context, { session }: { session: number }) {
    const { usedBytes, quotaBytes } = keeper.mailbox(session);
    return { usedBytes, limitBytes: quotaBytes };
  },
  metadata(
    { keeper }: Context,
    {
      session,
      name,
      entries,
      depth,
    }: { session: number; name: string | null; entries: readonly string[]; depth: number },
  ) {
    return metadata.readMetadata(keeper.mailbox(session), name, entries, depth);
  },
  setMetadata(
    { keeper }: Context,
    { session, name, values }: { session: number; name: string | null; values: ReadonlyMap<string, Uint8Array | null> },
  ) {
    return keeper.mailbox(session).write(session, (write) => metadata.writeMetadata(write, name, values));
  },

  check: ({ keeper }: Context, { session }: { session: number }) => read(keeper, session, checkMailbox),

  // A selected folder.
  snapshot: ({ keeper }: Context, { session, folder, readOnly }: InFolder & { readOnly: boolean }) =>
    folders.snapshot(keeper.reading(session), folder, readOnly),
  fetch(
    { keeper }: Context,
    { session, folder, ranges, want, from }: InFolder & { ranges: UidRanges; want: Want; from: number },
  ) {
    return fetchBatch(keeper.reading(session), folder, ranges, want, from);
  },
  binarySize({ keeper }: Context, { session, folder, uid, part }: InFolder & { uid: number; part: readonly number[] }) {
    const bytes = section(keeper, { session, folder, uid, section: { part, what: "binary" } });
    return bytes instanceof Uint8Array ? bytes.length : bytes;
  },
  setFlags(
    { keeper }: Context,
    {
      session,
      folder,
      ranges,
      change: to,
      unchangedSince,
    }: InFolder & {
      ranges: UidRanges;
      change: FlagChange;
      unchangedSince: number | null;
    },
  ) {
    return changed(keeper, { session, folder, ranges }, (write) =>
      changing.setFlags(write, folder, ranges, to, unchangedSince),
    );
  },
  copy: ({ keeper }: Context, { target, ...of }: Ranged & { ranges: UidRanges; target: string }) =>
    changed(keeper, of, (write) => changing.copy(write, of.folder, of.ranges, target)),
  move: ({ keeper }: Context, { target, ...of }: Ranged & { ranges: UidRanges; target: string }) =>
    changed(keeper, of, (write) => changing.move(write, of.folder, of.ranges, target)),
  async replace(
    { keeper }: Context,
    { session, folder, uid, target, message }: InFolder & { uid: number; target: string; message: NewMessage },
  ) {
    const prepared = await ready(message);
    return keeper.mailbox(session).write(session, (write) => changing.replace(write, folder, uid, target, prepared));
  },
  expunge: ({ keeper }: Context, of: Ranged) =>
    changed(keeper, of, (write) => changing.expunge(write, of.folder, of.ranges)),
  expungeUids: ({ keeper }: Context, of: Ranged & { ranges: UidRanges }) =>
    changed(keeper, of, (write) => changing.expungeUids(write, of.folder, of.ranges)),
  search: ({ keeper }: Context, { session, folder, query }: InFolder & { query: Query }) =>
    read(keeper, session, (mailbox, rest) => search(mailbox, folder, query, rest)),
  sort: (
    { keeper }: Context,
    { session, folder, query, keys }: InFolder & { query: Query; keys: readonly SortKey[] },
  ) => read(keeper, session, (mailbox, rest) => sort(mailbox, folder, query, keys, rest)),
  thread(
    { keeper }: Context,
    { session, folder, query, algorithm }: InFolder & { query: Query; algorithm: "REFERENCES" | "ORDEREDSUBJECT" },
  ) {
    return read(keeper, session, (mailbox, rest) => thread(mailbox, folder, query, algorithm, rest));
  },
  expungedSince({ keeper }: Context, { session, folder, modseq }: InFolder & { modseq: number }) {
    const mailbox = keeper.mailbox(session);
    if (modseq < mailbox.folder(folder).forgotten_modseq) return null;
    const uids = mailbox.db.column<number>(
      "SELECT uid FROM expunged WHERE folder = ? AND modseq > ? ORDER BY uid",
      folder,
      modseq,
    );
    return Uint32Array.from(uids);
  },
  claimRecent({ keeper }: Context, { session, folder }: InFolder) {
    const mailbox = keeper.mailbox(session);
    folders.claimRecent(mailbox, mailbox.folder(folder));
  },

  // One message, for POP3.
  section({ keeper }: Context, ask: InFolder & { uid: number; section: Section }) {
    const bytes = section(keeper, ask);
    // SQLite's own buffers can't be transferred.
    return bytes instanceof Uint8Array ? Uint8Array.from(bytes) : bytes;
  },
  sizes({ keeper }: Context, { session, folder }: InFolder) {
    const rows = keeper
      .mailbox(session)
      .db.tuples<[number, number]>("SELECT uid, size FROM entry WHERE folder = ? ORDER BY uid", folder);
    return { uids: Uint32Array.from(rows, ([uid]) => uid), sizes: Uint32Array.from(rows, ([, size]) => size) };
  },
};

function section(
  keeper: Keeper,
  { session, folder, uid, section: wanted }: InFolder & { uid: number; section: Section },
): Uint8Array | null | "undecodable" {
  const body = bodyOf(keeper.mailbox(session), folder, uid);
  return body && sectionBytes(body, wanted);
}

export type Operations = typeof operations;
export type Operation = keyof Operations;
export type Asked<K extends Operation> = Parameters<Operations[K]>[1];
export type Answered<K extends Operation> = Awaited<ReturnType<Operations[K]>>;
