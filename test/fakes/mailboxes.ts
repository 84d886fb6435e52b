/**
 * The IMAP port in memory: plain arrays and loops, what the encrypted store is held against. One `MemoryMailboxes` is a node with its
 * users; every method answers in a later turn, as a store on other threads does.
 */
import type {
  Account,
  Box,
  Change,
  Copied,
  Counts,
  FlagChange,
  Flagged,
  Folder,
  Login,
  Mailboxes,
  NewMessage,
  Packed,
  Query,
  RefusalCode,
  Rows,
  Section,
  SortKey,
  SpecialUse,
  UidRanges,
  Want,
} from "../../src/daemon/imap/port.ts";
import { decodeBody, envelope, type Node, parseFields, parseMime, partAt, structure } from "./mime.ts";
import { bodyText, matches, sorted, threads } from "./search.ts";

export type Stored = {
  uid: number;
  modseq: number;
  flags: string[];
  internalDate: number;
  savedAt: number;
  raw: Buffer;
  mime: Node;
  emailId: string;
  threadId: string;
};

type Kept = {
  folder: Folder;
  uidnext: number;
  modseq: number;
  firstRecent: number;
  messages: Stored[];
  expunged: { uid: number; modseq: number }[];
  metadata: Map<string, Uint8Array>;
};

const BATCH = 100;

function refuse(code: RefusalCode, text: string): never {
  throw Object.assign(new Error(text), { code });
}

export type MemoryUser = { address: string; password: string; limitBytes?: number };

export class MemoryMailboxes implements Mailboxes {
  readonly #users = new Map<string, { password: string; mailbox: MemoryMailbox }>();
  readonly #clock: () => number;

  constructor(users: readonly MemoryUser[], clock: () => number = Date.now) {
    this.#clock = clock;
    for (const { address, password, limitBytes } of users) {
      this.#users.set(address, { password, mailbox: new MemoryMailbox(address, clock, limitBytes ?? 1e12) });
    }
  }

  mailbox(address: string): MemoryMailbox {
    const user = this.#users.get(address);
    if (!user) throw new Error(`no user ${address}`);
    return user.mailbox;
  }

