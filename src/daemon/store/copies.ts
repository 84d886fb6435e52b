/**
 * Copies of a node that stands still, and putting them back. No key of a mailbox is needed: what is copied is ciphertext as it lies on
 * the disk. A copy's list is hashed and signed with the node's key, and checked before anything is replaced; what is replaced is moved
 * aside, never deleted; mail that waits sealed in what is replaced goes along. Full-text indexes are rebuilt, and outbound jobs are not
 * copied: an old queue would send again what has gone.
 */
import { createHash, createHmac, timingSafeEqual } from "node:crypto";
import {
  closeSync,
  existsSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readFileSync,
  readSync,
  renameSync,
  rmSync,
  writeSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { z } from "zod";
import { utf8 } from "../../core/bytes.ts";
import { coverSchema } from "../../core/contract/handoff.ts";
import { labels } from "../../core/seal/labels.ts";
import { nativePrimitives } from "../platform.ts";
import { coverOf, noCover, noteRestored } from "./backed-up.ts";
import { openInbox } from "./inboxes.ts";
import { NodeState } from "./node-state.ts";
import { folderOf, syncFolder } from "./place.ts";
import { markNodeRestored, markRestored } from "./restore.ts";

const listSchema = z.strictObject({
  /** When the copy was made, UTC ms. */
  at: z.int(),
  /** What it holds; nothing is known of copies that do not say. */
  cover: coverSchema.default(noCover),
  mailboxes: z.array(z.string()),
  files: z.array(z.strictObject({ path: z.string(), size: z.int(), sha256: z.string() })),
});
export type CopyList = z.infer<typeof listSchema>;
const signedSchema = z.strictObject({ list: z.string(), mac: z.string() });

type Home = { dir: string; nodeKey: Uint8Array };

/** A log that a killed process left belongs to its file. */
const mailboxFiles = ["mail.db", "mail.db-wal", "inbox.db", "inbox.db-wal"];
const nodeFiles = ["node.db", "node.db-wal"];
const listName = "copy.json";

/** The node runs, or another of these does. */
export class InUse extends Error {
  override name = "InUse";
}

/** The copy is not this node's, not whole, or not what was copied. */
export class BadCopy extends Error {
  override name = "BadCopy";
}

/** Keeps the daemon out while `work` is done. */
async function alone<T>({ dir, nodeKey }: Home, work: (node: NodeState) => T | Promise<T>): Promise<T> {
  const node = new NodeState(dir, nodeKey);
  try {
    if (!node.keepForUs()) throw new InUse("the node is running: stop it first");
    return await work(node);
  } finally {
    node.close();
  }
}

/** Does the node stand still? */
export function isFree({ dir, nodeKey }: Home): boolean {
  const node = new NodeState(dir, nodeKey);
  const free = node.keepForUs();
  node.close();
  return free;
}

/** Into a folder that must not be there yet. Durable when it resolves. */
export function copyNode(home: Home, to: string): Promise<CopyList> {
  return alone(home, (node) => {
    mkdirSync(dirname(to), { recursive: true });
    mkdirSync(to, { mode: 0o700 });
    const cover = coverOf(home.dir);
    const mailboxes = node.all().flatMap(({ record: { id, state } }) => (state === "active" ? [id] : []));
    const paths = [
      ...nodeFiles,
      ...mailboxes.flatMap((id) => mailboxFiles.map((name) => join("mailboxes", id, name))),
    ].filter((path) => existsSync(join(home.dir, path)));
    const files = paths.map((path) => ({ path, ...copyFile(join(home.dir, path), join(to, path)) }));
    const list: CopyList = { at: Date.now(), cover, mailboxes, files };
    const text = JSON.stringify(list);
    writeSynced(join(to, listName), JSON.stringify({ list: text, mac: macOf(text, home.nodeKey) }));
    for (const folder of new Set([...paths.map((path) => dirname(join(to, path))), to, dirname(to)]))
      syncFolder(folder);
    return list;
  });
}

/** Read, and each file of it hashed. */
export function readCopy(from: string, nodeKey: Uint8Array): CopyList {
  const { list: text, mac } = signedSchema.parse(JSON.parse(readFileSync(join(from, listName), "utf8")));
  const [said, right] = [Buffer.from(mac, "hex"), Buffer.from(macOf(text, nodeKey), "hex")];
  if (said.length !== right.length || !timingSafeEqual(said, right)) throw new BadCopy("this copy is not of this node");
  const list = listSchema.parse(JSON.parse(text));
  for (const { path, size, sha256 } of list.files) {
    const found = existsSync(join(from, path)) ? readThrough(join(from, path), () => undefined) : null;
    if (found?.size !== size || found.sha256 !== sha256)
      throw new BadCopy(`${path} of this copy is not what was copied`);
  }
  return list;
}

export type PutBack = {
  mailboxes: string[];
  /** Sealed messages that came since the copy was made and still wait. */
  carried: number;
  /** Where what was replaced lies now. */
  replaced: string;
};

/** `only`: ids or addresses; null for the whole node, its own database included. */
export async function putBack(home: Home, from: string, only: readonly string[] | null): Promise<PutBack> {
  const list = readCopy(from, home.nodeKey);
  const replaced = join(home.dir, `replaced-${new Date().toISOString().replaceAll(":", "")}`);
  return alone(home, async (node) => {
    const ids = only === null ? list.mailboxes : only.map((one) => idOf(node, list, one));
    noteRestored(home.dir, list.cover, only === null ? null : ids);
    mkdirSync(replaced, { mode: 0o700 });
    let carried = 0;
    for (const id of ids) carried += await putBackMailbox(home, { from, list, replaced }, id);
    if (only === null) putBackState(home, { from, list, replaced }, node);
    return { mailboxes: ids, carried, replaced };
  });
}

function idOf(node: NodeState, { mailboxes }: CopyList, name: string): string {
  const named = node.all().find(({ record }) => record.address === name.toLowerCase())?.record.id ?? name;
  if (!mailboxes.includes(named)) throw new BadCopy(`${name} is not in this copy`);
  return named;
}

type Source = { from: string; list: CopyList; replaced: string };

async function putBackMailbox({ dir, nodeKey }: Home, { from, list, replaced }: Source, id: string): Promise<number> {
  const [folder, incoming, aside] = [folderOf(dir, id), `${folderOf(dir, id)}.incoming`, join(replaced, id)];
  rmSync(incoming, { recursive: true, force: true });
  mkdirSync(incoming, { recursive: true, mode: 0o700 });
  for (const { path } of list.files) {
    if (dirname(path) === join("mailboxes", id))
      copyFile(join(from, path), join(dir, `${dirname(path)}.incoming`, path.slice(dirname(path).length + 1)));
  }
  const carried = existsSync(join(folder, "inbox.db")) ? await carry(folder, incoming, id, nodeKey) : 0;
  markRestored(incoming, id, nodeKey);
  syncFolder(incoming);
  if (existsSync(folder)) renameSync(folder, aside);
  renameSync(incoming, folder);
  syncFolder(dirname(folder));
  return carried;
}

async function carry(folder: string, incoming: string, id: string, nodeKey: Uint8Array): Promise<number> {
  const soon = (work: () => void): void => void setImmediate(work);
  const [old, fresh] = [openInbox(folder, id, nodeKey, soon), openInbox(incoming, id, nodeKey, soon)];
  try {
    return await old.carryInto(fresh);
  } finally {
    old.close();
    fresh.close();
  }
}

/** Its mirrors are as old as the copies, and its keyslots may be: the edge is asked before anybody logs in. */
function putBackState({ dir, nodeKey }: Home, { from, list, replaced }: Source, node: NodeState): void {
  node.close();
  for (const name of [...nodeFiles, "node.db-shm"]) {
    if (existsSync(join(dir, name))) renameSync(join(dir, name), join(replaced, name));
  }
  for (const { path } of list.files) if (nodeFiles.includes(path)) copyFile(join(from, path), join(dir, path));
  syncFolder(dir);
  markNodeRestored(dir, nodeKey);
}

function copyFile(from: string, to: string): { size: number; sha256: string } {
  mkdirSync(dirname(to), { recursive: true, mode: 0o700 });
  const file = openSync(to, "wx", 0o600);
  try {
    const read = readThrough(from, (bytes) => void writeSync(file, bytes));
    fsyncSync(file);
    return read;
  } finally {
    closeSync(file);
  }
}

function readThrough(path: string, take: (bytes: Buffer) => void): { size: number; sha256: string } {
  const file = openSync(path, "r");
  const [piece, hash] = [Buffer.alloc(1024 * 1024), createHash("sha256")];
  try {
    let size = 0;
    for (let n = readSync(file, piece); n > 0; n = readSync(file, piece)) {
      const bytes = piece.subarray(0, n);
      hash.update(bytes);
      take(bytes);
      size += n;
    }
    return { size, sha256: hash.digest("hex") };
  } finally {
    closeSync(file);
  }
}

function writeSynced(path: string, text: string): void {
  const file = openSync(path, "wx", 0o600);
  writeSync(file, text);
  fsyncSync(file);
  closeSync(file);
}

function macOf(text: string, nodeKey: Uint8Array): string {
  const key = nativePrimitives.hkdf(nodeKey, new Uint8Array(0), utf8(labels.copyList), 32);
  return createHmac("sha256", key).update(text).digest("hex");
}
