/**
 * The Sender Rewriting Scheme: the reverse-path of a forwarded message becomes an address of ours that only we can have
 * made, so that SPF passes at the destination and a bounce finds its way back to the author. SRS0 wraps an author's
 * address, SRS1 another forwarder's SRS0 or SRS1 (Wayne and Niemeyer, "Sender Rewriting Scheme", 2004). Nothing is stored.
 *
 *   SRS0=hash=day=author-domain=author-local@domain       SRS1=hash=first-forwarder==rest-of-its-SRS0@domain
 */
import { createHmac, timingSafeEqual } from "node:crypto";
import { domainToASCII } from "node:url";
import type { Clock } from "../../core/ports.ts";

export type SrsOptions = {
  /** The first signs, all are accepted: a secret is rotated by putting a new one in front. */
  secrets: readonly Uint8Array[];
  clock: Clock;
  /** Days that a bounce may take; five of retrying and some for slow humans. */
  days?: number;
};

export type SrsReading = { kind: "ours"; address: string; domain: string } | { kind: "expired" } | { kind: "forged" };

export type Srs = {
  /** The reverse-path to use when `domain` forwards mail from `address`. The null path stays null, our own stays its own. */
  forward(address: string, domain: string): string;
  /** Whom a bounce to this address is for; null when it is no SRS address. */
  reverse(address: string): SrsReading | null;
};

const dayMs = 24 * 60 * 60 * 1000;
const alphabet = "abcdefghijklmnopqrstuvwxyz234567";
/** 10 characters of base32: 50 bits, more than anyone tries over SMTP in the life of an address. */
const hashLength = 10;

export function srs({ secrets, clock, days = 21 }: SrsOptions): Srs {
  const today = () => Math.floor(clock() / dayMs) % 1024;
  const sign = (body: string, domain: string) => hashes(secrets.slice(0, 1), body, domain)[0] ?? "";
  const verify = (hash: string, body: string, domain: string) =>
    hashes(secrets, body, domain).some((good) => equal(good, hash.toLowerCase()));

  function forward(address: string, domain: string): string {
    const { local, host } = split(address);
    if (address === "" || host.toLowerCase() === domain.toLowerCase()) return address;
    const chained = chain(local, host);
    // The A-label form, so that an ASCII author's address stays ASCII inside ours.
    const body = chained ?? `${spellDay(today())}=${domainToASCII(host) || host}=${local}`;
    return `${quoted(`${chained === null ? "SRS0" : "SRS1"}=${sign(body, domain)}=${body}`)}@${domain}`;
  }

  function reverse(address: string): SrsReading | null {
    const { local, host: domain } = split(address);
    const match = /^SRS([01])[=+-]([^=]*)=(.*)$/is.exec(local);
    if (match === null) return null;
    const [, kind = "", hash = "", body = ""] = match;
    if (!verify(hash, body, domain)) return { kind: "forged" };
    return kind === "0" ? author(body, domain) : firstForwarder(body, domain);
  }

  function author(body: string, domain: string): SrsReading {
    const match = /^([a-z2-7]{2})=([^=]+)=(.*)$/is.exec(body);
    if (match === null) return { kind: "forged" };
    const [, day = "", host = "", local = ""] = match;
    // Days count modulo 1024: an address of the far past seems new once in three years, and still names only its own author.
    const age = (today() - readDay(day) + 1024) % 1024;
    return age <= days ? { kind: "ours", address: `${quoted(local)}@${host}`, domain } : { kind: "expired" };
  }

  return { forward, reverse };
}

// An SRS1 carries no day: the SRS0 inside does, and the forwarder who made that checks it.
function firstForwarder(body: string, domain: string): SrsReading {
  const match = /^([^=]+)=([=+-].*)$/s.exec(body);
  if (match === null) return { kind: "forged" };
  const [, host = "", rest = ""] = match;
  return { kind: "ours", address: `${quoted(`SRS0${rest}`)}@${host}`, domain };
}

/** What follows the hash of an SRS1: the first forwarder and the rest of its SRS0, however many forwarders lie between. */
function chain(local: string, host: string): string | null {
  const zero = /^SRS0([=+-].*)$/is.exec(local);
  if (zero) return `${host}=${zero[1]}`;
  const one = /^SRS1[=+-][^=]*=([^=]+)=([=+-].*)$/is.exec(local);
  return one ? `${one[1]}=${one[2]}` : null;
}

// Over the lower-cased text: hosts on the way may fold case, also of local parts.
function hashes(secrets: readonly Uint8Array[], body: string, domain: string): string[] {
  return secrets.map((secret) => {
    const digest = createHmac("sha256", secret).update(`${body}@${domain}`.toLowerCase(), "utf8").digest();
    return base32(digest).slice(0, hashLength);
  });
}

function equal(a: string, b: string): boolean {
  return a.length === b.length && timingSafeEqual(Buffer.from(a, "latin1"), Buffer.from(b, "latin1"));
}

/** A quoted local part comes without its quotes, escapes kept; `quoted` puts them back where they are needed. */
function split(address: string): { local: string; host: string } {
  const at = address.lastIndexOf("@");
  const local = address.slice(0, Math.max(at, 0));
  const inner = /^"(.*)"$/s.exec(local)?.[1];
  return { local: inner ?? local, host: address.slice(at + 1) };
}

function quoted(local: string): string {
  return /^[^\s"(),:;<>@[\\\]]+$/.test(local) ? local : `"${local}"`;
}

function spellDay(day: number): string {
  return alphabet.charAt(day >> 5) + alphabet.charAt(day & 31);
}

function readDay(text: string): number {
  const [high = "", low = ""] = text.toLowerCase();
  return alphabet.indexOf(high) * 32 + alphabet.indexOf(low);
}

function base32(bytes: Uint8Array): string {
  let text = "";
  let held = 0;
  let bits = 0;
  for (const byte of bytes) {
    held = (held << 8) | byte;
    for (bits += 8; bits >= 5; bits -= 5) text += alphabet.charAt((held >> (bits - 5)) & 31);
    held &= (1 << bits) - 1;
  }
  return text;
}
