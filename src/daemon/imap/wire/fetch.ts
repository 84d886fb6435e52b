/**
 * fetch-att of RFC 9051 §9 with its extensions: what is asked for, and the label under which it is answered. RFC 3516 BINARY, RFC 7162
 * MODSEQ, RFC 8474 ids, RFC 8514 SAVEDATE, RFC 8970 PREVIEW, RFC 9394 PARTIAL.
 */
import { Bad } from "../answers.ts";
import type { Section } from "../port.ts";
import { isAtomChar } from "./bytes.ts";
import type { Decoder } from "./decoder.ts";
import { writeAstring } from "./text.ts";

export type Item =
  | { kind: Plain }
  | { kind: "section"; label: string; section: Section; seen: boolean; binary: boolean }
  | { kind: "binary.size"; label: string; part: number[] };

const plain = {
  UID: "uid",
  FLAGS: "flags",
  INTERNALDATE: "internaldate",
  "RFC822.SIZE": "size",
  ENVELOPE: "envelope",
  BODYSTRUCTURE: "structure",
  MODSEQ: "modseq",
  PREVIEW: "preview",
  EMAILID: "emailid",
  THREADID: "threadid",
  SAVEDATE: "savedate",
} as const;
type Plain = (typeof plain)[keyof typeof plain] | "body";

/** RFC 9051 §6.4.5: the three macros, alone or not at all. */
const macros: Record<string, readonly Plain[]> = {
  ALL: ["flags", "internaldate", "size", "envelope"],
  FAST: ["flags", "internaldate", "size"],
  FULL: ["flags", "internaldate", "size", "envelope", "body"],
};

const MOST_ITEMS = 100;

export function parseItems(d: Decoder): Item[] {
  if (d.is("(")) {
    const items = d.list(() => parseItem(d), MOST_ITEMS);
    if (items.length === 0) throw new Bad("Expected FETCH items");
    return items;
  }
  for (const [word, kinds] of Object.entries(macros)) if (d.takeWord(word)) return kinds.map((kind) => ({ kind }));
  return [parseItem(d)];
}

/** "(" items ")", for NOTIFY. */
export function parseItemList(d: Decoder): Item[] {
  return d.list(() => parseItem(d), MOST_ITEMS);
}

function parseItem(d: Decoder): Item {
  const word = d.run(isItemChar, "a FETCH item").toUpperCase();
  if (Object.hasOwn(plain, word)) {
    const kind = plain[word as keyof typeof plain];
    if (kind === "preview") lazy(d);
    return { kind };
  }
  const legacy = rev1(word);
  if (legacy) return legacy;
  if (word === "BODY" && !d.is("[")) return { kind: "body" };
  if (word === "BODY" || word === "BODY.PEEK") return bodySection(d, word === "BODY");
  if (word === "BINARY" || word === "BINARY.PEEK") return binary(d, word === "BINARY");
  if (word === "BINARY.SIZE") return binarySize(d);
  throw new Bad(`Unknown FETCH item ${word.slice(0, 40)}`);
}

/** An item's name ends at "[": an atom may hold one, these do not. */
const isItemChar = (byte: number): boolean => isAtomChar(byte) && byte !== 0x5b && byte !== 0x3c;

/** RFC 8970 §3.1: PREVIEW (LAZY). Previews are made at filing, so lazy costs nothing more. */
function lazy(d: Decoder): void {
  if (!d.is(" ")) return;
  const isLazy = d.lookingAt(" (LAZY)") || d.lookingAt(" ()");
  if (isLazy) {
    d.sp();
    d.list(() => d.word());
  }
}

/** RFC822, RFC822.HEADER, RFC822.TEXT (RFC 3501 §6.4.5). */
function rev1(word: string): Item | null {
  const section = (what: Section["what"], seen: boolean): Item => ({
    kind: "section",
    label: word,
    section: { part: [], what },
    seen,
    binary: false,
  });
  if (word === "RFC822") return section("all", true);
  if (word === "RFC822.HEADER") return section("header", false);
  return word === "RFC822.TEXT" ? section("text", true) : null;
}

