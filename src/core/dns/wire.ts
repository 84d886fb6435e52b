/** DNS messages, RFC 1035 §4, as far as a stub resolver needs them: one question out, its answer in. Bounded, no recursion. */
import { concat, fromLatin1, hex, latin1 } from "../bytes.ts";
import type { DnsRecords, DnsType } from "../ports.ts";
import { formatIp } from "../proof/spf/ip.ts";

export const typeCodes = {
  A: 1,
  NS: 2,
  CNAME: 5,
  PTR: 12,
  MX: 15,
  TXT: 16,
  AAAA: 28,
  SRV: 33,
  DS: 43,
  TLSA: 52,
} as const satisfies Record<DnsType, number>;
const soaCode = 6;

/** Something that is no DNS message. */
export class WireError extends Error {
  override name = "WireError";
}

export type Rr = { name: string; type: number; ttl: number; data: string | DnsRecords["MX"] | DnsRecords["SRV"] };
export type Message = {
  id: number;
  rcode: number;
  truncated: boolean;
  /** AD: the resolver has verified this by DNSSEC (RFC 4035 §3.2.3). */
  authentic: boolean;
  answers: Rr[];
  /** Seconds for which "no" may be remembered (RFC 2308 §5); null when the answer does not say. */
  negativeTtl: number | null;
};

/**
 * `name` is in A-label form. Throws `WireError` when it can't be a query. Recursion desired; `authentic` asks whether the answer
 * was verified (RFC 6840 §5.7).
 */
export function encodeQuery(name: string, type: DnsType, id: number, authentic = false): Uint8Array<ArrayBuffer> {
  const head = Uint8Array.of(id >> 8, id & 255, 1, authentic ? 0x20 : 0, 0, 1, 0, 0, 0, 0, 0, 0);
  return concat(head, encodeName(name), Uint8Array.of(0, typeCodes[type], 0, 1));
}

function encodeName(name: string): Uint8Array {
  const labels = name.replace(/\.$/, "").split(".");
  const parts: Uint8Array[] = [];
  for (const label of labels) {
    if (label.length === 0 || label.length > 63) throw new WireError("label");
    parts.push(Uint8Array.of(label.length), fromLatin1(label));
  }
  const bytes = concat(...parts, Uint8Array.of(0));
  if (bytes.length > 255) throw new WireError("name");
  return bytes;
}

/** Throws `WireError` and nothing else. */
export function decodeAnswer(bytes: Uint8Array): Message {
  const reader = new Reader(bytes);
  const id = reader.u16();
  const flags = reader.u16();
  if ((flags & 0x8000) === 0) throw new WireError("not an answer");
  const [questions, answers, authorities] = [reader.u16(), reader.u16(), reader.u16()];
  reader.u16();
  for (let i = 0; i < questions; i++) reader.question();
  const [truncated, authentic] = [(flags & 0x200) !== 0, (flags & 0x20) !== 0];
  const message: Message = { id, rcode: flags & 15, truncated, authentic, answers: [], negativeTtl: null };
  for (let i = 0; i < answers; i++) message.answers.push(reader.record());
  for (let i = 0; i < authorities; i++) message.negativeTtl ??= reader.negativeTtl();
  return message;
}

/** Pointers followed in one name; a longer chain is a loop. */
const maxPointers = 32;

class Reader {
  private at = 0;
  private readonly bytes: Uint8Array;

  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
  }

  u8(): number {
    const byte = this.bytes[this.at++];
    if (byte === undefined) throw new WireError("short");
    return byte;
  }

  u16(): number {
    return (this.u8() << 8) | this.u8();
  }

  u32(): number {
    return this.u16() * 0x10000 + this.u16();
  }

  private take(length: number): Uint8Array {
    const end = this.at + length;
    if (end > this.bytes.length) throw new WireError("short");
    const part = this.bytes.subarray(this.at, end);
    this.at = end;
    return part;
  }

  question(): void {
    this.readName();
    this.u32();
  }

  record(): Rr {
    const { name, type, ttl, end } = this.recordHead();
    const data = this.data(type, end);
    this.at = end;
    return { name, type, ttl, data };
  }

  private recordHead(): { name: string; type: number; ttl: number; end: number } {
    const name = this.readName();
    const type = this.u16();
    this.u16();
    const ttl = this.u32();
    const length = this.u16();
    if (this.at + length > this.bytes.length) throw new WireError("short");
    // RFC 2181 §8: a TTL with the top bit set is zero.
    return { name, type, ttl: ttl > 0x7fffffff ? 0 : ttl, end: this.at + length };
  }

  /** RFC 2308 §5: the smaller of the SOA's own TTL and its minimum. */
  negativeTtl(): number | null {
    const { type, ttl, end } = this.recordHead();
    if (type !== soaCode) {
      this.at = end;
      return null;
    }
    this.at = Math.max(this.at, end - 4);
    const minimum = this.u32();
    this.at = end;
    return Math.min(ttl, minimum);
  }

  private data(type: number, end: number): Rr["data"] {
    switch (type) {
      case typeCodes.A:
        return formatIp({ version: 4, bytes: this.exactly(4, end) });
      case typeCodes.AAAA:
        return formatIp({ version: 6, bytes: this.exactly(16, end) });
      case typeCodes.MX:
        return { priority: this.u16(), exchange: this.readName() };
      case typeCodes.SRV:
        return { priority: this.u16(), weight: this.u16(), port: this.u16(), target: this.readName() };
      case typeCodes.TXT:
        return this.strings(end);
      case typeCodes.CNAME:
      case typeCodes.NS:
      case typeCodes.PTR:
        return this.readName();
      case typeCodes.DS:
        return `${this.u16()} ${this.u8()} ${this.u8()} ${this.hex(end)}`;
      case typeCodes.TLSA:
        return `${this.u8()} ${this.u8()} ${this.u8()} ${this.hex(end)}`;
      default:
        return "";
    }
  }

  private exactly(length: number, end: number): Uint8Array {
    if (end - this.at !== length) throw new WireError("address length");
    return this.take(length);
  }

  private hex(end: number): string {
    if (end < this.at) throw new WireError("digest length");
    return hex(this.take(end - this.at));
  }

  private strings(end: number): string {
    let text = "";
    while (this.at < end) text += latin1(this.take(this.u8()));
    if (this.at !== end) throw new WireError("string length");
    return text;
  }

  private readName(): string {
    const labels: string[] = [];
    let after = -1;
    let pointers = 0;
    let size = 0;
    for (;;) {
      const length = this.u8();
      if (length === 0) break;
      if (length >= 0xc0) {
        const target = ((length & 0x3f) << 8) | this.u8();
        if (after < 0) after = this.at;
        if (++pointers > maxPointers) throw new WireError("name loop");
        this.at = target;
        continue;
      }
      if (length > 63) throw new WireError("label");
      size += length + 1;
      if (size > 255) throw new WireError("name");
      // A dot inside a label must not read as a boundary.
      labels.push(latin1(this.take(length)).replaceAll(".", "\\."));
    }
    if (after >= 0) this.at = after;
    return labels.join(".").toLowerCase();
  }
}
