/**
 * What Cloudflare's MX wrote on top of a message: the only place from which the client's address may be read at that
 * entrance, since an Email Worker's event does not tell it and a sender can write the same fields further down.
 *
 * The block is Cloudflare's own order, each field at most once: Received, the ARC set, Received-SPF,
 * Authentication-Results, X-CF-SpamH-Score. It ends at the first field that does not fit; from there on all is the sender's.
 */

import { type Field, fieldText, fieldValue, type Header, readHeader } from "../message/header.ts";
import { parseTags } from "./dkim/tags.ts";
import { bestResults, readResults } from "./read-results.ts";
import { servIdOf } from "./results.ts";
import { parseIp } from "./spf/ip.ts";

export type CloudflareBlock = {
  ip: string | null;
  helo: string | null;
  mailFrom: string | null;
  /** Their own verdicts by method, as written. */
  results: Record<string, string>;
  /** Offset of the sender's first byte. */
  end: number;
};

type Row = { name: string; ours: (header: Header, field: Field) => boolean };

const domain = "cloudflare-email.net";
const isSigned = (header: Header, field: Field) =>
  parseTags(fieldValue(header, field))?.get("d")?.toLowerCase() === domain;

const order: readonly Row[] = [
  { name: "received", ours: (header, field) => /\bby cloudflare-email\.net\b/i.test(fieldText(header, field)) },
  { name: "arc-seal", ours: isSigned },
  { name: "arc-message-signature", ours: isSigned },
  {
    name: "arc-authentication-results",
    ours: (header, field) => /;\s*mx\.cloudflare\.net\s*;/i.test(fieldText(header, field)),
  },
  { name: "received-spf", ours: (header, field) => /\bmx\.cloudflare\.net\b/i.test(fieldText(header, field)) },
  {
    name: "authentication-results",
    ours: (header, field) => servIdOf(fieldValue(header, field)) === "mx.cloudflare.net",
  },
  { name: "x-cf-spamh-score", ours: () => true },
];

/** Null when the message does not begin with Cloudflare's Received field. Never throws. */
export function cloudflareBlock(raw: Uint8Array): CloudflareBlock | null {
  const header = readHeader(raw);
  const fields = blockOf(header);
  const received = fields.get("received");
  if (received === undefined) return null;
  const from = readReceived(fieldText(header, received));
  const spf = readReceivedSpf(textOf(header, fields.get("received-spf")));
  const end = Math.max(...[...fields.values()].map((field) => field.end));
  // Two fields of one writer that disagree were not written by one writer.
  const ip = from.ip !== null && spf.ip !== null && from.ip !== spf.ip ? null : (spf.ip ?? from.ip);
  const results = bestResults(readResults(textOf(header, fields.get("authentication-results")))?.findings ?? []);
  if (spf.result !== null) results["received-spf"] ??= spf.result;
  return { ip, helo: spf.helo ?? from.helo, mailFrom: spf.mailFrom, results, end };
}

function textOf(header: Header, field: Field | undefined): string {
  return field ? fieldText(header, field) : "";
}

function blockOf(header: Header): Map<string, Field> {
  const found = new Map<string, Field>();
  let at = 0;
  for (const { name, ours } of order) {
    const field = header.fields[at];
    if (field === undefined) break;
    if (field.name !== name || !ours(header, field)) {
      if (name === "received") break;
      continue; // Cloudflare leaves some out (workerd issue 6740)
    }
    found.set(name, field);
    at++;
  }
  return found;
}

/** `from HELO (IP) by …`. */
function readReceived(text: string): { helo: string | null; ip: string | null } {
  const [, helo, address] = /^from\s+(\S{1,255})\s+\(\[?([0-9a-fA-F.:]{2,45})\]?\)/i.exec(text) ?? [];
  const ip = address !== undefined && parseIp(address) ? address : null;
  return { helo: helo ?? null, ip };
}

/** `result (comment) key=value; …`, RFC 7208 §9.1. */
function readReceivedSpf(text: string) {
  const pairs = new Map<string, string>();
  for (const [, key, value] of text.matchAll(/(?:^|[\s;)])([a-z-]{2,20})=("[^"]{0,320}"|[^\s;]{1,320})/gi)) {
    const name = (key ?? "").toLowerCase();
    if (!pairs.has(name)) pairs.set(name, (value ?? "").replace(/^"|"$/g, ""));
  }
  const address = pairs.get("client-ip") ?? "";
  return {
    result: /^([a-z]{4,9})\b/i.exec(text)?.[1]?.toLowerCase() ?? null,
    ip: parseIp(address) ? address : null,
    helo: pairs.get("helo") ?? null,
    mailFrom: pairs.get("envelope-from") ?? null,
  };
}
