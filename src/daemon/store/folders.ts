/** Folders of an open mailbox: names, special uses, subscriptions, counts, annotations. RFC 9051 §6.3, 6154, 5464. */
import { expungeUids, move, type Steps, whole } from "./changing.ts";
import { bits } from "./flags.ts";
import { flaggedOf, type Listing } from "./listing.ts";
import type { FolderRow, Mailbox, Write } from "./mailbox.ts";
import { Refusal } from "./refusal.ts";
import type { Counts, Folder, SpecialUse } from "./types.ts";

const mostFolders = 2000;
const everything = [[1, 0xffffffff]] as const;

const bornWith: readonly (readonly [string, SpecialUse | null])[] = [
  ["INBOX", null],
  ["Sent", "\\Sent"],
  ["Drafts", "\\Drafts"],
  ["Junk", "\\Junk"],
  ["Trash", "\\Trash"],
  ["Archive", "\\Archive"],
];

/** The folders of a new mailbox. */
export function makeFirstFolders(write: Write): void {
  for (const [name, use] of bornWith) {
    insert(write, name, use);
    write.db.run("INSERT INTO subscription (name) VALUES (?)", name);
  }
}

export function listFolders(mailbox: Mailbox): Folder[] {
  const subscribed = new Set(mailbox.db.column<string>("SELECT name FROM subscription"));
  const folders = mailbox.db
    .all<FolderRow>("SELECT * FROM folder")
    .map((row) => folderOf(row, subscribed.delete(row.name)));
  for (const name of subscribed) {
    folders.push({
      id: `-${name}`,
      name,
      uidvalidity: 0,
      specialUse: null,
      subscribed: true,
      selectable: false,
      exists: false,
    });
  }
  return folders.sort(inNameOrder);
}

function inNameOrder(a: Folder, b: Folder): number {
  if (a.name === "INBOX" || b.name === "INBOX") return a.name === "INBOX" ? -1 : 1;
  return a.name < b.name ? -1 : a.name > b.name ? 1 : 0;
}

function folderOf(row: FolderRow, subscribed: boolean): Folder {
  return {
    id: String(row.id),
    name: row.name,
    uidvalidity: row.uidvalidity,
    specialUse: row.special_use as SpecialUse | null,
    subscribed,
    selectable: row.selectable === 1,
    exists: true,
  };
}

function isSubscribed(mailbox: Mailbox, name: string): boolean {
  return mailbox.db.value("SELECT 1 FROM subscription WHERE name = ?", name) !== undefined;
}

/** A folder to SELECT. */
export function findFolder(mailbox: Mailbox, name: string): Folder {
  const row = mailbox.folderNamed(name);
  if (!row || row.selectable === 0) throw new Refusal("NONEXISTENT", "No such folder");
  return folderOf(row, isSubscribed(mailbox, name));
}

export function countsOf(mailbox: Mailbox, row: FolderRow): Counts {
  return {
    folder: folderOf(row, isSubscribed(mailbox, row.name)),
    messages: row.messages,
    unseen: row.unseen,
    deleted: row.deleted,
    size: row.size,
    deletedSize: row.deleted_size,
    uidnext: row.uidnext,
    highestModseq: row.modseq,
    recent: recentCount(mailbox, row),
  };
}

export function recentUid(mailbox: Mailbox, row: FolderRow): number {
  return Math.max(row.recent_uid, mailbox.recent.get(row.id) ?? 0);
}

function recentCount(mailbox: Mailbox, row: FolderRow): number {
  const from = recentUid(mailbox, row);
  if (from >= row.uidnext) return 0;
  return mailbox.db.value<number>("SELECT count(*) FROM entry WHERE folder = ? AND uid >= ?", row.id, from) ?? 0;
}

export function countsNamed(mailbox: Mailbox, name: string): Counts | null {
  const row = mailbox.folderNamed(name);
  return row && row.selectable === 1 ? countsOf(mailbox, row) : null;
}

