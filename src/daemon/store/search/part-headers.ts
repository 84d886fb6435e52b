/** What the headers of a message's parts say: names of attachments above all. RFC 9051 §6.4.4: TEXT looks there, BODY does not. */
import { latin1 } from "../../../core/bytes.ts";
import { readHeader } from "../../../core/message/header.ts";
import type { Body } from "../body.ts";
import { fieldOf } from "../mime/entity.ts";
import { readDisposition, readType } from "../mime/fields.ts";
import type { PartMap } from "../mime/map.ts";
import { decodeWords } from "../mime/words.ts";

/** Decoded; names in RFC 2231's spelling also in plain. Headers of messages are not in it: they are the message's, or its body's. */
export function partHeaders(body: Body): string {
  const texts: string[] = [];
  for (const part of partsOf(body.map)) texts.push(...wordsOf(body.range(part[0], part[1])));
  return texts.join("\n");
}

function* partsOf(part: PartMap): Generator<PartMap> {
  const [, , , , , , children, inner] = part;
  if (inner) yield* partsOf(inner);
  for (const child of children) {
    yield child;
    yield* partsOf(child);
  }
}

/** Bytes of a header as words. */
export function headerWords(bytes: Uint8Array): string {
  return decodeWords(latin1(bytes));
}

function* wordsOf(bytes: Uint8Array): Generator<string> {
  const words = headerWords(bytes);
  yield words;
  if (!words.includes("*")) return;
  const header = readHeader(bytes);
  const type = readType(fieldOf(header, "content-type"), "text/plain");
  const disposition = readDisposition(fieldOf(header, "content-disposition"));
  for (const parameters of [type.parameters, disposition?.parameters ?? []]) {
    for (const [, value] of parameters) yield decodeWords(value);
  }
}
