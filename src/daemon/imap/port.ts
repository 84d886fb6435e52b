/**
 * What IMAP needs of mailboxes, grouped by the session's state. Two implementations pass one contract suite
 * (`test/contract/mailboxes.ts`): memory and the encrypted store. Everything is async since the store lives on other threads;
 * nothing here holds a transaction open while a caller waits on a socket. Expected refusals are thrown as `Refusal`.
 *
 * Names are folder names in UTF-8, `/` between levels, INBOX in upper case. UIDs and modseqs are numbers (modseq < 2^53).
 * Many messages travel as columns, not as objects: typed arrays and one block of bytes cross a thread by transfer, and
 * 10,000 rows cost no 10,000 allocations.
 */

/** Response codes that a store operation can end with; the text is public. */
export type RefusalCode =
  | "NONEXISTENT"
  | "ALREADYEXISTS"
  | "CANNOT"
  | "OVERQUOTA"
  | "LIMIT"
  | "TRYCREATE"
  | "HASCHILDREN"
  | "UNAVAILABLE"
  | "READ-ONLY"
  | "USEATTR"
  | "METADATA TOOMANY"
  | "CORRUPTION"
  | "SERVERBUG";
export type Refusal = Error & { code: RefusalCode };

export type Login =
  | { ok: true; account: Account }
  /** One answer for unknown user and wrong password. `unavailable`: try again later. */
  | { ok: false; why: "credentials" | "unavailable" };

/** Not authenticated. */
export interface Mailboxes {
  /** `secret` is zeroed by the callee. Takes the same time for every failure. */
  login(user: string, secret: Uint8Array, from: { ip: string; protocol: "imap" | "pop3" }): Promise<Login>;
}

export type SpecialUse =
  | "\\All"
  | "\\Archive"
  | "\\Drafts"
  | "\\Flagged"
  | "\\Important"
  | "\\Junk"
  | "\\Sent"
  | "\\Trash";

export type Folder = {
  /** Stable over RENAME; printable ASCII, at most 255 (MAILBOXID, RFC 8474 §4.1). */
  id: string;
  name: string;
  uidvalidity: number;
  specialUse: SpecialUse | null;
  subscribed: boolean;
  /** False for a name that exists only above others, or only as a subscription. */
  selectable: boolean;
  /** False for a name that only a subscription remembers (RFC 9051 §6.3.8): \NonExistent. */
  exists: boolean;
};

export type Counts = {
  folder: Folder;
  messages: number;
  unseen: number;
  deleted: number;
  /** Bytes of all messages. */
  size: number;
  /** Bytes of those with \Deleted (RFC 9208 DELETED-STORAGE). */
  deletedSize: number;
  uidnext: number;
  highestModseq: number;
  /** Messages that no session was told of yet (rev1 \Recent). */
  recent: number;
};

export type NewMessage = {
  /** System flags with backslash and keywords, as given. */
  flags: readonly string[];
  /** UTC ms; null: now. */
  internalDate: number | null;
  /** The callee's from the call on: it may transfer or keep the buffer. */
  bytes: Uint8Array;
};

/** Authenticated. One object a login, so that `Change.origin` tells a session its own changes. */
export interface Account {
  readonly mailboxId: string;
  readonly address: string;
  /** In name order, INBOX first. */
  folders(): Promise<Folder[]>;
  /** In the order asked; null where there is no such selectable folder. */
  counts(names: readonly string[]): Promise<(Counts | null)[]>;
  /** Missing names above it are made too, selectable. */
  create(name: string, use: SpecialUse | null): Promise<Folder>;
  /** A folder with folders below it loses its messages and stays, not selectable; one that already is so: HASCHILDREN. */
  remove(name: string): Promise<void>;
  /** Renames the tree below it too; RENAME INBOX moves its messages (RFC 9051 §6.3.6). */
  rename(from: string, to: string): Promise<void>;
  subscribe(name: string, on: boolean): Promise<void>;
  /** All or none. Resolves after the commit is durable. */
  append(name: string, messages: readonly NewMessage[]): Promise<{ uidvalidity: number; uids: number[] }>;
  open(name: string, readOnly: boolean): Promise<Box>;
  quota(): Promise<{ usedBytes: number; limitBytes: number }>;
  /**
   * Annotations (RFC 5464) of a folder, or of the mailbox as a whole (null). Entry names are lower case, `/shared/…` or
   * `/private/…`. `depth` 0: exactly these entries, 1: and those one level below, Infinity: and all below.
   */
  metadata(name: string | null, entries: readonly string[], depth: number): Promise<Map<string, Uint8Array>>;
  /** All or none; null removes. */
  setMetadata(name: string | null, values: ReadonlyMap<string, Uint8Array | null>): Promise<void>;
  /**
   * Hears of every committed change in the mailbox, in commit order; answers an unsubscribe. A change made by a call on this
   * Account is heard before that call's promise resolves.
   */
  watch(listener: (change: Change) => void): () => void;
  /** Called when this mailbox's access was revoked: the session must end. */
  onRevoked(listener: (why: "revoked" | "moving") => void): void;
  logout(): Promise<void>;
}

