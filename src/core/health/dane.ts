/** Whether a TLSA record names what a mail server shows (RFC 6698 §2.1, as far as RFC 7672 §3.1 lets mail use it). */
import { sha512 } from "@noble/hashes/sha2.js";
import { fromHex, hex } from "../bytes.ts";
import type { Chain } from "../contract/handoff.ts";

/** RFC 7672 §3.1.1: the record that outlives a renewal, as long as the key stays. */
export function tlsaFor([own]: Chain): string {
  return `3 1 1 ${own?.key.sha256 ?? ""}`;
}

/** `text`: usage, selector, matching type and data in hex. Usage 3 names the server's own, 2 one above it. */
export function namesShown(text: string, [own, ...above]: Chain): boolean {
  const [usage, selector, matching, data = ""] = text.toLowerCase().split(" ");
  const candidates = usage === "3" ? (own === undefined ? [] : [own]) : usage === "2" ? above : [];
  return candidates.some((one) => {
    const shown = selector === "1" ? one.key : one.cert;
    if (matching === "1") return data === shown.sha256;
    if (matching === "2") return data === shown.sha512;
    // The whole of it: by the digest that we were told.
    return matching === "0" && digestOf(data) === shown.sha512;
  });
}

function digestOf(data: string): string {
  return data.length % 2 === 0 ? hex(sha512(fromHex(data))) : "";
}
