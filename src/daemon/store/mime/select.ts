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
  readonly #byShape = new Map<number, Uint8Array[]>();

  constructor(names: readonly string[]) {
    for (const name of new Set(names.map((one) => one.toLowerCase()))) {
      const bytes = Buffer.from(name, "latin1");
      if (bytes.length === 0) continue;
      const shape = shapeOf(bytes.length, bytes[0] as number);
      this.#byShape.set(shape, [...(this.#byShape.get(shape) ?? []), bytes]);
    }
  }

  /** Does one of the names stand at `start`, `length` bytes long? */
  has(bytes: Uint8Array, start: number, length: number): boolean {
    const first = length === 0 ? 0 : lower(bytes[start] as number);
    return this.#byShape.get(shapeOf(length, first))?.some((name) => isAt(bytes, start, name)) ?? false;
  }
}

function shapeOf(length: number, first: number): number {
  return length * 256 + first;
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
    const lf = header.indexOf(LF, line);
    const next = lf < 0 || lf >= end ? end : lf + 1;
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
  into.set(source.subarray(from, to), at);
  return at + to - from;
}
