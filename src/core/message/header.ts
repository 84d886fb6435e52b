/**
 * Header reading for authentication: byte-exact and bounded. RFC 5322 §2.2, RFC 6532 (8-bit bytes are kept as they are).
 *
 * Line rules, stated once: LF ends a line, with or without a CR before it; a bare CR ends nothing. A line that begins
 * with SP or TAB continues the field above. The first empty line ends the header. A line without a colon is kept as a
 * field without a name. Every byte of the header belongs to exactly one field, so the fields concatenated are the header.
 */
import { latin1 } from "../bytes.ts";
import { limits } from "../limits.ts";
import { trimWhite } from "./white.ts";

export type Field = {
  /** Lower case, white space before the colon dropped; empty when the line has no usable name. */
  name: string;
  /** Offsets into `raw`: first byte, the colon (or `end`), and one past the final line end. */
  start: number;
  colon: number;
  end: number;
};

/** Shapes that a well-behaved sender never makes and that two readers may understand differently. */
export type Defect =
  | "bare-lf"
  | "bare-cr"
  | "nul"
  | "no-colon"
  | "bad-name"
  | "leading-fold"
  | "too-many-fields"
  | "no-end";

export type Header = {
  raw: Uint8Array;
  fields: readonly Field[];
  /** Offset of the first body byte; `raw.length` when there is no body. */
  bodyAt: number;
  /** Offset of the empty line that ends the header. */
  end: number;
  defects: ReadonlySet<Defect>;
  /** True when the header's lines end in bare LF: a file that never went over SMTP. */
  unixLines: boolean;
};

const LF = 10;
const CR = 13;

/** Never throws; reads at most `limits.proof.headerFields` fields and says so when there were more. */
export function readHeader(raw: Uint8Array): Header {
  const fields: Field[] = [];
  const defects = new Set<Defect>();
  let crlf = 0;
  let lines = 0;
  let at = 0;
  let end = raw.length;
  let bodyAt = raw.length;
  while (at < raw.length) {
    const lf = raw.indexOf(LF, at);
    const next = lf < 0 ? raw.length : lf + 1;
    const textEnd = lf < 0 ? raw.length : lf > at && raw[lf - 1] === CR ? lf - 1 : lf;
    if (lf >= 0) lines += 1;
    if (lf > textEnd) crlf += 1;
    if (textEnd === at && lf >= 0) {
      end = at;
      bodyAt = next;
      break;
    }
    addLine(raw, at, next, fields, defects);
    at = next;
  }
  if (end === raw.length && bodyAt === raw.length) defects.add("no-end");
  if (crlf < lines) defects.add("bare-lf");
  noteBytes(raw.subarray(0, end), defects);
  return { raw, fields, bodyAt, end, defects, unixLines: lines > 0 && crlf === 0 };
}

function addLine(raw: Uint8Array, at: number, next: number, fields: Field[], defects: Set<Defect>): void {
  const first = raw[at];
  const above = fields.at(-1);
  if (first === 0x20 || first === 0x09) {
    if (above) {
      above.end = next;
      return;
    }
    defects.add("leading-fold");
  }
  if (fields.length >= limits.proof.headerFields) {
    defects.add("too-many-fields");
    if (above) above.end = next;
    return;
  }
  fields.push(readField(raw, at, next, defects));
}

function readField(raw: Uint8Array, start: number, end: number, defects: Set<Defect>): Field {
  const colon = colonIn(raw, start, end);
  if (colon < 0) {
    defects.add("no-colon");
    return { name: "", start, colon: end, end };
  }
  let nameEnd = colon;
  while (nameEnd > start && (raw[nameEnd - 1] === 0x20 || raw[nameEnd - 1] === 0x09)) nameEnd--;
  const name = latin1(raw.subarray(start, Math.min(nameEnd, start + 998))).toLowerCase();
  if (!/^[\x21-\x39\x3b-\x7e]+$/.test(name)) defects.add("bad-name");
  return { name, start, colon, end };
}

function colonIn(raw: Uint8Array, start: number, end: number): number {
  for (let i = start; i < end; i++) if (raw[i] === 0x3a) return i;
  return -1;
}

function noteBytes(header: Uint8Array, defects: Set<Defect>): void {
  if (header.includes(0)) defects.add("nul");
  for (let at = header.indexOf(CR); at >= 0; at = header.indexOf(CR, at + 1)) {
    if (at + 1 < header.length && header[at + 1] !== LF) {
      defects.add("bare-cr");
      return;
    }
  }
}

/** The field's original bytes, line ends included. */
export function fieldBytes(header: Header, field: Field): Uint8Array {
  return header.raw.subarray(field.start, field.end);
}

/** What follows the colon, as written, one character per byte; folding and the final line end included. */
export function fieldValue(header: Header, field: Field): string {
  return latin1(header.raw.subarray(Math.min(field.colon + 1, field.end), field.end));
}

/** What follows the colon, unfolded and trimmed: UTF-8 where it is (RFC 6532), else one character per byte. */
export function fieldText(header: Header, field: Field): string {
  return unfold(readText(header.raw.subarray(Math.min(field.colon + 1, field.end), field.end)));
}

export function fieldsNamed(header: Header, name: string): Field[] {
  const wanted = name.toLowerCase();
  return header.fields.filter((field) => field.name === wanted);
}

/** RFC 5322 §2.2.3: the line ends go, the white space stays. */
export function unfold(value: string): string {
  return trimWhite(value.replace(/\r?\n/g, ""));
}

const strictUtf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

function readText(bytes: Uint8Array): string {
  try {
    return strictUtf8.decode(bytes);
  } catch {
    return latin1(bytes);
  }
}

/** Fields that RFC 5322 §3.6 allows once; a second one is how a reader is shown something other than what was checked. */
const once = new Set("from sender reply-to to cc bcc message-id in-reply-to references subject date".split(" "));

/** Names of once-only fields that occur more than once. */
export function duplicates(header: Header): string[] {
  const seen = new Set<string>();
  const twice = new Set<string>();
  for (const { name } of header.fields) {
    if (!once.has(name)) continue;
    if (seen.has(name)) twice.add(name);
    seen.add(name);
  }
  return [...twice];
}