/** What SELECT announces. A snapshot that may write claims the messages that no session was told of. */
export function snapshot(mailbox: Mailbox, folderId: number, readOnly: boolean) {
  const row = mailbox.folder(folderId);
  const firstRecentUid = recentUid(mailbox, row);
  const listing = mailbox.listings.of(mailbox, row);
  const flags = flaggedOf(listing);
  const taken = {
    uids: listing.uids.slice(),
    flags,
    counts: countsOf(mailbox, row),
    keywords: mailbox.db.column<string>("SELECT name FROM keyword WHERE folder = ? ORDER BY folded", folderId),
    firstUnseenUid: row.unseen === 0 ? null : firstUnseen(listing),
    firstRecentUid,
  };
  if (!readOnly) claimRecent(mailbox, row);
  return taken;
}

export function claimRecent(mailbox: Mailbox, row: FolderRow): void {
  if (recentUid(mailbox, row) < row.uidnext) mailbox.recent.set(row.id, row.uidnext);
}

function firstUnseen({ uids, flagSet, sets }: Listing): number | null {
  const unseen = sets.map(({ flags }) => (flags & bits.seen) === 0);
  const at = flagSet.findIndex((set) => unseen[set] === true);
  return at < 0 ? null : (uids[at] ?? null);
}

export function createFolder(write: Write, name: string, use: SpecialUse | null): Folder {
  checkName(name);
  const had = write.mailbox.folderNamed(name);
  if (had?.selectable === 1) throw new Refusal("ALREADYEXISTS", "There is such a folder");
  if (use !== null) checkUse(write, use);
  makeParents(write, name);
  // RFC 9051 §6.3.5, RFC 8474 §4: not the folder that was; old UIDs and mod-sequences mean nothing in it.
  if (had) write.db.run("DELETE FROM folder WHERE id = ?", had.id);
  const row = insert(write, name, use);
  announce(write, row, "created");
  return folderOf(row, isSubscribed(write.mailbox, name));
}

function checkName(name: string): void {
  const levels = name.split("/");
  const bad = Buffer.byteLength(name) > 800 || levels.length > 20 || levels.some((level) => level === "");
  // RFC 9051 §5.1: no control characters, and no name that a client would take for another.
  if (bad || /[\0-\x1f\x7f\u2028\u2029]/.test(name)) throw new Refusal("CANNOT", "Not a usable folder name");
}

// RFC 6154 §3: one folder per use is enough; a second one would leave clients guessing.
function checkUse(write: Write, use: SpecialUse): void {
  if (write.db.value("SELECT 1 FROM folder WHERE special_use = ?", use) !== undefined) {
    throw new Refusal("USEATTR", "That special use is taken");
  }
}

function makeParents(write: Write, name: string): void {
  const levels = name.split("/");
  for (let depth = 1; depth < levels.length; depth++) {
    const parent = levels.slice(0, depth).join("/");
    if (!write.mailbox.folderNamed(parent)) announce(write, insert(write, parent, null), "created");
  }
}

function insert(write: Write, name: string, use: SpecialUse | null): FolderRow {
  if ((write.db.value<number>("SELECT count(*) FROM folder") ?? 0) >= mostFolders) {
    throw new Refusal("LIMIT", "Too many folders");
  }
  const { id } = write.db.run(
    "INSERT INTO folder (name, uidvalidity, special_use) VALUES (?, ?, ?)",
    name,
    nextUidvalidity(write),
    use,
  );
  return write.mailbox.folder(id);
}

/** Rises always, also when the clock does not. RFC 9051 §2.3.1.1. */
export function nextUidvalidity(write: Write): number {
  const last = write.db.value<number>("SELECT value FROM state WHERE name = 'last_uidvalidity'") ?? 0;
  const next = Math.max(last + 1, Math.floor(write.now / 1000));
  write.db.run("UPDATE state SET value = ? WHERE name = 'last_uidvalidity'", next);
  return next;
}

