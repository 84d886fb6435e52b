/**
 * HEADER.FIELDS: the fields of some names out of a header, byte by byte as they stand there, and the empty line. RFC 9051 §6.4.5.1.
 * Line rules are those of `core/message/header.ts`; nothing is decoded and no object is made per field, since a listing does this
 * for every message of a folder.
 */
import { limits } from "../../../core/limits.ts";

const LF = 10;
const CR = 13;
const SP = 32;
const TAB = 9;
const COLON = 58;

/** Names by length and first letter: most fields are passed over after one look. */
export class FieldNames {
  /** Sparse: by shape. */
  readonly #byShape: (Uint8Array[] | undefined)[] = new Array(1 << 12);

  constructor(names: readonly string[]) {
    for (const name of new Set(names.map((one) => one.toLowerCase()))) {
      const bytes = Buffer.from(name, "latin1");
      if (bytes.length === 0) continue;
      const shape = shapeOf(bytes.length, bytes[0] as number);
      this.#byShape[shape] = [...(this.#byShape[shape] ?? []), bytes];
    }
  }

  /** Does one of the names stand at `start`, `length` bytes long? */
  has(bytes: Uint8Array, start: number, length: number): boolean {
    if (length === 0) return false;
    const names = this.#byShape[shapeOf(length, lower(bytes[start] as number))];
    if (names === undefined) return false;
    for (const name of names) if (name.length === length && isAt(bytes, start, name)) return true;
    return false;
  }
}

function shapeOf(length: number, first: number): number {
  return ((length & 0x7f) << 5) | (first & 0x1f);
}

function isAt(bytes: Uint8Array, start: number, name: Uint8Array): boolean {
  for (let i = 0; i < name.length; i++) if (lower(bytes[start + i] as number) !== name[i]) return false;
  return true;
}

function lower(byte: number): number {
  return byte >= 65 && byte <= 90 ? byte + 32 : byte;
}

/**
 * Copies the chosen fields (those named, or with `chosen` false those not named) of `header[start..end)` and CRLF into `into` at `at`; answers the place after them. `into` needs room for
 * the header and two bytes.
 */
export function selectFields(
  header: Uint8Array,
  start: number,
  end: number,
  names: FieldNames,
  chosen: boolean,
  into: Uint8Array,
  at: number,
): number {
  let fields = 0;
  let from = -1;
  let line = start;
  while (line < end && !isEmptyLine(header, line, end)) {
    // A loop: lines are short, and a call for each would cost more than looking at their bytes.
    let lf = line;
    while (lf < end && header[lf] !== LF) lf++;
    const next = lf < end ? lf + 1 : end;
    if (fields === 0 || !continues(header[line], fields)) {
      const wanted = names.has(header, line, nameLength(header, line, next)) === chosen;
      if (wanted && from < 0) from = line;
      if (!wanted && from >= 0) {
        at = copied(header, from, line, into, at);
        from = -1;
      }
      fields++;
    }
    line = next;
  }
  if (from >= 0) at = copied(header, from, line, into, at);
  into[at] = CR;
  into[at + 1] = LF;
  return at + 2;
}

function isEmptyLine(header: Uint8Array, line: number, end: number): boolean {
  return header[line] === LF || (header[line] === CR && line + 1 < end && header[line + 1] === LF);
}

function continues(first: number | undefined, fields: number): boolean {
  return first === SP || first === TAB || fields >= limits.proof.headerFields;
}

/** Without white space before the colon; 0 for a line without one. */
function nameLength(header: Uint8Array, line: number, next: number): number {
  let colon = line;
  while (colon < next && header[colon] !== COLON) colon++;
  if (colon === next) return 0;
  while (colon > line && (header[colon - 1] === SP || header[colon - 1] === TAB)) colon--;
  return colon - line;
}

function copied(source: Uint8Array, from: number, to: number, into: Uint8Array, at: number): number {
  if (to - from > 200) into.set(source.subarray(from, to), at);
  else for (let i = from, place = at; i < to; i++, place++) into[place] = source[i] as number;
  return at + to - from;
}
