/**
 * What the pipeline needs to know of the bytes before anything is proven: bounds, loops, who the author claims to be. The
 * body is never parsed here.
 */
import { limits } from "../src/core/limits.ts";
import { authorOf } from "../src/core/message/author.ts";
import { fieldsNamed, type Header, readHeader } from "../src/core/message/header.ts";
import type { Reason } from "../src/core/reply.ts";

export type Message = {
  raw: Uint8Array;
  header: Header;
  /** RFC5322.From's address as far as there is one; for the owner's eyes, `proof` decides on its own reading. */
  author: string;
  trouble: Reason | null;
};

export function readMessage(raw: Uint8Array): Message {
  if (raw.length > limits.messageBytes)
    return { raw, header: readHeader(new Uint8Array(0)), author: "", trouble: "too-big" };
  const header = readHeader(raw);
  return { raw, header, author: authorText(header), trouble: troubleOf(header) };
}

function troubleOf(header: Header): Reason | null {
  if (header.end > limits.headerBytes || header.fields.length >= limits.headerFields) return "malformed";
  if (fieldsNamed(header, "received").length > limits.received) return "mail-loop"; // RFC 5321 §6.3
  return null;
}

function authorText(header: Header): string {
  const author = authorOf(header);
  return author.kind === "one" ? author.address.slice(0, 320) : "";
}
