/**
 * What IMAP needs of mailboxes, grouped by the session's state. Two implementations pass one contract suite
 * (`test/contract/`): memory and the encrypted store. Everything is async since the store lives on other threads; nothing
 * here holds a transaction open while a caller waits on a socket. Expected refusals are thrown as `Refusal`.
 *
 * Names are folder names in UTF-8, `/` between levels, INBOX in upper case. UIDs and modseqs are numbers (modseq < 2^53).
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
  id: string;
  name: string;
  uidvalidity: number;
  specialUse: SpecialUse | null;
  subscribed: boolean;
  /** False for a name that exists only above others. */
  selectable: boolean;
};

export type Counts = {
  messages: number;
  unseen: number;
  deleted: number;
  /** Bytes of all messages. */
  size: number;
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
  bytes: Uint8Array;
};

/** Authenticated. */
export interface Account {
  readonly mailboxId: string;
  readonly address: string;
  folders(): Promise<Folder[]>;
  counts(name: string): Promise<Counts>;
  create(name: string, use: SpecialUse | null): Promise<Folder>;
  remove(name: string): Promise<void>;
  /** Renames the tree below it too; RENAME INBOX moves its messages (RFC 9051 §6.3.6). */
  rename(from: string, to: string): Promise<void>;
  subscribe(name: string, on: boolean): Promise<void>;
  /** All or none. Resolves after the commit is durable. */
  append(name: string, messages: readonly NewMessage[]): Promise<{ uidvalidity: number; uids: number[] }>;
  open(name: string, readOnly: boolean): Promise<Box>;
  quota(): Promise<{ usedBytes: number; limitBytes: number }>;
  metadata(name: string | null, entries: readonly string[]): Promise<Map<string, Uint8Array>>;
  setMetadata(name: string | null, values: ReadonlyMap<string, Uint8Array | null>): Promise<void>;
  /** Hears of every committed change in the mailbox, in commit order; answers an unsubscribe. */
  watch(listener: (change: Change) => void): () => void;
  /** Called when this mailbox's access was revoked: the session must end. */
  onRevoked(listener: () => void): void;
  logout(): Promise<void>;
}

/** One committed change. `origin` is the Account that made it, so that a session can tell its own. */
export type Change = { folder: string; modseq: number; origin: Account | null } & (
  | { kind: "added"; messages: readonly { uid: number; flags: readonly string[]; modseq: number }[] }
  | { kind: "flags"; messages: readonly { uid: number; flags: readonly string[]; modseq: number }[] }
  | { kind: "expunged"; uids: readonly number[] }
  | {
      kind: "folder";
      change: "created" | "deleted" | "renamed" | "subscribed" | "metadata";
      name: string;
      from: string | null;
    }
);

/** Inclusive ascending UID ranges, disjoint. */
export type UidRanges = readonly (readonly [first: number, last: number])[];

export type Want = {
  flags?: boolean;
  envelope?: boolean;
  structure?: boolean;
  preview?: boolean;
  /** emailid and threadid */
  ids?: boolean;
};

/** One message's metadata. Fields beyond the first row are present when wanted. */
export type Row = {
  uid: number;
  modseq: number;
  /** RFC822.SIZE */
  size: number;
  internalDate: number;
  savedAt: number;
  flags: readonly string[];
  /** Rendered at filing: the bytes of the ENVELOPE value, `(...)`. May hold literals. */
  envelope?: Uint8Array;
  /** Rendered at filing: BODYSTRUCTURE with extension data, and BODY without. */
  structure?: { extended: Uint8Array; basic: Uint8Array };
  preview?: string;
  emailId?: string;
  threadId?: string;
};

/** Which bytes of a message. `part` is the dotted numbers (`[]` for the whole message). RFC 9051 §6.4.5. */
export type Section = {
  part: readonly number[];
  what: "all" | "header" | "text" | "mime" | "fields" | "fields-not" | "binary";
  fields?: readonly string[];
  /** `<origin.count>` of a partial fetch, on the section's own bytes. */
  partial?: { origin: number; count: number };
};
/** null: no such section. `undecodable`: BINARY of an unknown transfer encoding (UNKNOWN-CTE). */
export type SectionBytes = Uint8Array | null | "undecodable";