/** One committed change. `folder` is the id, `name` the folder's name after it. */
export type Change = { folder: string; name: string; modseq: number; origin: Account | null } & (
  | { kind: "added" | "flags"; messages: Flagged }
  | { kind: "expunged"; uids: Uint32Array }
  | { kind: "folder"; change: "created" | "deleted" | "renamed" | "subscribed"; from: string | null }
  /** The entries that were set or removed; those of the mailbox as a whole have the name "". */
  | { kind: "folder"; change: "metadata"; from: null; entries: readonly string[] }
);

/** Inclusive ascending UID ranges, disjoint. */
export type UidRanges = readonly (readonly [first: number, last: number])[];

/**
 * UIDs ascending with their flags: row i has `flagSets[flagSet[i]]`. Each list holds system flags with backslash and
 * keywords as first spelled, never \Recent; equal lists appear once, since a folder has few.
 */
export type Flagged = {
  uids: Uint32Array;
  modseqs: Float64Array;
  flagSets: readonly (readonly string[])[];
  flagSet: Uint16Array;
};

/** Values end to end: value i is `bytes[ends[i - 1] ?? 0 .. ends[i]]`. `state` is there when a value may be absent. */
export type Packed = {
  bytes: Uint8Array;
  ends: Uint32Array;
  /** 0: present; 1: no such section or value; 2: BINARY of an unknown transfer encoding (UNKNOWN-CTE). */
  state?: Uint8Array;
};

/** What a fetch carries beyond `Flagged`, size and dates. */
export type Want = {
  /** The ENVELOPE value, `(...)`, rendered at filing. May hold literals. */
  envelope?: boolean;
  /** BODYSTRUCTURE with extension data, rendered at filing. */
  structure?: boolean;
  /** BODY, without extension data. */
  basicStructure?: boolean;
  /** UTF-8 text of at most 200 characters (RFC 8970); empty where there is no text. */
  preview?: boolean;
  /** EMAILID and THREADID, RFC 8474. */
  ids?: boolean;
  sections?: readonly Section[];
  /** Only messages whose modseq is above (RFC 7162 §3.1.4.1). */
  changedSince?: number;
};

/** Consecutive messages in UID order, as columns. A UID that is gone is left out. */
export type Rows = Flagged & {
  /** RFC822.SIZE */
  sizes: Uint32Array;
  /** UTC ms */
  internalDates: Float64Array;
  savedAt: Float64Array;
  envelopes?: Packed;
  structures?: Packed;
  basicStructures?: Packed;
  previews?: Packed;
  emailIds?: readonly string[];
  threadIds?: readonly string[];
  /** One for each wanted section, in order. */
  sections?: readonly Packed[];
};

/** Which bytes of a message. `part` is the dotted numbers (`[]` for the whole message). RFC 9051 §6.4.5. */
export type Section = {
  part: readonly number[];
  what: "all" | "header" | "text" | "mime" | "fields" | "fields-not" | "binary";
  fields?: readonly string[];
  /** `<origin.count>` of a partial fetch, on the section's own (decoded, for binary) bytes. */
  partial?: { origin: number; count: number };
};

export type FlagChange = { mode: "set" | "add" | "remove"; flags: readonly string[] };

