/**
 * One session's picture of its selected folder: which message has which number. Changes from the store wait here until the RFC lets
 * the client hear of them: new messages and flags with any command, EXPUNGE only where no message numbers are in
 * flight (RFC 9051 §7.5.1), so a number means the same message from a command's first byte to its tagged reply.
 */

import { Bad } from "./answers.ts";
import type { Modes } from "./modes.ts";
import type { Account, Box, Change, Flagged, UidRanges } from "./port.ts";
import { type MessageSet, rangesOf, resolve, writeSet } from "./wire/sets.ts";

type FlagsChange = Extract<Change, { kind: "added" | "flags" }>;
type Snapshot = Awaited<ReturnType<Box["snapshot"]>>;

export class View {
  #uids: Uint32Array = new Uint32Array(0);
  #count = 0;
  #started = false;
  /** Changes not told yet, in commit order. */
  #waiting: Change[] = [];
  /** Expunged, and not said because numbers were in flight. */
  #gone: Uint32Array[] = [];
  /** New messages not yet in an EXISTS. */
  #unsaid = 0;
  #recentFrom = 0;
  readonly #account: Account;
  readonly #modes: Modes;
  #readOnly: boolean;
  highestModseq = 0;
  uidNext = 1;
  keywords = new Set<string>();
  /** The saved search result `$` (RFC 9051 §6.4.4.1), UIDs ascending. */
  saved: Uint32Array = new Uint32Array(0);

  constructor(account: Account, modes: Modes, readOnly: boolean) {
    this.#account = account;
    this.#modes = modes;
    this.#readOnly = readOnly;
  }

  /** Changes heard before the snapshot and contained in it are forgotten. */
  start(snapshot: Snapshot): void {
    this.#uids = snapshot.uids;
    this.#count = snapshot.uids.length;
    this.#recentFrom = snapshot.firstRecentUid;
    this.highestModseq = snapshot.counts.highestModseq;
    this.uidNext = snapshot.counts.uidnext;
    this.keywords = new Set(snapshot.keywords);
    this.#waiting = this.#waiting.filter((change) => change.modseq > this.highestModseq);
    this.#started = true;
  }

  get count(): number {
    return this.#count;
  }

  get isStarted(): boolean {
    return this.#started;
  }

  get hasNews(): boolean {
    return this.#waiting.length > 0 || this.#gone.length > 0;
  }

  /** All UIDs, ascending. Valid until the next change is told. */
  get uids(): Uint32Array {
    return this.#uids.subarray(0, this.#count);
  }

  get lastUid(): number {
    return this.#count === 0 ? 0 : (this.#uids[this.#count - 1] as number);
  }

  /** Messages from this UID on are \Recent in this session. */
  get recentFrom(): number {
    return this.#recentFrom;
  }

  isRecent(uid: number): boolean {
    return !this.#modes.rev2 && uid >= this.#recentFrom;
  }

  get recent(): number {
    return this.#count - this.#lowerBound(this.#recentFrom);
  }

  /** Message number of a UID; 0 when this session does not know it. */
  seqOf(uid: number): number {
    const at = this.#lowerBound(uid);
    return at < this.#count && this.#uids[at] === uid ? at + 1 : 0;
  }

  uidAt(seq: number): number {
    return seq >= 1 && seq <= this.#count ? (this.#uids[seq - 1] as number) : 0;
  }

