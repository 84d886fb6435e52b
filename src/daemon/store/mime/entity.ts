/**
 * The MIME structure of a message as byte ranges: nothing is copied or decoded. RFC 2045, 2046, 2183, 2231. Any bytes have
 * a structure: what is not understood is text/plain, a multipart without parts has one empty part. Bounded in depth and parts.
 */
import { latin1 } from "../../../core/bytes.ts";
import { limits } from "../../../core/limits.ts";
import { type Header, readHeader } from "../../../core/message/header.ts";
import { type Parameters, readDisposition, readType } from "./fields.ts";

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
  /** Of a multipart: at least one. */
  children: Entity[];
  /** Of message/rfc822 and message/global: the message inside. */
  inner: Entity | null;
};

type Budget = { parts: number };
type Region = { start: number; end: number };

export function readEntity(raw: Uint8Array): Entity {
  return entityOf(raw, { start: 0, end: raw.length }, "text/plain", 0, { parts: limits.mimeParts });
}

function entityOf(raw: Uint8Array, region: Region, fallback: string, depth: number, budget: Budget): Entity {
  budget.parts--;
  const header = readHeader(raw.subarray(region.start, region.end));
  const { type, subtype, parameters } = readType(fieldOf(header, "content-type"), fallback);
  const entity: Entity = {
    header,
    type,
    subtype,
    parameters,
    encoding: fieldOf(header, "content-transfer-encoding")?.trim().toLowerCase() || "7bit",
    disposition: readDisposition(fieldOf(header, "content-disposition")),
    start: region.start,
    bodyStart: region.start + header.bodyAt,
    end: region.end,
    children: [],
    inner: null,
  };
  const deeper = depth < limits.mimeDepth && budget.parts > 0;
  if (type === "multipart") addChildren(raw, entity, deeper ? depth : null, budget);
  else if (isMessage(entity) && deeper) {
    entity.inner = entityOf(raw, { start: entity.bodyStart, end: entity.end }, "text/plain", depth + 1, budget);
  }
  return entity;
}

export function isMessage(entity: Entity): boolean {
  return entity.type === "message" && (entity.subtype === "rfc822" || entity.subtype === "global");
}

function addChildren(raw: Uint8Array, entity: Entity, depth: number | null, budget: Budget): void {
  const boundary = entity.parameters.get("boundary");
  const body = { start: entity.bodyStart, end: entity.end };
  const regions = boundary && depth !== null ? partRegions(raw, body, boundary, budget.parts) : [];
  if (regions.length === 0) regions.push({ start: body.end, end: body.end });
  const fallback = entity.subtype === "digest" ? "message/rfc822" : "text/plain";
  for (const region of regions) entity.children.push(entityOf(raw, region, fallback, (depth ?? 0) + 1, budget));
}

/** RFC 2046 §5.1.1: the line end before a delimiter belongs to the delimiter. */
function partRegions(raw: Uint8Array, body: Region, boundary: string, most: number): Region[] {
  const view = Buffer.from(raw.buffer, raw.byteOffset, raw.byteLength);
  const mark = Buffer.from(`--${boundary}`, "latin1");
  const regions: Region[] = [];
  let open = -1;
  for (let at = body.start; at < body.end && regions.length < most; ) {
    const found = view.indexOf(mark, at);
    if (found < 0 || found + mark.length > body.end) break;
    at = found + 1;
    const line = delimiterAt(raw, found, found + mark.length, body);
    if (line === null) continue;
    if (open >= 0) regions.push({ start: open, end: Math.max(open, beforeLineEnd(raw, found)) });
    open = line.closes ? -1 : line.next;
    at = line.next;
    if (line.closes) break;
  }
  // A part that nothing closes runs to the end.
  if (open >= 0 && regions.length < most) regions.push({ start: Math.min(open, body.end), end: body.end });
  return regions;
}

function delimiterAt(
  raw: Uint8Array,
  start: number,
  after: number,
  body: Region,
): { closes: boolean; next: number } | null {
  if (start > body.start && raw[start - 1] !== 0x0a) return null;
  const closes = raw[after] === 0x2d && raw[after + 1] === 0x2d;
  let at = closes ? after + 2 : after;
  while (at < body.end && (raw[at] === 0x20 || raw[at] === 0x09)) at++;
  if (at < body.end && raw[at] === 0x0d) at++;
  if (at < body.end && raw[at] !== 0x0a) return closes ? { closes, next: at } : null;
  return { closes, next: Math.min(at + 1, body.end) };
}

function beforeLineEnd(raw: Uint8Array, at: number): number {
  if (raw[at - 1] !== 0x0a) return at;
  return raw[at - 2] === 0x0d ? at - 2 : at - 1;
}

/** The first field of that name, unfolded, one character per byte; null when there is none. */
export function fieldOf(header: Header, name: string): string | null {
  const field = header.fields.find((one) => one.name === name);
  if (!field) return null;
  const value = latin1(header.raw.subarray(Math.min(field.colon + 1, field.end), field.end));
  return value.replace(/\r?\n/g, "").replace(/^[ \t]+|[ \t]+$/g, "");
}
