/** Secrets that we hand out once and keep only hashed: session tokens, API keys, links. */
import { hex, toBase64url, utf8 } from "../../src/core/bytes.ts";
import type { Random } from "../../src/core/ports.ts";

/** 256 random bits, base64url. */
export function newSecret(random: Random): string {
  return toBase64url(random(32));
}

/** SHA-256, hex. The secrets are random, so nothing slower is needed; a database copy opens nothing. */
export async function digest(text: string): Promise<string> {
  return hex(new Uint8Array(await crypto.subtle.digest("SHA-256", utf8(text))));
}