function bodySection(d: Decoder, seen: boolean): Item {
  d.expect("[");
  const part = partNumbers(d);
  const { what, fields, spelled } = sectionText(d, part);
  d.expect("]");
  const partial = parsePartial(d);
  const dotted = part.join(".");
  const label = `BODY[${dotted}${dotted && spelled ? "." : ""}${spelled}]${partial ? `<${partial.origin}>` : ""}`;
  const section: Section = { part, what, ...(fields && { fields }), ...(partial && { partial }) };
  return { kind: "section", label, section, seen, binary: false };
}

function partNumbers(d: Decoder): number[] {
  const part: number[] = [];
  while (d.peek() >= 0x30 && d.peek() <= 0x39) {
    part.push(d.nzNumber());
    if (part.length > 100) throw new Bad("Section too deep");
    if (!d.take(".")) break;
    if (d.is("]")) throw new Bad("Expected a section");
  }
  return part;
}

type Text = { what: Section["what"]; fields?: string[]; spelled: string };

function sectionText(d: Decoder, part: readonly number[]): Text {
  if (d.is("]")) return { what: "all", spelled: "" };
  const word = d.upTo(d.lookingAt("HEADER.FIELDS") ? " " : "]").toUpperCase();
  if (word === "HEADER") return { what: "header", spelled: word };
  if (word === "TEXT") return { what: "text", spelled: word };
  if (word === "MIME" && part.length > 0) return { what: "mime", spelled: word };
  if (word !== "HEADER.FIELDS" && word !== "HEADER.FIELDS.NOT") throw new Bad("Unknown section");
  const fields = d.sp().list(() => d.astring());
  if (fields.length === 0) throw new Bad("Expected field names");
  const what = word === "HEADER.FIELDS" ? "fields" : "fields-not";
  return { what, fields, spelled: `${word} (${fields.map(writeAstring).join(" ")})` };
}

function parsePartial(d: Decoder): { origin: number; count: number } | null {
  if (!d.take("<")) return null;
  const origin = d.number64();
  const count = d.expect(".").number64();
  if (count === 0) throw new Bad("Zero is not allowed here");
  d.expect(">");
  return { origin, count };
}

function binary(d: Decoder, seen: boolean): Item {
  d.expect("[");
  const part = partNumbers(d);
  d.expect("]");
  const partial = parsePartial(d);
  const label = `BINARY[${part.join(".")}]${partial ? `<${partial.origin}>` : ""}`;
  return { kind: "section", label, section: { part, what: "binary", ...(partial && { partial }) }, seen, binary: true };
}

function binarySize(d: Decoder): Item {
  d.expect("[");
  const part = partNumbers(d);
  d.expect("]");
  return { kind: "binary.size", label: `BINARY.SIZE[${part.join(".")}]`, part };
}

export type FetchModifiers = {
  changedSince: number | null;
  vanished: boolean;
  partial: { first: number; last: number } | null;
};

/** fetch-modifiers. RFC 4466, RFC 7162 §7, RFC 9394 §3.3. */
export function parseModifiers(d: Decoder): FetchModifiers {
  const modifiers: FetchModifiers = { changedSince: null, vanished: false, partial: null };
  if (!d.take(" ")) return modifiers;
  d.list(() => {
    const word = d.word();
    if (word === "CHANGEDSINCE") modifiers.changedSince = d.sp().number64();
    else if (word === "VANISHED") modifiers.vanished = true;
    else if (word === "PARTIAL") modifiers.partial = partialRange(d.sp());
    else throw new Bad(`Unknown FETCH modifier ${word}`);
  });
  return modifiers;
}

/** partial-range: 1:100, or -1:-100 from the end. RFC 9394 §4. Negative numbers mark the latter. */
export function partialRange(d: Decoder): { first: number; last: number } {
  const one = (): number => (d.take("-") ? -d.nzNumber() : d.nzNumber());
  const first = one();
  d.expect(":");
  const last = one();
  if (first < 0 !== last < 0) throw new Bad("Invalid partial range");
  return Math.abs(first) <= Math.abs(last) ? { first, last } : { first: last, last: first };
}