export type FlagChange = { mode: "set" | "add" | "remove"; flags: readonly string[] };

/** A search, already resolved to UIDs (sequence sets are the session's business). RFC 9051 §6.4.4. */
export type Query =
  | { kind: "all" }
  | { kind: "uids"; ranges: UidRanges }
  | { kind: "flag"; flag: string; set: boolean }
  | { kind: "header"; name: string; text: string }
  /** from, to, cc, bcc, subject read from the envelope, decoded. */
  | { kind: "address" | "subject"; field: "from" | "to" | "cc" | "bcc" | "subject"; text: string }
  | { kind: "text" | "body"; text: string }
  /** Days since the epoch: the day of the internal, Date: or save date; `before` excludes, `since` includes the day. */
  | { kind: "date"; which: "internal" | "sent" | "saved"; compare: "before" | "on" | "since"; day: number }
  | { kind: "size"; compare: "larger" | "smaller"; bytes: number }
  /** WITHIN, RFC 5032: seconds. */
  | { kind: "age"; compare: "older" | "younger"; seconds: number }
  | { kind: "modseq"; atLeast: number }
  | { kind: "id"; which: "email" | "thread"; id: string }
  | { kind: "and" | "or"; of: readonly Query[] }
  | { kind: "not"; of: Query };

export type SortKey = {
  key: "arrival" | "cc" | "date" | "from" | "size" | "subject" | "to" | "displayfrom" | "displayto";
  reverse: boolean;
};

/** A thread: a message, or a gap (null) where the parent is not in the folder, and its children. RFC 5256. */
export type Thread = { uid: number | null; children: Thread[] };

/** Selected. */
export interface Box {
  readonly folder: Folder;
  readonly readOnly: boolean;
  /** All UIDs ascending, and what SELECT announces. Taken in one read. */
  snapshot(): Promise<{
    uids: Uint32Array;
    counts: Counts;
    keywords: readonly string[];
    firstUnseenUid: number | null;
  }>;
  /** Batches in UID order; a UID that is gone is left out. */
  rows(ranges: UidRanges, want: Want): AsyncIterable<readonly Row[]>;
  /** Section bytes of one message after another, in UID order, batched to bound memory. */
  sections(
    ranges: UidRanges,
    sections: readonly Section[],
  ): AsyncIterable<readonly { uid: number; parts: readonly SectionBytes[] }[]>;
  /** The size in bytes of decoded parts (BINARY.SIZE). */
  binarySize(uid: number, part: readonly number[]): Promise<number | null | "undecodable">;
  /** One transaction. `modified`: UIDs left alone because of UNCHANGEDSINCE (RFC 7162 §3.1.3). */
  setFlags(
    ranges: UidRanges,
    change: FlagChange,
    unchangedSince: number | null,
  ): Promise<{ changed: readonly Row[]; modified: number[] }>;
  /** Source and new UIDs pairwise ascending. */
  copy(ranges: UidRanges, target: string): Promise<{ uidvalidity: number; from: number[]; to: number[] }>;
  move(
    ranges: UidRanges,
    target: string,
  ): Promise<{ uidvalidity: number; from: number[]; to: number[]; modseq: number }>;
  /** Those of `ranges` (null: all) that have \Deleted. */
  expunge(ranges: UidRanges | null): Promise<{ uids: number[]; modseq: number }>;
  /** Matching UIDs ascending, and the highest modseq among them where the query asks for modseq. */
  search(query: Query): Promise<{ uids: Uint32Array; highestModseq: number }>;
  sort(query: Query, keys: readonly SortKey[]): Promise<Uint32Array>;
  thread(query: Query, algorithm: "REFERENCES" | "ORDEREDSUBJECT"): Promise<Thread[]>;
  /** Expunged since (RFC 7162 §3.2.5.2); null: history does not reach so far, all UIDs not listed must be assumed gone. */
  expungedSince(modseq: number): Promise<number[] | null>;
  /** UIDs with a modseq above. */
  changedSince(modseq: number): Promise<Uint32Array>;
  /** The rev1 \Recent set of this session: claims the messages that no session was told of. */
  claimRecent(): Promise<number[]>;
  close(): Promise<void>;
}