  async login(user: string, secret: Uint8Array): Promise<Login> {
    await turn();
    const known = this.#users.get(user);
    const isRight = known !== undefined && Buffer.from(secret).equals(Buffer.from(known.password));
    secret.fill(0);
    return isRight
      ? { ok: true, account: new MemoryAccount(known.mailbox, this.#clock) }
      : { ok: false, why: "credentials" };
  }
}

function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

export class MemoryMailbox {
  readonly address: string;
  readonly limitBytes: number;
  readonly clock: () => number;
  readonly kept: Kept[] = [];
  readonly subscriptions = new Set<string>();
  readonly metadata = new Map<string, Uint8Array>();
  readonly listeners = new Set<(change: Change) => void>();
  readonly revoked = new Set<(why: "revoked") => void>();
  /** POP3's one lock. */
  popLocked = false;
  #ids = 0;

  constructor(address: string, clock: () => number, limitBytes: number) {
    this.address = address;
    this.clock = clock;
    this.limitBytes = limitBytes;
    this.make("INBOX", null);
    for (const use of ["Drafts", "Sent", "Junk", "Trash", "Archive"] as const) this.make(use, `\\${use}`);
    for (const { folder } of this.kept) this.subscriptions.add(folder.name);
  }

  nextId(): number {
    return ++this.#ids;
  }

  make(name: string, specialUse: SpecialUse | null): Kept {
    const folder: Folder = {
      id: `F${this.nextId()}`,
      name,
      uidvalidity: 1_700_000_000 + this.#ids,
      specialUse,
      subscribed: false,
      selectable: true,
      exists: true,
    };
    const kept: Kept = {
      folder,
      uidnext: 1,
      modseq: 1,
      firstRecent: 1,
      messages: [],
      expunged: [],
      metadata: new Map(),
    };
    this.kept.push(kept);
    return kept;
  }

  find(name: string): Kept | undefined {
    return this.kept.find(({ folder }) => folder.name === name);
  }

  need(name: string): Kept {
    const kept = this.find(name);
    if (!kept?.folder.selectable) refuse("NONEXISTENT", "No such folder");
    return kept;
  }

  get usedBytes(): number {
    return this.kept.reduce((sum, { messages }) => sum + messages.reduce((n, { raw }) => n + raw.length, 0), 0);
  }

  publish(change: Change): void {
    for (const listener of this.listeners) listener(change);
  }

  /** As a hand-off files it. */
  deliver(name: string, messages: readonly NewMessage[], origin: Account | null = null): number[] {
    const kept = this.need(name);
    const size = messages.reduce((sum, { bytes }) => sum + bytes.length, 0);
    if (this.usedBytes + size > this.limitBytes) refuse("OVERQUOTA", "Mailbox is full");
    const modseq = ++kept.modseq;
    const added = messages.map((message) => this.#store(kept, message, modseq));
    kept.messages.push(...added);
    this.publish({ kind: "added", ...this.at(kept, modseq, origin), messages: flagged(added) });
    return added.map(({ uid }) => uid);
  }

  expunge(name: string, uids: readonly number[], origin: Account | null = null): void {
    const kept = this.need(name);
    const gone = kept.messages.filter(({ uid }) => uids.includes(uid)).map(({ uid }) => uid);
    if (gone.length === 0) return;
    const modseq = ++kept.modseq;
    kept.messages = kept.messages.filter(({ uid }) => !gone.includes(uid));
    for (const uid of gone) kept.expunged.push({ uid, modseq });
    this.publish({ kind: "expunged", ...this.at(kept, modseq, origin), uids: Uint32Array.from(gone) });
  }

  at({ folder }: Kept, modseq: number, origin: Account | null) {
    return { folder: folder.id, name: folder.name, modseq, origin };
  }

  #store(kept: Kept, { bytes, flags, internalDate }: NewMessage, modseq: number): Stored {
    const raw = Buffer.from(bytes);
    const id = this.nextId();
    return {
      uid: kept.uidnext++,
      modseq,
      flags: spellings(kept, flags),
      internalDate: internalDate ?? this.clock(),
      savedAt: this.clock(),
      raw,
      mime: parseMime(raw.toString("latin1")),
      emailId: `M${id}`,
      threadId: `T${id}`,
    };
  }
}

const system = ["\\Answered", "\\Flagged", "\\Deleted", "\\Seen", "\\Draft"];

/** One spelling a flag: the system's own, else the first that this folder saw. */
function spellings(kept: Kept, flags: readonly string[]): string[] {
  const known = [...system, ...kept.messages.flatMap((m) => m.flags)];
  const spelled = flags.map((flag) => known.find((one) => one.toLowerCase() === flag.toLowerCase()) ?? flag);
  return inOrder(spelled);
}

/** Each once, system flags first. */
function inOrder(flags: readonly string[]): string[] {
  const rank = (flag: string): string => (flag.startsWith("\\") ? ` ${flag}` : flag);
  return [...new Set(flags)].toSorted((a, b) => (rank(a) < rank(b) ? -1 : 1));
}

export function flagged(messages: readonly Stored[]): Flagged {
  const sets = new Map<string, number>();
  const flagSets: string[][] = [];
  const flagSet = messages.map(({ flags }) => {
    const key = flags.join(" ");
    const known = sets.get(key);
    if (known !== undefined) return known;
    sets.set(key, flagSets.length);
    return flagSets.push([...flags]) - 1;
  });
  return {
    uids: Uint32Array.from(messages, (m) => m.uid),
    modseqs: Float64Array.from(messages, (m) => m.modseq),
    flagSets,
    flagSet: Uint16Array.from(flagSet),
  };
}

function pack(values: readonly (Uint8Array | 1 | 2)[]): Packed {
  const buffers = values.map((value) => (typeof value === "number" ? Buffer.alloc(0) : Buffer.from(value)));
  let end = 0;
  const ends = Uint32Array.from(buffers, (one) => {
    end += one.length;
    return end;
  });
  const state = Uint8Array.from(values, (value) => (typeof value === "number" ? value : 0));
  return { bytes: Buffer.concat(buffers), ends, state };
}

class MemoryAccount implements Account {
  readonly #mailbox: MemoryMailbox;
  readonly #clock: () => number;

  constructor(mailbox: MemoryMailbox, clock: () => number) {
    this.#mailbox = mailbox;
    this.#clock = clock;
  }

  get mailboxId(): string {
    return this.#mailbox.address;
  }

  get address(): string {
    return this.#mailbox.address;
  }

  async folders(): Promise<Folder[]> {
    await turn();
    const { kept, subscriptions } = this.#mailbox;
    const real = kept.map(({ folder }) => ({ ...folder, subscribed: subscriptions.has(folder.name) }));
    const missing = [...subscriptions].filter((name) => !this.#mailbox.find(name));
    const gone = missing.map((name) => ({ ...emptyFolder, name }));
    return [...real, ...gone].toSorted((a, b) =>
      a.name === b.name ? 0 : a.name === "INBOX" || (b.name !== "INBOX" && a.name < b.name) ? -1 : 1,
    );
  }

  async counts(names: readonly string[]): Promise<(Counts | null)[]> {
    await turn();
    return names.map((name) => {
      const kept = this.#mailbox.find(name);
      return kept?.folder.selectable ? this.#count(kept) : null;
    });
  }

  #count(kept: Kept): Counts {
    return countsOf(kept, this.#mailbox.subscriptions.has(kept.folder.name));
  }

  async create(name: string, use: SpecialUse | null): Promise<Folder> {
    await turn();
    const mailbox = this.#mailbox;
    const existing = mailbox.find(name);
    if (existing?.folder.selectable) refuse("ALREADYEXISTS", "Folder exists");
    if (use && mailbox.kept.some(({ folder }) => folder.specialUse === use))
      refuse("USEATTR", "That special use is taken");
    const levels = name.split("/");
    for (let n = 1; n < levels.length; n++) {
      const above = levels.slice(0, n).join("/");
      if (!mailbox.find(above)) this.#created(mailbox.make(above, null));
    }
    if (existing) mailbox.kept.splice(mailbox.kept.indexOf(existing), 1);
    const kept = mailbox.make(name, use);
    this.#created(kept);
    return { ...kept.folder };
  }

  #created(kept: Kept): void {
    this.#mailbox.publish({
      kind: "folder",
      change: "created",
      from: null,
      ...this.#mailbox.at(kept, kept.modseq, this),
    });
  }

