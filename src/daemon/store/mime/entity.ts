/**
 * The MIME structure of a message as byte ranges: nothing is decoded, nothing but headers is held. RFC 2045, 2046, 2183, 2231. Any
 * bytes have a structure: what is not understood is text/plain, a multipart without parts has one empty part. Bounded in depth and
 * parts. The bytes may be in memory or filed (`bytes.ts`); what is said of them is the same.
 */
import { latin1 } from "../../../core/bytes.ts";
import { limits } from "../../../core/limits.ts";
import { type Header, readHeader } from "../../../core/message/header.ts";
import { atOnce, Bytes } from "./bytes.ts";
import { type Parameters, readDisposition, readEncoding, readType } from "./fields.ts";

export type Entity = {
  header: Header;
  /** Lower case. */
  type: string;
  subtype: string;
  parameters: Parameters;
  /** Lower case; `7bit` where absent. */
  encoding: string;
  disposition: { kind: string; parameters: Parameters } | null;
  /** Offsets into the whole message: header, body. */
  start: number;
  bodyStart: number;
  end: number;
  /** Line ends in the body of a text or a message; 0 for everything else. */
  lines: number;
  /** Of a multipart: at least one. */
  children: Entity[];
  /** Of message/rfc822 and message/global: the message inside. */
  inner: Entity | null;
};

type Budget = { parts: number };
type Region = { start: number; end: number };

/** Of a message in memory. */
export function readEntity(raw: Uint8Array): Entity {
  return atOnce(entityIn(Bytes.of(raw)));
}

/** Yields now and then while it reads. */
export function entityIn(bytes: Bytes): Generator<void, Entity> {
  return entityOf(bytes, { start: 0, end: bytes.size }, "text/plain", 0, { parts: limits.mimeParts });
}

function* entityOf(
  bytes: Bytes,
  region: Region,
  fallback: string,
  depth: number,
  budget: Budget,
): Generator<void, Entity> {
  budget.parts--;
  const header = headerIn(bytes, region);
  const { type, subtype, parameters } = readType(fieldOf(header, "content-type"), fallback);
  const entity: Entity = {
    header,
    type,
    subtype,
    parameters,
    encoding: readEncoding(fieldOf(header, "content-transfer-encoding")),
    disposition: readDisposition(fieldOf(header, "content-disposition")),
    start: region.start,
    bodyStart: region.start + header.bodyAt,
    end: region.end,
    lines: 0,
    children: [],
    inner: null,
  };
  const deeper = depth < limits.mimeDepth && budget.parts > 0;
  if (type === "multipart") yield* addChildren(bytes, entity, deeper ? depth : null, budget);
  else if (isMessage(entity) && deeper) {
    entity.inner = yield* entityOf(
      bytes,
      { start: entity.bodyStart, end: entity.end },
      "text/plain",
      depth + 1,
      budget,
    );
  }
  if (type === "text" || isMessage(entity)) entity.lines = yield* bytes.count(0x0a, entity.bodyStart, entity.end);
  return entity;
}

const headerLook = 16 * 1024;

/** Looks at a little, which holds most headers, then at more: a part's body is not read for the sake of its header. */
function headerIn(bytes: Bytes, { start, end }: Region): Header {
  for (let look = headerLook; ; look *= 4) {
    const until = Math.min(end, start + look);
    const header = readHeader(bytes.slice(start, until));
    if (until === end || !header.defects.has("no-end")) return header;
  }
}

export function isMessage(entity: Entity): boolean {
  return entity.type === "message" && (entity.subtype === "rfc822" || entity.subtype === "global");
}

function* addChildren(bytes: Bytes, entity: Entity, depth: number | null, budget: Budget): Generator<void, void> {
  const boundary = entity.parameters.get("boundary");
  const body = { start: entity.bodyStart, end: entity.end };
  const regions = boundary && depth !== null ? yield* partRegions(bytes, body, boundary, budget.parts) : [];
  if (regions.length === 0) regions.push({ start: body.end, end: body.end });
  const fallback = entity.subtype === "digest" ? "message/rfc822" : "text/plain";
  for (const region of regions) {
    entity.children.push(yield* entityOf(bytes, region, fallback, (depth ?? 0) + 1, budget));
  }
}

/** RFC 2046 §5.1.1: the line end before a delimiter belongs to the delimiter. */
function* partRegions(bytes: Bytes, body: Region, boundary: string, most: number): Generator<void, Region[]> {
  const mark = Buffer.from(`--${boundary}`, "latin1");
  const regions: Region[] = [];
  let open = -1;
  for (let at = body.start; at < body.end && regions.length < most; ) {
    const found = yield* bytes.indexOf(mark, at, body.end);
    if (found < 0) break;
    at = found + 1;
    const line = delimiterAt(bytes, found, found + mark.length, body);
    if (line === null) continue;
    if (open >= 0) regions.push({ start: open, end: Math.max(open, beforeLineEnd(bytes, found)) });
    open = line.closes ? -1 : line.next;
    at = line.next;
    if (line.closes) break;
  }
  // A part that nothing closes runs to the end.
  if (open >= 0 && regions.length < most) regions.push({ start: Math.min(open, body.end), end: body.end });
  return regions;
}

function delimiterAt(
  bytes: Bytes,
  start: number,
  after: number,
  body: Region,
): { closes: boolean; next: number } | null {
  if (start > body.start && bytes.at(start - 1) !== 0x0a) return null;
  const closes = bytes.at(after) === 0x2d && bytes.at(after + 1) === 0x2d;
  let at = closes ? after + 2 : after;
  while (at < body.end && (bytes.at(at) === 0x20 || bytes.at(at) === 0x09)) at++;
  if (at < body.end && bytes.at(at) === 0x0d) at++;
  if (at < body.end && bytes.at(at) !== 0x0a) return closes ? { closes, next: at } : null;
  return { closes, next: Math.min(at + 1, body.end) };
}

function beforeLineEnd(bytes: Bytes, at: number): number {
  if (bytes.at(at - 1) !== 0x0a) return at;
  return bytes.at(at - 2) === 0x0d ? at - 2 : at - 1;
}

/** The first field of that name, unfolded, one character per byte; null when there is none. */
export function fieldOf(header: Header, name: string): string | null {
  const field = header.fields.find((one) => one.name === name);
  if (!field) return null;
  const value = latin1(header.raw.subarray(Math.min(field.colon + 1, field.end), field.end));
  return value.replace(/\r?\n/g, "").replace(/^[ \t]+|[ \t]+$/g, "");
}
