/**
 * Where each part of a message lies: what remains of the structure after filing, so that FETCH of a section reads a byte range
 * and parses nothing. RFC 9051 §6.4.5.1 on part numbers.
 */
import type { Entity } from "./entity.ts";

/** [start, bodyStart, end, encoding, charset or "" , "type/subtype", children, inner] */
export type PartMap = [number, number, number, string, string, string, PartMap[], PartMap | null];

export function mapOf(entity: Entity): PartMap {
  return [
    entity.start,
    entity.bodyStart,
    entity.end,
    entity.encoding,
    entity.parameters.get("charset") ?? "",
    `${entity.type}/${entity.subtype}`,
    entity.children.map(mapOf),
    entity.inner ? mapOf(entity.inner) : null,
  ];
}

/** The map of a message of one part. */
export function singlePart(headerSize: number, size: number, encoding: string, charset: string, type: string): PartMap {
  return [0, headerSize, size, encoding, charset, type, [], null];
}

/** The part that dotted numbers name; null when there is none. The empty list is the whole message. */
export function locate(root: PartMap, numbers: readonly number[]): PartMap | null {
  let here = root;
  for (const [depth, number] of numbers.entries()) {
    const next = step(here, number, depth === 0);
    if (next === null) return null;
    here = next;
  }
  return here;
}

function step(here: PartMap, number: number, first: boolean): PartMap | null {
  if (here[6].length > 0) return here[6][number - 1] ?? null;
  // A message that is not a multipart has one part, numbered 1: its body.
  if (first) return number === 1 ? here : null;
  const inner = here[7];
  if (inner === null) return null;
  return inner[6].length > 0 ? (inner[6][number - 1] ?? null) : number === 1 ? inner : null;
}
