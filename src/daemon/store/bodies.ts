/** The ranges of a filed message that an IMAP section names, and their bytes. RFC 9051 §6.4.5. */
import type { Body } from "./body.ts";
import { locate } from "./mime/map.ts";
import { FieldNames, selectFields } from "./mime/select.ts";

import { decodeTransfer } from "./mime/transfer.ts";
import type { Section } from "./types.ts";

/** null: no such section. */
export function sectionBytes(body: Body, section: Section): Uint8Array | null | "undecodable" {
  const { partial } = section;
  const range = rangeOf(body, section);
  if (range === null) return null;
  if (section.what === "fields" || section.what === "fields-not") {
    return cut(fieldsOf(body.range(...range), section), partial);
  }
  if (section.what === "binary") {
    const part = locate(body.map, section.part);
    const decoded = part && decodeTransfer(body.range(...range), part[3]);
    return decoded ? cut(decoded, partial) : "undecodable";
  }
  const [start, end] = range;
  if (!partial) return body.range(start, end);
  const from = Math.min(end, start + partial.origin);
  return body.range(from, Math.min(end, from + partial.count));
}

type Range = [start: number, end: number];

function rangeOf(body: Body, { part, what }: Section): Range | null {
  if (part.length === 0) return wholeMessage(body, what);
  const found = locate(body.map, part);
  if (!found) return null;
  const [start, bodyStart, end, , , , , inner] = found;
  switch (what) {
    case "all":
    case "binary":
      return [bodyStart, end];
    case "mime":
      return [start, bodyStart];
    // HEADER and TEXT of a part: only of a message within the message.
    case "text":
      return inner && [inner[1], inner[2]];
    default:
      return inner && [inner[0], inner[1]];
  }
}

function wholeMessage(body: Body, what: Section["what"]): Range | null {
  switch (what) {
    case "all":
    case "binary":
      return [0, body.size];
    case "text":
      return [body.headerSize, body.size];
    case "mime":
      return null;
    default:
      return [0, body.headerSize];
  }
}

/** HEADER.FIELDS: the fields as they stand, in their order, then the empty line. */
function fieldsOf(header: Uint8Array, { fields, what }: Section): Uint8Array {
  const room = new Uint8Array(header.length + 2);
  return room.subarray(
    0,
    selectFields(header, 0, header.length, new FieldNames(fields ?? []), what === "fields", room, 0),
  );
}

function cut(bytes: Uint8Array, partial: Section["partial"]): Uint8Array {
  return partial ? bytes.subarray(partial.origin, partial.origin + partial.count) : bytes;
}
