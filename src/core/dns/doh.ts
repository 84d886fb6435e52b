/**
 * DNS over HTTPS, RFC 8484, wire format: a cache within the records' TTL, "no" remembered as RFC 2308 allows, two or more
 * upstreams asked in turn, and a time budget for a whole message. What can't be answered in time is trouble, never "no".
 */
import type { Clock, DnsAnswer, DnsRecords, DnsType, Resolver } from "../ports.ts";
import { toName } from "./name.ts";
import { decodeAnswer, encodeQuery, type Message, typeCodes, WireError } from "./wire.ts";

/** The part of `fetch` that is used; every runtime's own fits. */
export type DohFetch = (
  url: string,
  init: { method: "POST"; headers: Record<string, string>; body: Uint8Array<ArrayBuffer>; signal: AbortSignal },
) => Promise<{ ok: boolean; arrayBuffer(): Promise<ArrayBuffer> }>;

export type DohOptions = {
  /** Asked in this order; the next one when one gives no usable answer. */
  urls: readonly string[];
  fetch: DohFetch;
  clock: Clock;
  /** Milliseconds that all look-ups of one message may take together. */
  budgetMs: number;
  cacheEntries?: number;
};

type Cached = { answer: DnsAnswer<unknown>; until: number };
type Trouble = Extract<DnsAnswer<unknown>, { kind: "trouble" }>;

const maxTtl = 86_400;
/** RFC 2308 §5 suggests one to three hours as the most; a new record should not wait so long here. */
const maxNegativeTtl = 900;
const defaultNegativeTtl = 60;
/** RFC 2308 §7 allows five minutes; a sender's retry comes sooner than that. */
const troubleTtl = 5;
const maxAnswerBytes = 65_535;

export function dohResolver(options: DohOptions): Resolver {
  const cache = new Cache(options.clock, options.cacheEntries ?? 10_000);
  const forMessage = () => new DohResolver(options, cache, options.clock() + options.budgetMs);
  return {
    resolve: (name, type) => forMessage().resolve(name, type),
    forMessage,
  };
}

class DohResolver implements Resolver {
  private readonly options: DohOptions;
  private readonly cache: Cache;
  private readonly deadline: number;

  constructor(options: DohOptions, cache: Cache, deadline: number) {
    this.options = options;
    this.cache = cache;
    this.deadline = deadline;
  }

  async resolve<T extends DnsType>(name: string, type: T): Promise<DnsAnswer<DnsRecords[T]>> {
    const valid = toName(name);
    if (valid === null) return { kind: "none", nxdomain: true };
    const question = `${type} ${valid}`;
    const known = this.cache.get(question);
    if (known) return known as DnsAnswer<DnsRecords[T]>;
    const { answer, ttl } = await this.ask(valid, type);
    // Running out of this message's time says nothing to the next message.
    if (ttl > 0) this.cache.put(question, answer, ttl);
    return answer as DnsAnswer<DnsRecords[T]>;
  }

  private async ask(name: string, type: DnsType): Promise<{ answer: DnsAnswer<unknown>; ttl: number }> {
    let trouble: Trouble = { kind: "trouble", reason: "timeout" };
    for (const url of this.options.urls) {
      const left = this.deadline - this.options.clock();
      if (left <= 0) return { answer: { kind: "trouble", reason: "timeout" }, ttl: 0 };
      const message = await this.exchange(url, name, type, Math.min(left, this.options.budgetMs / 2));
      if (typeof message === "string") trouble = { kind: "trouble", reason: message };
      else if (message.rcode !== 0 && message.rcode !== 3) trouble = { kind: "trouble", reason: "servfail" };
      else return read(message, name, type);
    }
    return { answer: trouble, ttl: trouble.reason === "servfail" ? troubleTtl : 0 };
  }

  private async exchange(url: string, name: string, type: DnsType, ms: number): Promise<Message | Trouble["reason"]> {
    const headers = { "content-type": "application/dns-message", accept: "application/dns-message" };
    const started = this.options.clock();
    try {
      // RFC 8484 §4.1: id 0, for HTTP caches.
      const body = encodeQuery(name, type, 0, true);
      const signal = AbortSignal.timeout(Math.ceil(ms));
      const response = await this.options.fetch(url, { method: "POST", headers, body, signal });
      const bytes = new Uint8Array(await response.arrayBuffer());
      if (!response.ok || bytes.length > maxAnswerBytes) return "servfail";
      const message = decodeAnswer(bytes);
      return message.truncated ? "servfail" : message;
    } catch (error) {
      if (error instanceof WireError) return "servfail";
      return this.options.clock() - started >= ms ? "timeout" : "servfail";
    }
  }
}

/** Follows the CNAMEs that the answer brings along (RFC 1034 §3.6.2). */
function read(message: Message, name: string, type: DnsType): { answer: DnsAnswer<unknown>; ttl: number } {
  let owner = name;
  let ttl = maxTtl;
  for (let hop = 0; hop < 12 && type !== "CNAME"; hop++) {
    const alias = message.answers.find((rr) => rr.name === owner && rr.type === typeCodes.CNAME);
    if (alias === undefined || typeof alias.data !== "string") break;
    owner = alias.data;
    ttl = Math.min(ttl, alias.ttl);
  }
  const records = message.answers.filter((rr) => rr.name === owner && rr.type === typeCodes[type]);
  if (records.length === 0) {
    const negative = Math.min(message.negativeTtl ?? defaultNegativeTtl, maxNegativeTtl, ttl);
    return { answer: { kind: "none", nxdomain: message.rcode === 3 }, ttl: negative };
  }
  for (const rr of records) ttl = Math.min(ttl, rr.ttl);
  const signed = message.authentic ? { authentic: true as const } : {};
  return { answer: { kind: "found", records: records.map(({ data }) => data), ...signed }, ttl };
}

class Cache {
  private readonly entries = new Map<string, Cached>();
  private readonly clock: Clock;
  private readonly size: number;

  constructor(clock: Clock, size: number) {
    this.clock = clock;
    this.size = size;
  }

  get(question: string): DnsAnswer<unknown> | null {
    const entry = this.entries.get(question);
    if (entry === undefined) return null;
    if (entry.until > this.clock()) return entry.answer;
    this.entries.delete(question);
    return null;
  }

  /** Oldest out first: a flood of names can't grow the isolate. */
  put(question: string, answer: DnsAnswer<unknown>, ttl: number): void {
    if (this.entries.size >= this.size) {
      const oldest = this.entries.keys().next().value;
      if (oldest !== undefined) this.entries.delete(oldest);
    }
    this.entries.set(question, { answer, until: this.clock() + ttl * 1000 });
  }
}
