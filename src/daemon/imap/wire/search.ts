/**
 * search-program of RFC 9051 §9 → a Query in UIDs. With WITHIN (RFC 5032), MODSEQ (RFC 7162 §3.1.5), ids (RFC 8474 §4.3), SAVEDATE
 * (RFC 8514 §4.3), FUZZY (RFC 6203 §4: may be ignored). Sets and \Recent are resolved by the session's view.
 */
import { TextDecoder } from "node:util";
import { Bad, No } from "../answers.ts";
import type { Query, UidRanges } from "../port.ts";
import { parseDate } from "./dates.ts";
import type { Decoder } from "./decoder.ts";
import type { MessageSet } from "./sets.ts";

export type SearchSpace = {
  uidsOf(set: MessageSet): UidRanges;
  /** The first UID that is \Recent here. */
  recentFrom: number;
};
export type SearchProgram = { query: Query; hasModseq: boolean };

const MOST_DEPTH = 50;
const MOST_KEYS = 5_000;

/** CHARSET, then keys up to the end. `charset` null: none was named. */
export function parseProgram(d: Decoder, space: SearchSpace, charset: string | null): SearchProgram {
  const parser = new Parser(d, space, decoderOf(charset ?? "UTF-8"));
  const query = parser.keys(0);
  return { query, hasModseq: parser.hasModseq };
}

/** RFC 9051 §6.4.4: a charset we cannot read is NO [BADCHARSET]. */
export function decoderOf(charset: string): TextDecoder {
  try {
    return new TextDecoder(charset === "US-ASCII" ? "UTF-8" : charset, { fatal: true, ignoreBOM: true });
  } catch {
    throw new No("BADCHARSET (UTF-8 US-ASCII)", "Unknown charset");
  }
}

type Key = (p: Parser, depth: number) => Query;
const flag =
  (name: string, set: boolean): Key =>
  () => ({ kind: "flag", flag: name, set });
const address =
  (field: "from" | "to" | "cc" | "bcc"): Key =>
  (p) => ({ kind: "address", field, text: p.text() });
type Date = Extract<Query, { kind: "date" }>;
const date =
  (which: Date["which"], compare: Date["compare"]): Key =>
  (p) => ({ kind: "date", which, compare, day: p.day() });
const recent = (p: Parser): Query => ({ kind: "uids", ranges: [[p.space.recentFrom, 0xffffffff]] });

const LARGEST = 0xffffffff;
const upward = (first: number, last: number): UidRanges => (first <= last ? [[first, last]] : []);

