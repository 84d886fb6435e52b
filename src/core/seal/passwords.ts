/**
 * App passwords and recovery codes as people see them: `selector-checksum-secret`. The selector names a keyslot, so a login
 * costs one derivation; the checksum tells a typing slip from a wrong password without asking anyone; the secret is 160
 * random bits (app password) or 256 (recovery code), so no slow hash is needed.
 */
import { concat, equalConstantTime, utf8 } from "../bytes.ts";
import type { Random } from "../ports.ts";
import { base32, fromQuintets, grouped, quintets, spell } from "./base32.ts";
import { labels } from "./labels.ts";
import { portablePrimitives, type SealPrimitives } from "./primitives.ts";

export const selectorLength = 6;
const checksumLength = 4;

export type SecretText = {
  /** What the owner is shown, once. */
  text: string;
  selector: string;
  secret: Uint8Array;
};

export function makeAppPassword(random: Random, primitives: SealPrimitives = portablePrimitives): SecretText {
  return spellOut(random(20), random, primitives);
}

export function makeRecoveryCode(random: Random, primitives: SealPrimitives = portablePrimitives): SecretText {
  return spellOut(random(32), random, primitives);
}

function spellOut(secret: Uint8Array, random: Random, primitives: SealPrimitives): SecretText {
  const selector = spell(random(selectorLength).map((byte) => byte & 31));
  const text = [selector, spell(checksum(selector, secret, primitives)), grouped(base32(secret), 4)].join("-");
  return { text, selector, secret };
}

export type ParsedSecret = { selector: string; secret: Uint8Array };

/** null when the bytes are not one (wrong length, letters or checksum). The input is left as it is: its owner zeroes it. */
export function parseAppPassword(text: Uint8Array, primitives = portablePrimitives): ParsedSecret | null {
  return parse(text, 20, primitives);
}

export function parseRecoveryCode(text: Uint8Array, primitives = portablePrimitives): ParsedSecret | null {
  return parse(text, 32, primitives);
}

function parse(text: Uint8Array, secretBytes: number, primitives: SealPrimitives): ParsedSecret | null {
  const lead = selectorLength + checksumLength;
  const length = lead + Math.ceil((secretBytes * 8) / 5);
  const all = quintets(text, length);
  if (all === null || all.length !== length) return null;
  const selector = spell(all.subarray(0, selectorLength));
  const secret = fromQuintets(all.subarray(lead));
  const good = secret && equalConstantTime(all.subarray(selectorLength, lead), checksum(selector, secret, primitives));
  all.fill(0);
  return good ? { selector, secret } : null;
}

function checksum(selector: string, secret: Uint8Array, primitives: SealPrimitives): Uint8Array {
  const hashed = concat(utf8(labels.checksum), utf8(selector), secret);
  const digest = primitives.sha256(hashed);
  hashed.fill(0);
  return digest.slice(0, checksumLength).map((byte) => byte & 31);
}