  async remove(name: string): Promise<void> {
    await turn();
    const mailbox = this.#mailbox;
    const kept = mailbox.find(name);
    if (!kept) refuse("NONEXISTENT", "No such folder");
    if (name === "INBOX") refuse("CANNOT", "INBOX cannot be deleted");
    const hasChildren = mailbox.kept.some(({ folder }) => folder.name.startsWith(`${name}/`));
    if (hasChildren && !kept.folder.selectable) refuse("HASCHILDREN", "Folder has folders below it");
    kept.messages = [];
    if (hasChildren) Object.assign(kept.folder, { selectable: false, specialUse: null });
    else mailbox.kept.splice(mailbox.kept.indexOf(kept), 1);
    mailbox.publish({ kind: "folder", change: "deleted", from: null, ...mailbox.at(kept, ++kept.modseq, this) });
    this.#dropEmptyAbove(name);
  }

  #dropEmptyAbove(name: string): void {
    const mailbox = this.#mailbox;
    const above = mailbox.find(name.slice(0, Math.max(0, name.lastIndexOf("/"))));
    if (!above || above.folder.selectable) return;
    if (mailbox.kept.some(({ folder }) => folder.name.startsWith(`${above.folder.name}/`))) return;
    mailbox.kept.splice(mailbox.kept.indexOf(above), 1);
    mailbox.publish({ kind: "folder", change: "deleted", from: null, ...mailbox.at(above, ++above.modseq, this) });
    this.#dropEmptyAbove(above.folder.name);
  }

  async rename(from: string, to: string): Promise<void> {
    await turn();
    const mailbox = this.#mailbox;
    if (!mailbox.find(from)) refuse("NONEXISTENT", "No such folder");
    if (mailbox.find(to)) refuse("ALREADYEXISTS", "Folder exists");
    if (from === "INBOX") return this.#renameInbox(to);
    const levels = to.split("/");
    for (let n = 1; n < levels.length; n++) {
      const above = levels.slice(0, n).join("/");
      if (!mailbox.find(above)) this.#created(mailbox.make(above, null));
    }
    for (const kept of mailbox.kept) {
      const { folder } = kept;
      if (folder.name !== from && !folder.name.startsWith(`${from}/`)) continue;
      const old = folder.name;
      folder.name = to + old.slice(from.length);
      mailbox.publish({ kind: "folder", change: "renamed", from: old, ...mailbox.at(kept, ++kept.modseq, this) });
    }
    this.#dropEmptyAbove(from);
  }

  async #renameInbox(to: string): Promise<void> {
    await this.create(to, null);
    const box = new MemoryBox(this.#mailbox, this.#mailbox.need("INBOX"), false, this, this.#clock);
    await box.move([[1, 0xffffffff]], to);
  }

  async subscribe(name: string, on: boolean): Promise<void> {
    await turn();
    const kept = this.#mailbox.find(name);
    if (on && !kept) refuse("NONEXISTENT", "No such folder");
    if (on) this.#mailbox.subscriptions.add(name);
    else this.#mailbox.subscriptions.delete(name);
    if (!kept) return;
    this.#mailbox.publish({
      kind: "folder",
      change: "subscribed",
      from: null,
      ...this.#mailbox.at(kept, kept.modseq, this),
    });
  }

  async append(name: string, messages: readonly NewMessage[]): Promise<{ uidvalidity: number; uids: number[] }> {
    await turn();
    const { folder } = this.#mailbox.need(name);
    return { uidvalidity: folder.uidvalidity, uids: this.#mailbox.deliver(name, messages, this) };
  }

  async open(name: string, readOnly: boolean): Promise<Box> {
    await turn();
    return new MemoryBox(this.#mailbox, this.#mailbox.need(name), readOnly, this, this.#clock);
  }

  async quota(): Promise<{ usedBytes: number; limitBytes: number }> {
    await turn();
    return { usedBytes: this.#mailbox.usedBytes, limitBytes: this.#mailbox.limitBytes };
  }

  async metadata(name: string | null, entries: readonly string[], depth: number): Promise<Map<string, Uint8Array>> {
    await turn();
    const all = name === null ? this.#mailbox.metadata : this.#annotated(name).metadata;
    const isAsked = (entry: string): boolean =>
      entries.some((one) => {
        if (entry === one) return true;
        if (!entry.startsWith(one.endsWith("/") ? one : `${one}/`)) return false;
        return entry.slice(one.length).split("/").length - 1 <= depth;
      });
    return new Map([...all].filter(([entry]) => isAsked(entry)));
  }

  #annotated(name: string): Kept {
    return this.#mailbox.find(name) ?? refuse("NONEXISTENT", "No such folder");
  }

  async setMetadata(name: string | null, values: ReadonlyMap<string, Uint8Array | null>): Promise<void> {
    await turn();
    const kept = name === null ? null : this.#annotated(name);
    const all = kept?.metadata ?? this.#mailbox.metadata;
    const added = [...values].filter(([entry, value]) => value !== null && !all.has(entry)).length;
    if (all.size + added > 100) refuse("METADATA TOOMANY", "Too many annotations");
    for (const [entry, value] of values) {
      if (value === null) all.delete(entry);
      else all.set(entry, Uint8Array.from(value));
    }
    const at = kept ? this.#mailbox.at(kept, kept.modseq, this) : { folder: "", name: "", modseq: 0, origin: this };
    this.#mailbox.publish({ kind: "folder", change: "metadata", from: null, entries: [...values.keys()], ...at });
  }

  watch(listener: (change: Change) => void): () => void {
    this.#mailbox.listeners.add(listener);
    return () => this.#mailbox.listeners.delete(listener);
  }

  onRevoked(listener: (why: "revoked") => void): void {
    this.#mailbox.revoked.add(listener);
  }

  async logout(): Promise<void> {
    await turn();
  }
}

const emptyFolder: Folder = {
  id: "",
  name: "",
  uidvalidity: 1,
  specialUse: null,
  subscribed: true,
  selectable: false,
  exists: false,
};

function countsOf(kept: Kept, subscribed: boolean): Counts {
  const { messages } = kept;
  const deleted = messages.filter(({ flags }) => flags.includes("\\Deleted"));
  const bytes = (of: readonly Stored[]): number => of.reduce((sum, { raw }) => sum + raw.length, 0);
  return {
    folder: { ...kept.folder, subscribed },
    messages: messages.length,
    unseen: messages.filter(({ flags }) => !flags.includes("\\Seen")).length,
    deleted: deleted.length,
    size: bytes(messages),
    deletedSize: bytes(deleted),
    uidnext: kept.uidnext,
    highestModseq: kept.modseq,
    recent: messages.filter(({ uid }) => uid >= kept.firstRecent).length,
  };
}

class MemoryBox implements Box {
  readonly #mailbox: MemoryMailbox;
  readonly #kept: Kept;
  readonly #account: Account;
  readonly #clock: () => number;
  readonly readOnly: boolean;

  constructor(mailbox: MemoryMailbox, kept: Kept, readOnly: boolean, account: Account, clock: () => number) {
    this.#mailbox = mailbox;
    this.#kept = kept;
    this.readOnly = readOnly;
    this.#account = account;
    this.#clock = clock;
  }

  get folder(): Folder {
    return this.#kept.folder;
  }

  #in(ranges: UidRanges): Stored[] {
    return this.#kept.messages.filter(({ uid }) => ranges.some(([first, last]) => uid >= first && uid <= last));
  }

  async snapshot() {
    await turn();
    const { messages } = this.#kept;
    const snapshot = {
      uids: Uint32Array.from(messages, ({ uid }) => uid),
      // Half of the time: a session must do with and without.
      ...(this.#kept.modseq % 2 === 0 && { flags: flagged(messages) }),
      counts: countsOf(this.#kept, this.#mailbox.subscriptions.has(this.folder.name)),
      keywords: [...new Set(messages.flatMap(({ flags }) => flags))]
        .filter((flag) => !flag.startsWith("\\"))
        .toSorted(),
      firstUnseenUid: messages.find(({ flags }) => !flags.includes("\\Seen"))?.uid ?? null,
      firstRecentUid: this.#kept.firstRecent,
    };
    if (!this.readOnly) this.#kept.firstRecent = this.#kept.uidnext;
    return snapshot;
  }

  async *fetch(ranges: UidRanges, want: Want): AsyncIterable<Rows> {
    const wanted = this.#in(ranges).filter(({ modseq }) => modseq > (want.changedSince ?? -1));
    for (let at = 0; at < wanted.length; ) {
      await turn();
      const batch = wanted.slice(at, at + batchLength(wanted, at));
      at += batch.length;
      yield rowsOf(batch, want);
    }
  }

  async binarySize(uid: number, part: readonly number[]): Promise<number | null | "undecodable"> {
    await turn();
    const [message] = this.#in([[uid, uid]]);
    const bytes = message ? sectionOf(message, { part, what: "binary" }) : 1;
    return bytes === 1 ? null : bytes === 2 ? "undecodable" : bytes.length;
  }

  async setFlags(ranges: UidRanges, change: FlagChange, unchangedSince: number | null) {
    await turn();
    const all = this.#in(ranges);
    const modified = all.filter(({ modseq }) => unchangedSince !== null && modseq > unchangedSince);
    const left = all.filter((m) => !modified.includes(m));
    const moved = left.filter((m) => apply(this.#kept, m, change));
    if (moved.length > 0) {
      const modseq = ++this.#kept.modseq;
      for (const m of moved) m.modseq = modseq;
      this.#mailbox.publish({ kind: "flags", ...this.#at(modseq), messages: flagged(moved) });
    }
    return { changed: flagged(left), modified: modified.map(({ uid }) => uid) };
  }

  #at(modseq: number) {
    return this.#mailbox.at(this.#kept, modseq, this.#account);
  }

  async copy(ranges: UidRanges, target: string): Promise<Copied> {
    await turn();
    const to = this.#mailbox.need(target);
    const from = this.#in(ranges);
    const copies = from.map((m) => ({ bytes: m.raw, flags: m.flags, internalDate: m.internalDate }));
    const uids = from.length === 0 ? [] : this.#mailbox.deliver(target, copies, this.#account);
    for (const [i, uid] of uids.entries()) {
      const copy = to.messages.find((m) => m.uid === uid);
      // RFC 8474 §5.1: a copy is the same message.
      if (copy) Object.assign(copy, { emailId: from[i]?.emailId, threadId: from[i]?.threadId });
    }
    return {
      uidvalidity: to.folder.uidvalidity,
      from: Uint32Array.from(from, ({ uid }) => uid),
      to: Uint32Array.from(uids),
    };
  }

  async move(ranges: UidRanges, target: string): Promise<Copied & { modseq: number }> {
    const copied = await this.copy(ranges, target);
    this.#remove(new Set(copied.from));
    return { ...copied, modseq: this.#kept.modseq };
  }

  async replace(uid: number, target: string, message: NewMessage) {
    await turn();
    const to = this.#mailbox.need(target);
    if (this.#in([[uid, uid]]).length === 0) refuse("NONEXISTENT", "That message is gone");
    const [filed = 0] = this.#mailbox.deliver(target, [message], this.#account);
    this.#remove(new Set([uid]));
    return { uidvalidity: to.folder.uidvalidity, uid: filed, modseq: this.#kept.modseq };
  }

  async expunge(ranges: UidRanges | null) {
    await turn();
    const all = ranges === null ? this.#kept.messages : this.#in(ranges);
    const uids = all.filter(({ flags }) => flags.includes("\\Deleted")).map(({ uid }) => uid);
    this.#remove(new Set(uids));
    return { uids: Uint32Array.from(uids), modseq: this.#kept.modseq };
  }

  #remove(uids: ReadonlySet<number>): void {
    this.#mailbox.expunge(this.folder.name, [...uids], this.#account);
  }

  #find(query: Query): Stored[] {
    return this.#kept.messages.filter((m) => matches(m, query, this.#clock()));
  }

  async search(query: Query) {
    await turn();
    const found = this.#find(query);
    const hasModseq = JSON.stringify(query).includes('"kind":"modseq"');
    const highestModseq = hasModseq ? Math.max(0, ...found.map(({ modseq }) => modseq)) : 0;
    return { uids: Uint32Array.from(found, ({ uid }) => uid), highestModseq };
  }

  async sort(query: Query, keys: readonly SortKey[]): Promise<Uint32Array> {
    await turn();
    return Uint32Array.from(sorted(this.#find(query), keys), ({ uid }) => uid);
  }

  async thread(query: Query, algorithm: "REFERENCES" | "ORDEREDSUBJECT") {
    await turn();
    return threads(this.#find(query), algorithm);
  }

  async expungedSince(modseq: number): Promise<Uint32Array | null> {
    await turn();
    return Uint32Array.from(this.#kept.expunged.filter((one) => one.modseq > modseq).map(({ uid }) => uid)).sort();
  }

  async claimRecent(): Promise<void> {
    await turn();
    if (!this.readOnly) this.#kept.firstRecent = this.#kept.uidnext;
  }

  async close(): Promise<void> {
    await turn();
  }
}

/** Some hundred rows, or a megabyte, and always one. */
function batchLength(messages: readonly Stored[], from: number): number {
  let bytes = 0;
  let length = 0;
  while (length < BATCH && from + length < messages.length && bytes < 1_000_000) {
    bytes += messages[from + length++]?.raw.length ?? 0;
  }
  return length;
}

function apply(kept: Kept, m: Stored, { mode, flags }: FlagChange): boolean {
  const given = spellings(kept, flags);
  const before = m.flags.join(" ");
  if (mode === "set") m.flags = given;
  else if (mode === "add") m.flags = inOrder([...m.flags, ...given]);
  else m.flags = m.flags.filter((flag) => !given.includes(flag));
  return m.flags.join(" ") !== before;
}

function rowsOf(messages: readonly Stored[], want: Want): Rows {
  const latin1 = (text: string): Buffer => Buffer.from(text, "latin1");
  return {
    ...flagged(messages),
    sizes: Uint32Array.from(messages, ({ raw }) => raw.length),
    internalDates: Float64Array.from(messages, ({ internalDate }) => internalDate),
    savedAt: Float64Array.from(messages, ({ savedAt }) => savedAt),
    ...(want.envelope && { envelopes: pack(messages.map(({ mime }) => latin1(envelope(mime.fields)))) }),
    ...(want.structure && { structures: pack(messages.map(({ mime }) => latin1(structure(mime, true)))) }),
    ...(want.basicStructure && { basicStructures: pack(messages.map(({ mime }) => latin1(structure(mime, false)))) }),
    ...(want.preview && { previews: pack(messages.map(({ mime }) => Buffer.from(previewOf(mime)))) }),
    ...(want.ids && { emailIds: messages.map((m) => m.emailId), threadIds: messages.map((m) => m.threadId) }),
    ...(want.sections && {
      sections: want.sections.map((section) => pack(messages.map((m) => sectionOf(m, section)))),
    }),
  };
}

function previewOf(mime: Node): string {
  return bodyText(mime).replace(/\s+/g, " ").trim().slice(0, 200);
}

export function sectionOf(m: Stored, section: Section): Buffer | 1 | 2 {
  const text = sectionText(m, section);
  if (typeof text === "number") return text;
  const { origin, count } = section.partial ?? { origin: 0, count: text.length };
  return Buffer.from(text.slice(origin, origin + count), "latin1");
}

function sectionText(m: Stored, { part, what, fields }: Section): string | 1 | 2 {
  const whole = part.length === 0;
  const node = partAt(m.mime, part);
  if (!node) return 1;
  if (what === "mime") return node.header;
  if (what === "binary") return whole ? m.raw.toString("latin1") : (decodeBody(node) ?? 2);
  if (what === "all") return whole ? m.raw.toString("latin1") : node.body;
  const message = whole ? node : node.type === "message" ? node.children[0] : undefined;
  if (!message) return 1;
  if (what === "text") return message.body;
  if (what === "header") return message.header;
  const named = new Set(fields?.map((field) => field.toLowerCase()));
  const kept = parseFields(message.header).filter(({ name }) => named.has(name) === (what === "fields"));
  return `${kept.map(({ raw }) => raw).join("")}\r\n`;
}
