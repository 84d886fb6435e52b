/** UUIDs made from a name, so that the same thing always gets the same one: RFC 9562 §5.8, by SHA-256 as in appendix B.2. */
import { sha256 } from "@noble/hashes/sha2.js";
import { concat, fromHex, hex, utf8 } from "../bytes.ts";

/** Ours alone: drawn once at random. */
const namespace = fromHex("f475de2a28edae8fef88132c325f7e4f");

export function nameUuid(name: string): string {
  const bytes = sha256(concat(namespace, utf8(name))).slice(0, 16);
  bytes[6] = ((bytes[6] ?? 0) & 0x0f) | 0x80; // version 8
  bytes[8] = ((bytes[8] ?? 0) & 0x3f) | 0x80; // variant
  const text = hex(bytes).toUpperCase();
  return [text.slice(0, 8), text.slice(8, 12), text.slice(12, 16), text.slice(16, 20), text.slice(20)].join("-");
}
