/** PREVIEW, RFC 8970: at most 200 characters of the first readable text. */
import type { Bytes } from "./bytes.ts";
import type { Entity } from "./entity.ts";
import { mapOf, type PartMap } from "./map.ts";
import { leaves, textOfPart } from "./text.ts";

const length = 200;
/** Encoded bytes looked at: first a little, which is enough for most; a preview never needs a whole newsletter. */
const looks = [1536, 12_288];

export function previewOf(root: Entity, bytes: Bytes): string {
  for (const part of leaves(mapOf(root))) {
    const words = wordsOf(part, bytes);
    if (words) return [...words.slice(0, length * 2)].slice(0, length).join("");
  }
  return "";
}

function wordsOf(part: PartMap, bytes: Bytes): string {
  const [, start, end] = part;
  let words = "";
  for (const look of looks) {
    const until = Math.min(end, start + look);
    words = plain(textOfPart(part, bytes.slice(start, until), until < end) ?? "");
    if (words.length >= length || until === end) break;
  }
  return words;
}

function plain(text: string): string {
  return text
    .replace(/(?:[\s\u00a0\u200b-\u200f\ufeff\u00ad]|\u034f)+/g, " ")
    .replace(/[\0-\x1f\x7f]/g, "")
    .trim();
}
