/** ULIDs: 48 bits of UTC milliseconds and 80 random bits in Crockford base32, 26 characters, sortable by time. */
import type { Clock, Random } from "./ports.ts";

const crockford = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";

export function ulid(now: Clock, random: Random): string {
  let time = now();
  let text = "";
  for (let i = 0; i < 10; i++) {
    text = crockford.charAt(time % 32) + text;
    time = Math.floor(time / 32);
  }
  for (const byte of random(16)) text += crockford.charAt(byte % 32);
  return text;
}

export function isUlid(text: string): boolean {
  return /^[0-7][0-9A-HJKMNP-TV-Z]{25}$/.test(text);
}
