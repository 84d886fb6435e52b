/** Entity tags over what an answer says: the same facts, the same tag. RFC 9110 §8.8.3. */
import { toBase64url, utf8 } from "../../src/core/bytes.ts";

export async function etagOf(text: string): Promise<string> {
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", utf8(text)));
  return `"${toBase64url(digest.subarray(0, 12))}"`;
}

/** Against If-Match or If-None-Match: a list of tags, or `*`. */
export function matchesTag(header: string | undefined, etag: string): boolean {
  if (header === undefined) return false;
  return header.split(",").some((one) => one.trim() === "*" || one.trim().replace(/^W\//, "") === etag);
}