const keys: Record<string, Key> = {
  ALL: () => ({ kind: "all" }),
  ANSWERED: flag("\\Answered", true),
  UNANSWERED: flag("\\Answered", false),
  DELETED: flag("\\Deleted", true),
  UNDELETED: flag("\\Deleted", false),
  DRAFT: flag("\\Draft", true),
  UNDRAFT: flag("\\Draft", false),
  FLAGGED: flag("\\Flagged", true),
  UNFLAGGED: flag("\\Flagged", false),
  SEEN: flag("\\Seen", true),
  UNSEEN: flag("\\Seen", false),
  KEYWORD: (p) => ({ kind: "flag", flag: p.d.sp().atom(), set: true }),
  UNKEYWORD: (p) => ({ kind: "flag", flag: p.d.sp().atom(), set: false }),
  RECENT: recent,
  OLD: (p) => ({ kind: "not", of: recent(p) }),
  NEW: (p) => ({ kind: "and", of: [recent(p), { kind: "flag", flag: "\\Seen", set: false }] }),
  FROM: address("from"),
  TO: address("to"),
  CC: address("cc"),
  BCC: address("bcc"),
  SUBJECT: (p) => ({ kind: "subject", field: "subject", text: p.text() }),
  BODY: (p) => ({ kind: "body", text: p.text() }),
  TEXT: (p) => ({ kind: "text", text: p.text() }),
  HEADER: (p) => ({ kind: "header", name: p.d.sp().astring(), text: p.text() }),
  BEFORE: date("internal", "before"),
  ON: date("internal", "on"),
  SINCE: date("internal", "since"),
  SENTBEFORE: date("sent", "before"),
  SENTON: date("sent", "on"),
  SENTSINCE: date("sent", "since"),
  SAVEDBEFORE: date("saved", "before"),
  SAVEDON: date("saved", "on"),
  SAVEDSINCE: date("saved", "since"),
  SAVEDATESUPPORTED: () => ({ kind: "all" }),
  LARGER: (p) => ({ kind: "size", compare: "larger", bytes: p.d.sp().number64() }),
  SMALLER: (p) => ({ kind: "size", compare: "smaller", bytes: p.d.sp().number64() }),
  OLDER: (p) => ({ kind: "age", compare: "older", seconds: p.d.sp().nzNumber() }),
  YOUNGER: (p) => ({ kind: "age", compare: "younger", seconds: p.d.sp().nzNumber() }),
  UID: (p) => ({ kind: "uids", ranges: p.space.uidsOf(p.d.sp().set(true)) }),
  // RFC 9738 §3.2: how the next page below a MESSAGELIMIT is asked for.
  UIDAFTER: (p) => ({ kind: "uids", ranges: upward(p.d.sp().nzNumber() + 1, LARGEST) }),
  UIDBEFORE: (p) => ({ kind: "uids", ranges: upward(1, p.d.sp().nzNumber() - 1) }),
  EMAILID: (p) => ({ kind: "id", which: "email", id: p.d.sp().astring() }),
  THREADID: (p) => ({ kind: "id", which: "thread", id: p.d.sp().astring() }),
  MODSEQ: (p) => p.modseq(),
  NOT: (p, depth) => ({ kind: "not", of: p.next(depth + 1) }),
  OR: (p, depth) => ({ kind: "or", of: [p.next(depth + 1), p.next(depth + 1)] }),
  FUZZY: (p, depth) => p.next(depth + 1),
};

class Parser {
  readonly d: Decoder;
  readonly space: SearchSpace;
  readonly #charset: TextDecoder;
  #count = 0;
  hasModseq = false;

  constructor(d: Decoder, space: SearchSpace, charset: TextDecoder) {
    this.d = d;
    this.space = space;
    this.#charset = charset;
  }

  /** key *(SP key), up to the end or ")". */
  keys(depth: number): Query {
    const of = [this.key(depth)];
    while (this.d.is(" ")) of.push(this.next(depth));
    const [only] = of;
    return only && of.length === 1 ? only : { kind: "and", of };
  }

  next(depth: number): Query {
    this.d.sp();
    return this.key(depth);
  }

  key(depth: number): Query {
    if (depth > MOST_DEPTH) throw new Bad("Search nested too deep");
    if (++this.#count > MOST_KEYS) throw new Bad("Too many search keys");
    if (this.d.take("(")) return this.#group(depth);
    const byte = this.d.peek();
    if (byte === 0x2a || byte === 0x24 || (byte >= 0x30 && byte <= 0x39)) {
      return { kind: "uids", ranges: this.space.uidsOf(this.d.set(false)) };
    }
    const word = this.d.word();
    if (!Object.hasOwn(keys, word)) throw new Bad(`Unknown search key ${word.slice(0, 40)}`);
    return (keys[word] as Key)(this, depth);
  }

  #group(depth: number): Query {
    const query = this.keys(depth + 1);
    this.d.expect(")");
    return query;
  }

  text(): string {
    try {
      return this.#charset.decode(this.d.sp().astringBytes());
    } catch (error) {
      if (error instanceof Bad) throw error;
      throw new Bad("Search text is not in its charset");
    }
  }

  day(): number {
    return parseDate(this.d.sp().astring());
  }

  /** MODSEQ [entry-name SP entry-type] n. One modseq a message here, so the entry makes no difference (RFC 7162 §3.1.5). */
  modseq(): Query {
    this.hasModseq = true;
    this.d.sp();
    if (this.d.is('"')) {
      this.d.string();
      const type = this.d.sp().word();
      if (!["ALL", "PRIV", "SHARED"].includes(type)) throw new Bad("Unknown entry type");
      this.d.sp();
    }
    return { kind: "modseq", atLeast: this.d.number64() };
  }
}
