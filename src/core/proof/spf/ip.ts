/** IP addresses as bytes: 4 or 16. IPv4-mapped IPv6 is IPv4 (RFC 7208 §5). */
export type Ip = { version: 4 | 6; bytes: Uint8Array };

/** Dotted quad or RFC 4291 §2.2 text, no zone index, no prefix; null when it is neither. */
export function parseIp(text: string): Ip | null {
  if (!text.includes(":")) {
    const bytes = parseIp4(text);
    return bytes && { version: 4, bytes };
  }
  const bytes = parseIp6(text);
  if (bytes === null) return null;
  const mapped = bytes.subarray(0, 10).every((byte) => byte === 0) && bytes[10] === 0xff && bytes[11] === 0xff;
  return mapped ? { version: 4, bytes: bytes.slice(12) } : { version: 6, bytes };
}

export function parseIp4(text: string): Uint8Array | null {
  const parts = text.split(".");
  if (parts.length !== 4 || !parts.every((part) => /^(0|[1-9]\d{0,2})$/.test(part) && Number(part) < 256)) return null;
  return Uint8Array.from(parts, Number);
}

export function parseIp6(text: string): Uint8Array | null {
  if (text.length > 45) return null;
  const halves = text.split("::");
  if (halves.length > 2) return null;
  const head = groups(halves[0] ?? "", halves.length === 1);
  const tail = halves.length === 2 ? groups(halves[1] ?? "", true) : [];
  if (head === null || tail === null) return null;
  const missing = 8 - head.length - tail.length;
  if (halves.length === 1 ? missing !== 0 : missing < 1) return null;
  const bytes = new Uint8Array(16);
  const all = [...head, ...new Array<number>(missing).fill(0), ...tail];
  for (const [i, group] of all.entries()) {
    bytes[2 * i] = group >> 8;
    bytes[2 * i + 1] = group & 255;
  }
  return bytes;
}

/** 16-bit groups; a dotted quad may stand for the last two. */
function groups(text: string, last: boolean): number[] | null {
  if (text === "") return [];
  const found: number[] = [];
  const parts = text.split(":");
  for (const [i, part] of parts.entries()) {
    if (/^[0-9a-fA-F]{1,4}$/.test(part)) found.push(Number.parseInt(part, 16));
    else {
      const quad = last && i === parts.length - 1 ? parseIp4(part) : null;
      if (quad === null) return null;
      const [a = 0, b = 0, c = 0, d = 0] = quad;
      found.push((a << 8) | b, (c << 8) | d);
    }
  }
  return found;
}

/** The first `prefix` bits are equal, and the versions are. */
export function inNetwork(ip: Ip, network: Ip, prefix: number): boolean {
  if (ip.version !== network.version) return false;
  const whole = prefix >> 3;
  for (let i = 0; i < whole; i++) if (ip.bytes[i] !== network.bytes[i]) return false;
  const rest = prefix & 7;
  return rest === 0 || ((ip.bytes[whole] ?? 0) ^ (network.bytes[whole] ?? 0)) >> (8 - rest) === 0;
}

/** Dotted quad, or RFC 5952 text. */
export function formatIp(ip: Ip): string {
  if (ip.version === 4) return ip.bytes.join(".");
  const words = Array.from({ length: 8 }, (_, i) => ((ip.bytes[2 * i] ?? 0) << 8) | (ip.bytes[2 * i + 1] ?? 0));
  const { start, length } = longestZeroRun(words);
  const text = (part: number[]) => part.map((word) => word.toString(16)).join(":");
  return length < 2 ? text(words) : `${text(words.slice(0, start))}::${text(words.slice(start + length))}`;
}

function longestZeroRun(words: readonly number[]): { start: number; length: number } {
  let best = { start: 0, length: 0 };
  let run = 0;
  for (const [i, word] of words.entries()) {
    run = word === 0 ? run + 1 : 0;
    if (run > best.length) best = { start: i - run + 1, length: run };
  }
  return best;
}

/** `192.0.2.3`, or thirty-two nibbles with dots between them (RFC 7208 §7.3, macro letter i). */
export function dottedIp(ip: Ip): string {
  if (ip.version === 4) return ip.bytes.join(".");
  return Array.from(ip.bytes, (byte) => `${(byte >> 4).toString(16)}.${(byte & 15).toString(16)}`).join(".");
}

/** The name under which PTR records of an address live. */
export function reverseName(ip: Ip): string {
  return `${dottedIp(ip).split(".").reverse().join(".")}.${ip.version === 4 ? "in-addr" : "ip6"}.arpa`;
}
