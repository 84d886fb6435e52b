/**
 * The values that cross from the store's threads. They have the shapes of `imap/port.ts` and `pop3/port.ts`, which say what each
 * field means; the store imports neither (`main.ts` fits one to the other, and the compiler holds them equal).
 */
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
  selectable: boolean;
  exists: boolean;
};

export type Counts = {
  folder: Folder;
  messages: number;
  unseen: number;
  deleted: number;
  size: number;
  deletedSize: number;
  uidnext: number;
  highestModseq: number;
  recent: number;
};

export type NewMessage = { flags: readonly string[]; internalDate: number | null; bytes: Uint8Array };

export type UidRanges = readonly (readonly [first: number, last: number])[];

export type Flagged = {
  uids: Uint32Array;
  modseqs: Float64Array;
  flagSets: readonly (readonly string[])[];
  flagSet: Uint16Array;
};

export type Packed = { bytes: Uint8Array; ends: Uint32Array; state?: Uint8Array };

export type Section = {
  part: readonly number[];
  what: "all" | "header" | "text" | "mime" | "fields" | "fields-not" | "binary";
  fields?: readonly string[];
  partial?: { origin: number; count: number };
};

export type Want = {
  envelope?: boolean;
  structure?: boolean;
  basicStructure?: boolean;
  preview?: boolean;
  ids?: boolean;
  sections?: readonly Section[];
  changedSince?: number;
};

export type Rows = Flagged & {
  sizes: Uint32Array;
  internalDates: Float64Array;
  savedAt: Float64Array;
  envelopes?: Packed;
  structures?: Packed;
  basicStructures?: Packed;
  previews?: Packed;
  emailIds?: readonly string[];
  threadIds?: readonly string[];
  sections?: readonly Packed[];
};

export type FlagChange = { mode: "set" | "add" | "remove"; flags: readonly string[] };

export type Query =
  | { kind: "all" }
  | { kind: "uids"; ranges: UidRanges }
  | { kind: "flag"; flag: string; set: boolean }
  | { kind: "header"; name: string; text: string }
  | { kind: "address" | "subject"; field: "from" | "to" | "cc" | "bcc" | "subject"; text: string }
  | { kind: "text" | "body"; text: string }
  | { kind: "date"; which: "internal" | "sent" | "saved"; compare: "before" | "on" | "since"; day: number }
  | { kind: "size"; compare: "larger" | "smaller"; bytes: number }
  | { kind: "age"; compare: "older" | "younger"; seconds: number }
  | { kind: "modseq"; atLeast: number }
  | { kind: "id"; which: "email" | "thread"; id: string }
  | { kind: "and" | "or"; of: readonly Query[] }
  | { kind: "not"; of: Query };

export type SortKey = {
  key: "arrival" | "cc" | "date" | "from" | "size" | "subject" | "to" | "displayfrom" | "displayto";
  reverse: boolean;
};

export type Threads = { uids: Uint32Array; depths: Uint32Array };
export type Copied = { uidvalidity: number; from: Uint32Array; to: Uint32Array };

/** One committed change. */
export type Change = { folder: string; name: string; modseq: number } & (
  | { kind: "added" | "flags"; messages: Flagged }
  | { kind: "expunged"; uids: Uint32Array }
  | { kind: "folder"; change: "created" | "deleted" | "renamed" | "subscribed"; from: string | null }
  | { kind: "folder"; change: "metadata"; from: null; entries: readonly string[] }
);

/** A change as a worker announces it: `origin` is the number of the session that made it, 0 for none. */
export type Announced = Change & { origin: number };
