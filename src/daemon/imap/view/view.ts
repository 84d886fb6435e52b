/**
 * One session's picture of its selected folder. Changes from the store wait here until the RFC lets the client hear of them: new
 * messages and flags with any command, EXPUNGE only where no message numbers are in flight (RFC 9051 §7.5.1), so a
 * number means the same message from a command's first byte to its tagged reply.
 */
import { Bad } from "../answers.ts";
import type { Modes } from "../modes.ts";
import type { Account, Box, Change, Flagged, UidRanges } from "../port.ts";
import { intersection, type MessageSet, rangesOf, resolve, STAR, writeSet } from "../wire/sets.ts";
import { KnownFlags } from "./flags.ts";
import { Keywords } from "./keywords.ts";
import { type MessageChange, merged, News } from "./news.ts";
import { Numbers } from "./numbers.ts";

type Snapshot = Awaited<ReturnType<Box["snapshot"]>>;

export class View {
  numbers = new Numbers(new Uint32Array(0));
  flags = new KnownFlags(this.numbers);
  readonly keywords: Keywords;
  /** The saved search result `$` (RFC 9051 §6.4.4.1), UIDs ascending. */
  saved: Uint32Array = new Uint32Array(0);
  uidNext = 1;
  /** Messages from this UID on are \Recent in this session. */
  recentFrom = 0;
  /** Called when new messages were told as \Recent. */
  onRecent: () => Promise<void> | void = () => undefined;
  readonly #news = new News();
  /** Expunged, and not said because numbers were in flight. */
  #gone: Uint32Array[] = [];
  /** New messages not yet in an EXISTS. */
  #unsaid = 0;
  readonly #account: Account;
  readonly #modes: Modes;
  readonly #readOnly: boolean;

  constructor(account: Account, modes: Modes, readOnly: boolean) {
    this.#account = account;
    this.#modes = modes;
    this.#readOnly = readOnly;
    this.keywords = new Keywords(readOnly);
  }