function announce(write: Write, row: FolderRow, change: "created" | "deleted" | "subscribed"): void {
  write.announce({ kind: "folder", change, folder: String(row.id), name: row.name, from: null, modseq: row.modseq });
}

function existing(write: Write, name: string): FolderRow {
  const row = write.mailbox.folderNamed(name);
  if (!row) throw new Refusal("NONEXISTENT", "No such folder");
  return row;
}

export function* removeFolder(write: Write, name: string): Steps<void> {
  if (name === "INBOX") throw new Refusal("CANNOT", "INBOX stays");
  const row = existing(write, name);
  const above = childrenOf(write, name).length > 0;
  if (above && row.selectable === 0) throw new Refusal("HASCHILDREN", "There are folders below it");
  yield* expungeUids(write, row.id, everything);
  write.saveFolders();
  forgetContents(write, row.id);
  if (above) write.db.run("UPDATE folder SET selectable = 0, special_use = NULL WHERE id = ?", row.id);
  else write.db.run("DELETE FROM folder WHERE id = ?", row.id);
  announce(write, { ...row, modseq: row.modseq + 1 }, "deleted");
  dropEmptyAbove(write, name);
}

/** A name that only stood for those below it goes with the last of them. */
function dropEmptyAbove(write: Write, name: string): void {
  for (let at = name.lastIndexOf("/"); at > 0; at = name.lastIndexOf("/", at - 1)) {
    const row = write.mailbox.folderNamed(name.slice(0, at));
    if (!row || row.selectable === 1 || childrenOf(write, row.name).length > 0) return;
    forgetContents(write, row.id);
    write.db.run("DELETE FROM folder WHERE id = ?", row.id);
    announce(write, { ...row, modseq: row.modseq + 1 }, "deleted");
  }
}

function forgetContents(write: Write, folder: number): void {
  for (const table of ["expunged", "keyword", "metadata"])
    write.db.run(`DELETE FROM ${table} WHERE folder = ?`, folder);
}

function childrenOf(write: Write, name: string): FolderRow[] {
  return write.db.all<FolderRow>("SELECT * FROM folder WHERE substr(name, 1, ?) = ?", name.length + 1, `${name}/`);
}

export function renameFolder(write: Write, from: string, to: string): void {
  checkName(to);
  const row = existing(write, from);
  if (write.mailbox.folderNamed(to)) throw new Refusal("ALREADYEXISTS", "There is such a folder");
  // INBOX does not go: its messages do.
  if (to.startsWith(`${from}/`) && from !== "INBOX") throw new Refusal("CANNOT", "A folder can't go below itself");
  makeParents(write, to);
  if (from === "INBOX") {
    renameInbox(write, row, to);
    return;
  }
  for (const one of [row, ...childrenOf(write, from)]) {
    const name = to + one.name.slice(from.length);
    write.db.run("UPDATE folder SET name = ? WHERE id = ?", name, one.id);
    write.announce({
      kind: "folder",
      change: "renamed",
      folder: String(one.id),
      name,
      from: one.name,
      modseq: one.modseq,
    });
  }
  dropEmptyAbove(write, from);
}

// RFC 9051 §6.3.6: INBOX stays, empty; its messages go to the new folder; folders below it stay.
function renameInbox(write: Write, inbox: FolderRow, to: string): void {
  announce(write, insert(write, to, null), "created");
  whole(move(write, inbox.id, everything, to));
}

export function subscribe(write: Write, name: string, on: boolean): void {
  if (on) existing(write, name);
  const sql = on ? "INSERT OR IGNORE INTO subscription (name) VALUES (?)" : "DELETE FROM subscription WHERE name = ?";
  write.db.run(sql, name);
  const row = write.mailbox.folderNamed(name);
  const folder = row ? String(row.id) : `-${name}`;
  write.announce({ kind: "folder", change: "subscribed", folder, name, from: null, modseq: row?.modseq ?? 0 });
}
