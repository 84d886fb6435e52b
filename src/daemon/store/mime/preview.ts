/** PREVIEW, RFC 8970: at most 200 characters of the first readable text. */
import type { Entity } from "./entity.ts";
import { mapOf } from "./map.ts";
import { leaves, textOfPart } from "./text.ts";

const length = 200;
/** Encoded bytes looked at; a preview never needs a whole newsletter. */
const looked = 8192;

export function previewOf(root: Entity, raw: Uint8Array): string {
  for (const part of leaves(mapOf(root))) {
    const [, start, end] = part;
    const text = textOfPart(part, raw.subarray(start, Math.min(end, start + looked)));
    const words = text
      ?.replace(/(?:[\s\u00a0\u200b-\u200f\ufeff\u00ad]|\u034f)+/g, " ")
      .replace(/[\0-\x1f\x7f]/g, "")
      .trim();
    if (words) return [...words.slice(0, length * 2)].slice(0, length).join("");
  }
  return "";
}
