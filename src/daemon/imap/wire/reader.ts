/**
 * The next whole command off the wire: its lines and literals, in step with the client whatever it holds. A literal is let in
 * or turned away before its bytes are read; one that comes unasked (`{n+}`) is read past, so that the session goes on.
 * RFC 9051 §4.3, RFC 7888.
 */

import type { Channel } from "../../net/channel.ts";
import { LineTooLong } from "../../net/lines.ts";
import { Bad, Bye, No } from "../answers.ts";
import { isTagChar } from "./bytes.ts";
import { Decoder, type Part } from "./decoder.ts";

/** All lines of one command together. RFC 7162 §4 asks for 8192; clients with large UID sets send more. */
export const MOST_LINE_BYTES = 65_536;
const MOST_LITERALS = 1_000;
/** An unwanted `{n+}` above this is not read past: the session ends. */
const MOST_SKIPPED = 64 * 1024 * 1024;

export type LiteralHeader = { size: number; binary: boolean; sync: boolean };
export type RawCommand = { tag: string; parts: readonly Part[]; refused: Error | null };
/** Throws `No` or `Bad` to turn a literal away. `d` stands at the command's name. */
export type Admit = (literal: LiteralHeader, d: Decoder) => Promise<void> | void;

export async function readCommand(channel: Channel, admit: Admit): Promise<RawCommand | null> {
  const parts: Part[] = [];
  let refused: Error | null = null;
  let left = MOST_LINE_BYTES;
  for (;;) {
    const line = await lineOf(channel, left);
    if (line === null) return null;
    left -= line.length;
    const header = literalHeader(line);
    if (header === null) {
      parts.push({ line, literal: null });
      return { tag: tagOf(parts), parts, refused };
    }
    const part: Part = { line: line.subarray(0, header.at), literal: null };
    parts.push(part);
    refused ??= await judge(header, parts, admit);
    // A client that waits for "+" and hears NO or BAD has not sent the bytes: the command ends here.
    if (refused && header.sync) return { tag: tagOf(parts), parts, refused };
    if (refused) {
      if (header.size > MOST_SKIPPED) throw new Bye("Literal too large", "TOOBIG");
      if (!(await channel.skip(header.size))) return null;
      part.literal = { bytes: Buffer.alloc(0), binary: header.binary };
      continue;
    }
    if (header.sync) {
      channel.write("+ Ready for literal data\r\n");
      channel.flush();
    }
    const bytes = await channel.block(header.size);
    if (bytes === null) return null;
    part.literal = { bytes, binary: header.binary };
  }
}

/** A line inside a command (SASL, IDLE). Where it has no end in sight the session ends: what follows could be anything. */
export async function answerLine(channel: Channel, most: number): Promise<Buffer> {
  const line = await lineOf(channel, most);
  if (line === null) throw new Bye("");
  return line;
}

async function lineOf(channel: Channel, most: number): Promise<Buffer | null> {
  try {
    return channel.lineNow(most) ?? (await channel.line(most));
  } catch (error) {
    if (error instanceof LineTooLong) throw new Bye("Line too long");
    throw error;
  }
}

async function judge(header: LiteralHeader, parts: readonly Part[], admit: Admit): Promise<Error | null> {
  if (parts.length > MOST_LITERALS) return new Bad("Too many literals");
  try {
    const d = new Decoder(parts);
    skipTag(d);
    await admit(header, d);
    return null;
  } catch (error) {
    if (error instanceof No || error instanceof Bad || error instanceof Bye) return error;
    throw error;
  }
}

/** The tag, or "*" where there is none that may be echoed. */
export function tagOf(parts: readonly Part[]): string {
  const line = parts[0]?.line ?? Buffer.alloc(0);
  let end = 0;
  while (end < line.length && end < 64 && isTagChar(line[end] ?? 0)) end++;
  return end > 0 && (end === line.length || line[end] === 0x20) ? line.toString("latin1", 0, end) : "*";
}

export function skipTag(d: Decoder): void {
  d.upTo(" ", "a command");
  d.sp();
}

/** Far more than is ever let in: what is longer still counts as a literal, so that its bytes are not taken for commands. */
const LARGEST_DIGITS = 20;

/** `{n}`, `{n+}`, `~{n}` at the line's end. A quoted string cannot hold a line's end, so this is never text. */
export function literalHeader(line: Buffer): (LiteralHeader & { at: number }) | null {
  let i = line.length - 1;
  if (line[i] !== 0x7d) return null;
  const plus = line[--i] === 0x2b;
  if (plus) i--;
  const end = i;
  while (i >= 0 && (line[i] ?? 0) >= 0x30 && (line[i] ?? 0) <= 0x39) i--;
  if (i === end || line[i] !== 0x7b || end - i > LARGEST_DIGITS) return null;
  const size = Number(line.toString("latin1", i + 1, end + 1));
  const binary = line[i - 1] === 0x7e;
  return { size, binary, sync: !plus, at: binary ? i - 1 : i };
}