  /** Numbers of ascending UIDs; unknown ones left out. */
  seqsOf(uids: Uint32Array): Uint32Array {
    const seqs = new Uint32Array(uids.length);
    let n = 0;
    for (let i = 0, at = 0; i < uids.length; i++) {
      const uid = uids[i] as number;
      while (at < this.#count && (this.#uids[at] as number) < uid) at++;
      if (at < this.#count && this.#uids[at] === uid) seqs[n++] = at + 1;
    }
    return seqs.subarray(0, n);
  }

  /** The UIDs that a set names. RFC 9051 §6.4.8: unknown UIDs are no error; unknown numbers are. */
  uidsOf(set: MessageSet): UidRanges {
    if (set.saved) return rangesOf(this.saved);
    if (set.uid) return resolve(set.ranges, this.lastUid);
    if (this.#modes.uidonly) throw new Bad("Message numbers are not allowed any more", "UIDREQUIRED");
    return this.#numbered(set);
  }

  #numbered(set: MessageSet): UidRanges {
    // "1:*" of an empty folder is no error: clients send it without looking at EXISTS.
    if (this.#count === 0 && set.ranges.some((range) => range.includes(Number.POSITIVE_INFINITY))) return [];
    return resolve(set.ranges, this.#count).map(([first, last]): [number, number] => {
      if (last > this.#count || first < 1) throw new Bad("Invalid message set: no such message number");
      return [this.uidAt(first), this.uidAt(last)];
    });
  }

  /** How many of this session's messages are in `ranges`. */
  countIn(ranges: UidRanges): number {
    return ranges.reduce((sum, [first, last]) => sum + this.#lowerBound(last + 1) - this.#lowerBound(first), 0);
  }

  /** They themselves, ascending. */
  uidsIn(ranges: UidRanges): Uint32Array {
    const uids = new Uint32Array(this.countIn(ranges));
    let at = 0;
    for (const [first, last] of ranges) {
      const part = this.#uids.subarray(this.#lowerBound(first), this.#lowerBound(last + 1));
      uids.set(part, at);
      at += part.length;
    }
    return uids;
  }

  hear(change: Change): void {
    if (change.kind === "folder") return;
    // A session's own STORE answers for itself (RFC 9051 §6.4.6: not at all when .SILENT).
    if (change.kind === "flags" && change.origin === this.#account) this.#hearOwn(change);
    else this.#waiting.push(change);
  }

  /** Where others changed the same messages before and it was not told yet, the last word must be this one. */
  #hearOwn(change: FlagsChange): void {
    this.#raise(change.modseq);
    const others = this.#waiting.flatMap((one) => (one.kind === "flags" ? [...one.messages.uids] : []));
    if (others.length === 0) return;
    const untold = new Set(others);
    const messages = selected(change.messages, (uid) => untold.has(uid));
    if (messages.uids.length > 0) this.#waiting.push({ ...change, messages });
  }

  /** What the client may hear now, as untagged responses. */
  tell(expunge: boolean): string {
    const waiting = this.#waiting;
    if (waiting.length === 0 && (this.#gone.length === 0 || !expunge)) return "";
    this.#waiting = [];
    for (const change of waiting) if (change.kind === "expunged") this.#gone.push(change.uids);
    let lines = "";
    for (const change of waiting) lines += this.#one(change);
    // EXISTS first: an expunged message may be one that the client has not heard of yet.
    lines += this.#exists();
    return expunge && this.#gone.length > 0 ? lines + this.#vanish() : lines;
  }

  /** New messages only: said before a command runs, so that it can speak of them. */
  tellAdded(): string {
    if (!this.#waiting.some((change) => change.kind === "added")) return "";
    const rest: Change[] = [];
    let lines = "";
    for (const change of this.#waiting) {
      if (change.kind === "added") lines += this.#one(change);
      else rest.push(change);
    }
    this.#waiting = rest;
    return lines + this.#exists();
  }

  #one(change: Change): string {
    this.#raise(change.modseq);
    if (change.kind === "added") this.#append(change.messages.uids);
    else if (change.kind === "flags") return this.#exists() + this.#flags(change.messages);
    return "";
  }

  #exists(): string {
    if (this.#unsaid === 0) return "";
    this.#unsaid = 0;
    if (this.#modes.rev2) return `* ${this.#count} EXISTS\r\n`;
    if (!this.#readOnly) void this.onRecent();
    return `* ${this.#count} EXISTS\r\n* ${this.recent} RECENT\r\n`;
  }

  /** Called when new messages were told as \Recent. */
  onRecent: () => Promise<void> | void = () => undefined;

  #append(uids: Uint32Array): void {
    const fresh = uids.filter((uid) => uid > this.lastUid);
    if (this.#count + fresh.length > this.#uids.length) {
      const grown = new Uint32Array(Math.ceil((this.#count + fresh.length) * 1.25) + 8);
      grown.set(this.uids);
      this.#uids = grown;
    }
    this.#uids.set(fresh, this.#count);
    this.#count += fresh.length;
    this.#unsaid += fresh.length;
    this.uidNext = Math.max(this.uidNext, this.lastUid + 1);
  }

  #flags(messages: Flagged): string {
    let lines = "";
    const texts = messages.flagSets.map((flags) => flags.join(" "));
    const gone = new Set(this.#gone.flatMap((uids) => [...uids]));
    for (let i = 0; i < messages.uids.length; i++) {
      const uid = messages.uids[i] as number;
      if (gone.has(uid)) continue;
      const text = texts[messages.flagSet[i] as number] ?? "";
      lines += this.flagLine(uid, text, messages.modseqs[i] as number);
    }
    return lines;
  }

  /** `* n FETCH (FLAGS (...))`; empty when the session does not know the message. */
  flagLine(uid: number, flags: string, modseq: number): string {
    const prefix = this.prefix(uid);
    if (prefix === "") return "";
    const recent = this.isRecent(uid) ? (flags === "" ? "\\Recent" : " \\Recent") : "";
    // RFC 7162 §3.2.4: with QRESYNC every unsolicited FETCH has its UID; with CONDSTORE its MODSEQ.
    const id = this.#modes.qresync && !this.#modes.uidonly ? `UID ${uid} ` : "";
    const mod = this.#modes.condstore ? ` MODSEQ (${modseq})` : "";
    return `${prefix}${id}FLAGS (${flags}${recent})${mod})\r\n`;
  }

  /** How a FETCH response on this message begins. RFC 9586 §3.2: UIDFETCH once numbers are gone. */
  prefix(uid: number): string {
    const seq = this.seqOf(uid);
    if (seq === 0) return "";
    return this.#modes.uidonly ? `* ${uid} UIDFETCH (` : `* ${seq} FETCH (`;
  }

  #vanish(): string {
    const gone = mergeAscending(this.#gone);
    this.#gone = [];
    const told = this.#remove(gone);
    if (told.seqs.length === 0) return "";
    // RFC 7162 §3.2.10: after ENABLE QRESYNC it is VANISHED, never EXPUNGE; RFC 9586 §3.3 likewise.
    if (this.#modes.qresync || this.#modes.uidonly) return `* VANISHED ${writeSet(told.uids)}\r\n`;
    let lines = "";
    // Each EXPUNGE renumbers what follows: the i-th one is said i lower.
    told.seqs.forEach((seq, i) => {
      lines += `* ${seq - i} EXPUNGE\r\n`;
    });
    return lines;
  }

  #remove(gone: Uint32Array): { seqs: number[]; uids: number[] } {
    const seqs: number[] = [];
    const uids: number[] = [];
    let kept = 0;
    for (let at = 0, g = 0; at < this.#count; at++) {
      const uid = this.#uids[at] as number;
      while (g < gone.length && (gone[g] as number) < uid) g++;
      if (g < gone.length && gone[g] === uid) {
        seqs.push(at + 1);
        uids.push(uid);
      } else this.#uids[kept++] = uid;
    }
    this.#count = kept;
    // RFC 9051 §6.4.4.4: an expunged message leaves the saved result too.
    if (this.saved.length > 0 && uids.length > 0) this.saved = without(this.saved, new Set(uids));
    return { seqs, uids };
  }

  #raise(modseq: number): void {
    if (modseq > this.highestModseq) this.highestModseq = modseq;
  }

  #lowerBound(uid: number): number {
    let low = 0;
    let high = this.#count;
    while (low < high) {
      const mid = (low + high) >>> 1;
      if ((this.#uids[mid] as number) < uid) low = mid + 1;
      else high = mid;
    }
    return low;
  }
}

function mergeAscending(sets: readonly Uint32Array[]): Uint32Array {
  if (sets.length === 1) return sets[0] as Uint32Array;
  const whole = new Uint32Array(sets.reduce((sum, set) => sum + set.length, 0));
  let at = 0;
  for (const set of sets) {
    whole.set(set, at);
    at += set.length;
  }
  return whole.sort();
}

/** Some of the rows. */
function selected(messages: Flagged, isWanted: (uid: number) => boolean): Flagged {
  const kept = [...messages.uids.keys()].filter((i) => isWanted(messages.uids[i] as number));
  return {
    uids: Uint32Array.from(kept, (i) => messages.uids[i] as number),
    modseqs: Float64Array.from(kept, (i) => messages.modseqs[i] as number),
    flagSet: Uint16Array.from(kept, (i) => messages.flagSet[i] as number),
    flagSets: messages.flagSets,
  };
}

function without(uids: Uint32Array, gone: ReadonlySet<number>): Uint32Array {
  return uids.filter((uid) => !gone.has(uid));
}
