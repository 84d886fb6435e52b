/**
 * The mark that a forwarded message bears, so that one which comes back to the address that forwarded it is noticed at its
 * second turn, before the count of `Received` is. An X- field, since Cloudflare's forward() lets no other through.
 */
import { addressText, foldAddress } from "../rules/address.ts";

export const loopField = "X-Postern-Forwarded-For";

/** A whole field. `address` is the recipient at our side, folded to lower case here. */
export function loopMark(address: string): string {
  return `${loopField}: ${marked(address)}\r\n`;
}

/** Was a message with these values of the field forwarded for that address before? */
export function hasLooped(values: readonly string[], address: string): boolean {
  return values.some((value) => value.trim() === marked(address));
}

// Folded as the directory does it: the sender may spell a domain in Unicode, the next time in A-labels. A CR, LF or space in
// an address would write header fields of its own.
function marked(address: string): string {
  const folded = foldAddress(address);
  return (folded === null ? address.toLowerCase() : addressText(folded)).replace(/[\x00-\x20\x7f]/g, "?");
}