  /** Changes heard before the snapshot and contained in it are forgotten. */
  start(snapshot: Snapshot): void {
    this.numbers = new Numbers(snapshot.uids);
    this.flags = new KnownFlags(this.numbers);
    this.recentFrom = snapshot.firstRecentUid;
    this.uidNext = snapshot.counts.uidnext;
    this.keywords.start(snapshot.keywords);
    this.#news.dropUpTo(snapshot.counts.highestModseq);
    if (!snapshot.flags) return;
    this.flags.learn(snapshot.flags);
    this.flags.finish(this.flags.changes);
    for (const messages of this.#news.flags()) this.flags.learn(messages);
  }

  /** May questions about flags be answered from here? Not while messages are gone that the client still counts: the store leaves them out. */
  get knowsFlags(): boolean {
    return this.flags.isComplete && this.#gone.length === 0 && !this.#news.hasExpunged;
  }

  isRecent(uid: number): boolean {
    return !this.#modes.rev2 && uid >= this.recentFrom;
  }

  get recent(): number {
    return this.numbers.count - this.numbers.below(this.recentFrom);
  }

  /** The UIDs that a set names. RFC 9051 §6.4.8: unknown UIDs are no error; unknown numbers are. */
  uidsOf(set: MessageSet): UidRanges {
    if (set.saved) return rangesOf(this.saved);
    if (set.uid) return resolve(set.ranges, this.numbers.lastUid);
    if (this.#modes.uidonly) throw new Bad("Message numbers are not allowed any more", "UIDREQUIRED");
    return this.#numbered(set);
  }

  /** The same as a search key: a number that no message has matches none, as it is with all servers that clients know. */
  uidsSought(set: MessageSet): UidRanges {
    if (set.saved || set.uid || this.#modes.uidonly) return this.uidsOf(set);
    const { count } = this.numbers;
    return intersection(resolve(set.ranges, count), [[1, count]]).map(([first, last]): [number, number] => [
      this.numbers.uidAt(first),
      this.numbers.uidAt(last),
    ]);
  }

  #numbered(set: MessageSet): UidRanges {
    const { count } = this.numbers;
    // "1:*" of an empty folder is no error: clients send it without looking at EXISTS.
    if (count === 0 && set.ranges.some((range) => range.includes(STAR))) return [];
    return resolve(set.ranges, count).map(([first, last]): [number, number] => {
      if (last > count || first < 1) throw new Bad("Invalid message set: no such message number");
      return [this.numbers.uidAt(first), this.numbers.uidAt(last)];
    });
  }

  // What is heard.

  hear(change: Change): void {
    if (change.kind === "folder") return;
    if (change.kind !== "expunged") this.keywords.hear(change.messages);
    if (change.kind === "flags") this.flags.change(change.messages);
    // A session's own STORE answers for itself (RFC 9051 §6.4.6: not at all when .SILENT).
    if (change.kind === "flags" && change.origin === this.#account) this.#hearOwn(change);
    else this.#news.push(change);
  }

  /** Where something of the same messages was not told yet, the last word must be this one. */
  #hearOwn(change: MessageChange & { kind: "added" | "flags" }): void {
    const messages = this.#news.untoldOf(change);
    if (messages) this.#news.push({ ...change, messages });
  }

  // What is told.

  /** What the client may hear now, as untagged responses. */
  tell(expunge: boolean): string {
    const keywords = this.keywords.tell();
    if (this.#news.isEmpty && (this.#gone.length === 0 || !expunge)) return keywords;
    const changes = this.#news.take();
    for (const change of changes) if (change.kind === "expunged") this.#gone.push(change.uids);
    let lines = keywords;
    for (const change of changes) lines += this.#one(change);
    // EXISTS first: an expunged message may be one that the client has not heard of yet.
    lines += this.#exists();
    return expunge && this.#gone.length > 0 ? lines + this.#vanish() : lines;
  }

  /** New messages only: said before a command runs, so that it can speak of them. */
  tellAdded(): string {
    if (this.#news.isEmpty) return "";
    for (const change of this.#news.takeAdded()) this.#one(change);
    for (const messages of this.#news.flags()) this.flags.learn(messages);
    return this.#exists();
  }

  #one(change: MessageChange): string {
    if (change.kind === "added") this.#append(change.messages);
    else if (change.kind === "flags") return this.#exists() + this.#flagLines(change.messages);
    return "";
  }

  #append(messages: Flagged): void {
    this.#unsaid += this.numbers.append(messages.uids);
    this.uidNext = Math.max(this.uidNext, this.numbers.lastUid + 1);
    this.flags.learn(messages);
  }

  #exists(): string {
    if (this.#unsaid === 0) return "";
    this.#unsaid = 0;
    const exists = `* ${this.numbers.count} EXISTS\r\n`;
    if (this.#modes.rev2) return exists;
    if (!this.#readOnly) void this.onRecent();
    return `${exists}* ${this.recent} RECENT\r\n`;
  }

  #flagLines(messages: Flagged): string {
    // What was heard before its message was told is known of it only now.
    this.flags.learn(messages);
    const texts = messages.flagSets.map((flags) => flags.join(" "));
    const gone = new Set(this.#gone.flatMap((uids) => [...uids]));
    let lines = "";
    messages.uids.forEach((uid, i) => {
      if (gone.has(uid)) return;
      lines += this.flagLine(uid, texts[messages.flagSet[i] as number] ?? "", messages.modseqs[i] as number);
    });
    return lines;
  }

  /** `* n FETCH (FLAGS (...))`; empty when the session does not know the message. */
  flagLine(uid: number, flags: string, modseq: number): string {
    const prefix = this.prefix(uid);
    if (prefix === "") return "";
    // RFC 7162 §3.2.4: with QRESYNC every unsolicited FETCH has its UID; with CONDSTORE its MODSEQ.
    const id = this.#modes.qresync && !this.#modes.uidonly ? `UID ${uid} ` : "";
    const mod = this.#modes.condstore ? ` MODSEQ (${modseq})` : "";
    return `${prefix}${id}FLAGS (${this.withRecent(uid, flags)})${mod})\r\n`;
  }

  withRecent(uid: number, flags: string): string {
    if (!this.isRecent(uid)) return flags;
    return flags === "" ? "\\Recent" : `${flags} \\Recent`;
  }

  /** How a FETCH response on this message begins. RFC 9586 §3.2: UIDFETCH once numbers are gone. */
  prefix(uid: number): string {
    const seq = this.numbers.seqOf(uid);
    if (seq === 0) return "";
    return this.#modes.uidonly ? `* ${uid} UIDFETCH (` : `* ${seq} FETCH (`;
  }

  #vanish(): string {
    const told = this.numbers.remove(merged(this.#gone));
    this.#gone = [];
    if (told.seqs.length === 0) return "";
    // RFC 9051 §6.4.4.4: an expunged message leaves the saved result too.
    if (this.saved.length > 0) this.saved = this.saved.filter((uid) => this.numbers.seqOf(uid) > 0);
    // RFC 7162 §3.2.10: after ENABLE QRESYNC it is VANISHED, never EXPUNGE; RFC 9586 §3.3 likewise.
    if (this.#modes.qresync || this.#modes.uidonly) return `* VANISHED ${writeSet(told.uids)}\r\n`;
    // Each EXPUNGE renumbers what follows: the i-th one is said i lower.
    return told.seqs.map((seq, i) => `* ${seq - i} EXPUNGE\r\n`).join("");
  }
}
