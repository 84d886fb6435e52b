/** METADATA responses. RFC 5464 §4.4.1. */
import { writeAstring, writeBytes } from "./text.ts";

/** Values are nstring or literal8: a value with NUL goes as `~{n}`. */
export function metadataReply(mailbox: string, values: ReadonlyMap<string, Uint8Array | null>): string {
  const pairs = [...values].map(
    ([entry, value]) => `${writeAstring(entry)} ${value === null ? "NIL" : writeValue(value)}`,
  );
  return `* METADATA ${mailbox} (${pairs.join(" ")})\r\n`;
}

/** Which entries changed, without their values (RFC 5464 §4.4.2). */
export function metadataChanged(mailbox: string, entries: readonly string[]): string {
  return `* METADATA ${mailbox} ${entries.map(writeAstring).join(" ")}\r\n`;
}

function writeValue(value: Uint8Array): string {
  return value.includes(0) ? `~${writeBytes(value)}` : writeBytes(value);
}