/** A search, already resolved to UIDs (sequence sets and \Recent are the session's business). RFC 9051 §6.4.4. */
export type Query =
  | { kind: "all" }
  | { kind: "uids"; ranges: UidRanges }
  /** A system flag or keyword, case-insensitively. */
  | { kind: "flag"; flag: string; set: boolean }
  /** Substring of the decoded field body; an empty text matches every message that has the field. */
  | { kind: "header"; name: string; text: string }
  /** from, to, cc, bcc, subject read from the envelope, decoded. */
  | { kind: "address" | "subject"; field: "from" | "to" | "cc" | "bcc" | "subject"; text: string }
  | { kind: "text" | "body"; text: string }
  /**
   * Days since the epoch: the day of the internal or save date in UTC, or the day that the Date: field spells, time zone
   * disregarded (RFC 9051 §6.4.4 SENTON); `before` excludes, `since` includes the day.
   */
  | { kind: "date"; which: "internal" | "sent" | "saved"; compare: "before" | "on" | "since"; day: number }
  | { kind: "size"; compare: "larger" | "smaller"; bytes: number }
  /** WITHIN, RFC 5032: seconds before now, by internal date. */
  | { kind: "age"; compare: "older" | "younger"; seconds: number }
  | { kind: "modseq"; atLeast: number }
  | { kind: "id"; which: "email" | "thread"; id: string }
  | { kind: "and" | "or"; of: readonly Query[] }
  | { kind: "not"; of: Query };

export type SortKey = {
  key: "arrival" | "cc" | "date" | "from" | "size" | "subject" | "to" | "displayfrom" | "displayto";
  reverse: boolean;
};

/**
 * Threads (RFC 5256) flat, in preorder: a depth of 0 starts a thread, a row is a child of the nearest row before it whose depth
 * is one less. UID 0 is a gap: a parent that is not in the folder.
 */
export type Threads = { uids: Uint32Array; depths: Uint32Array };

/** Selected. */
export interface Box {
  readonly folder: Folder;
  readonly readOnly: boolean;
  /**
   * All UIDs ascending, and what SELECT announces, taken in one read: of the changes heard through `watch`, those with a
   * modseq above `counts.highestModseq` are not in it. `firstRecentUid`: messages from it on are \Recent here; unless
   * read-only, the next snapshot's starts above them (rev1).
   */
  snapshot(): Promise<{
    uids: Uint32Array;
    /** Their flags too, where they cost little: FETCH FLAGS and searches for flags are then answered without asking again. */
    flags?: Flagged;
    counts: Counts;
    keywords: readonly string[];
    firstUnseenUid: number | null;
    firstRecentUid: number;
  }>;
  /** In batches, to bound memory: at most some hundred rows, or about a megabyte, and always at least one row. */
  fetch(ranges: UidRanges, want: Want): AsyncIterable<Rows>;
  /** The size in bytes of a decoded part (BINARY.SIZE). */
  binarySize(uid: number, part: readonly number[]): Promise<number | null | "undecodable">;
  /**
   * One transaction. `changed`: every message of `ranges` that was not left alone, with the flags it has now (its modseq moves
   * only when they differ). `modified`: left alone because of UNCHANGEDSINCE (RFC 7162 §3.1.3).
   */
  setFlags(
    ranges: UidRanges,
    change: FlagChange,
    unchangedSince: number | null,
  ): Promise<{ changed: Flagged; modified: number[] }>;
  /** Source and new UIDs pairwise ascending. */
  copy(ranges: UidRanges, target: string): Promise<Copied>;
  move(ranges: UidRanges, target: string): Promise<Copied & { modseq: number }>;
  /** REPLACE (RFC 8508): files `message` in `target` and expunges `uid` here, in one transaction. */
  replace(
    uid: number,
    target: string,
    message: NewMessage,
  ): Promise<{ uidvalidity: number; uid: number; modseq: number }>;
  /** Those of `ranges` (null: all) that have \Deleted. `modseq`: the folder's highest afterwards. */
  expunge(ranges: UidRanges | null): Promise<{ uids: Uint32Array; modseq: number }>;
  /** Matching UIDs ascending, and the highest modseq among them where the query asks for modseq, else 0. */
  search(query: Query): Promise<{ uids: Uint32Array; highestModseq: number }>;
  /** Ties in UID order. RFC 5256 §2.2, §3. */
  sort(query: Query, keys: readonly SortKey[]): Promise<Uint32Array>;
  thread(query: Query, algorithm: "REFERENCES" | "ORDEREDSUBJECT"): Promise<Threads>;
  /** Expunged since (RFC 7162 §3.2.5.2), ascending; null: history does not reach so far, all UIDs not there must be assumed gone. */
  expungedSince(modseq: number): Promise<Uint32Array | null>;
  /** A session was told of new messages as \Recent: no later snapshot is to give them out again (rev1). */
  claimRecent(): Promise<void>;
  close(): Promise<void>;
}

/** From and to are pairwise; a UID that is gone is left out of both. */
export type Copied = { uidvalidity: number; from: Uint32Array; to: Uint32Array };
