/**
 * `check_host()`, RFC 7208 §4: may this address send for this domain? Every limit of §4.6.4 holds across includes and
 * redirects: ten terms that ask the DNS, two void look-ups, ten names per MX or PTR. Trouble in the DNS is temperror,
 * never "no record".
 */

import { txtRecords } from "../../dns/memo.ts";
import { isHostName, isWithin, toName } from "../../dns/name.ts";
import type { DnsAnswer, DnsRecords, Resolver } from "../../ports.ts";
import type { SpfResult } from "../types.ts";
import { dottedIp, formatIp, type Ip, inNetwork, parseIp, reverseName } from "./ip.ts";
import { expand, fitName, type MacroString, type MacroValues, parseMacroString } from "./macro.ts";
import { type Directive, isSpfRecord, type Mechanism, parseSpfRecord, type SpfRecord, SpfSyntax } from "./record.ts";

export type SpfQuestion = {
  ip: Ip;
  domain: string;
  /** MAIL FROM or `postmaster@` HELO. */
  sender: { local: string; domain: string };
  helo: string;
  /** Who checks: macro letter r. */
  receiver: string;
  /** UTC ms. */
  now: number;
};
export type SpfVerdict = Pick<SpfResult, "result" | "mechanism" | "explanation" | "reason">;

const maxLookups = 10;
const maxVoids = 2;
const maxNames = 10;
const words = { "+": "pass", "-": "fail", "~": "softfail", "?": "neutral" } as const;

/** Ends the whole check (§2.6.6, §2.6.7). */
class Stop extends Error {
  override name = "Stop";
  readonly result: "temperror" | "permerror";
  constructor(result: "temperror" | "permerror", reason: string) {
    super(reason);
    this.result = result;
  }
}

/** Never throws. `domain` may be anything; one that can't be looked up is "none" (§4.3). */
export async function checkHost(question: SpfQuestion, dns: Resolver): Promise<SpfVerdict> {
  try {
    return await new Check(question, dns).host(question.domain, true);
  } catch (error) {
    if (error instanceof Stop) return verdict(error.result, error.message);
    throw error;
  }
}

function verdict(result: SpfVerdict["result"], reason: string, mechanism: string | null = null): SpfVerdict {
  return { result, mechanism, explanation: null, reason };
}

class Check {
  private lookups = 0;
  private voids = 0;
  private readonly question: SpfQuestion;
  private readonly dns: Resolver;

  constructor(question: SpfQuestion, dns: Resolver) {
    this.question = question;
    this.dns = dns;
  }

  /** One record. `top` is false inside an include, whose explanation is never used (§6.2). */
  async host(domain: string, top: boolean): Promise<SpfVerdict> {
    const name = toName(domain);
    if (name === null || !isQueryable(name)) return verdict("none", `${domain || "the empty name"} is not a domain`);
    const text = await this.record(name);
    if (text === null) return verdict("none", `no SPF record at ${name}`);
    const record = parse(text, name);
    const match = await this.firstMatch(record, name);
    if (match) return this.decided(match, record, name, top);
    if (record.redirect) return this.redirect(record.redirect, name, top);
    return verdict("neutral", `nothing in the record of ${name} matched`);
  }

  private async record(name: string): Promise<string | null> {
    const answer = await txtRecords(this.dns, name);
    if (answer.kind === "trouble") throw new Stop("temperror", `DNS ${answer.reason} at ${name}`);
    const found = answer.kind === "found" ? answer.records.filter(isSpfRecord) : [];
    if (found.length > 1) throw new Stop("permerror", `several SPF records at ${name}`);
    return found[0] ?? null;
  }

  private async firstMatch(record: SpfRecord, name: string): Promise<Directive | null> {
    for (const directive of record.directives) {
      if (await this.matches(directive.mechanism, name)) return directive;
    }
    return null;
  }

  private async decided(match: Directive, record: SpfRecord, name: string, top: boolean): Promise<SpfVerdict> {
    const result = words[match.qualifier];
    const decided = verdict(result, `${match.text} in the record of ${name}`, match.text);
    if (result !== "fail" || !top || !record.explanation) return decided;
    return { ...decided, explanation: await this.explain(record.explanation, name) };
  }

  // §6.1: a redirect to a domain without a record is a permerror, and the target's exp= is the one used.
  private async redirect(target: MacroString, name: string, top: boolean): Promise<SpfVerdict> {
    this.countLookup();
    const domain = await this.target(target, name);
    const result = await this.host(domain, top);
    if (result.result === "none") throw new Stop("permerror", `redirect to ${domain}, which has no SPF record`);
    return result;
  }

  private async matches(mechanism: Mechanism, name: string): Promise<boolean> {
    switch (mechanism.kind) {
      case "all":
        return true;
      case "ip":
        return inNetwork(this.question.ip, mechanism.network, mechanism.prefix);
      case "include":
        return this.include(mechanism.domain, name);
      case "exists":
        return this.exists(mechanism.domain, name);
      case "a":
        this.countLookup();
        return this.hasAddress(await this.target(mechanism.domain, name), mechanism, true);
      case "mx":
        return this.mx(mechanism, name);
      case "ptr":
        return this.ptr(mechanism.domain, name);
    }
  }

  // §5.2, the table: only a pass matches; none and permerror inside are a permerror outside.
  private async include(spec: MacroString, name: string): Promise<boolean> {
    this.countLookup();
    const domain = await this.target(spec, name);
    const { result } = await this.host(domain, false);
    if (result === "none") throw new Stop("permerror", `include of ${domain}, which has no SPF record`);
    return result === "pass";
  }

  // §5.7: always type A, also for an IPv6 client.
  private async exists(spec: MacroString, name: string): Promise<boolean> {
    this.countLookup();
    return (await this.ask(await this.target(spec, name), "A")).length > 0;
  }

  // §4.6.4: at most ten exchanges are looked up. It is terms that are void, not each of a term's look-ups: a client on IPv6
  // must not fail because three exchanges have IPv4 only.
  private async mx(mechanism: Extract<Mechanism, { kind: "a" | "mx" }>, name: string): Promise<boolean> {
    this.countLookup();
    const exchanges = await this.ask(await this.target(mechanism.domain, name), "MX");
    for (const [i, { exchange }] of exchanges.entries()) {
      if (i >= maxNames) throw new Stop("permerror", "more than ten MX records");
      if (await this.hasAddress(exchange, mechanism, false)) return true;
    }
    return false;
  }

  private async hasAddress(
    host: string,
    { prefix4, prefix6 }: { prefix4: number; prefix6: number },
    counted: boolean,
  ): Promise<boolean> {
    const { ip } = this.question;
    const records = await this.ask(host, ip.version === 4 ? "A" : "AAAA", counted);
    return records.some((text) => {
      const address = parseIp(text);
      return address !== null && inNetwork(ip, address, ip.version === 4 ? prefix4 : prefix6);
    });
  }

  private async ptr(spec: MacroString | null, name: string): Promise<boolean> {
    this.countLookup();
    const domain = toName(await this.target(spec, name));
    if (domain === null) return false;
    return (await this.validatedNames(true)).some((host) => isWithin(host, domain));
  }

  /**
   * §5.5: names of the address that point back to it. Whatever goes wrong here only means "no name".
   */
  private async validatedNames(counted: boolean): Promise<string[]> {
    const answer = await this.dns.resolve(reverseName(this.question.ip), "PTR");
    if (answer.kind === "none" && counted) this.countVoid();
    if (answer.kind !== "found") return [];
    const valid: string[] = [];
    for (const text of answer.records.slice(0, maxNames)) {
      const host = toName(text);
      if (host !== null && (await this.pointsBack(host))) valid.push(host);
    }
    return valid;
  }

  private async pointsBack(host: string): Promise<boolean> {
    const { ip } = this.question;
    const answer = await this.dns.resolve(host, ip.version === 4 ? "A" : "AAAA");
    if (answer.kind !== "found") return false;
    return answer.records.some((text) => {
      const address = parseIp(text);
      return address !== null && inNetwork(ip, address, ip.version === 4 ? 32 : 128);
    });
  }

  private async ask<T extends "A" | "AAAA" | "MX">(name: string, type: T, counted = true): Promise<DnsRecords[T][]> {
    const valid = toName(name);
    // §4.8: a name that no query can carry does not exist; no look-up was made, so none was void.
    if (valid === null) return [];
    const answer: DnsAnswer<DnsRecords[T]> = await this.dns.resolve(valid, type);
    if (answer.kind === "trouble") throw new Stop("temperror", `DNS ${answer.reason} at ${name}`);
    if (answer.kind === "none" && counted) this.countVoid();
    return answer.kind === "found" ? answer.records : [];
  }

  private countLookup(): void {
    if (++this.lookups > maxLookups) throw new Stop("permerror", "more than ten DNS look-ups");
  }

  private countVoid(): void {
    if (++this.voids > maxVoids) throw new Stop("permerror", "more than two void look-ups");
  }

  private async target(spec: MacroString | null, name: string): Promise<string> {
    return spec === null ? name : fitName(await expand(spec, this.values(name)));
  }

  private values(domain: string): MacroValues {
    const { ip, sender, helo, receiver, now } = this.question;
    return {
      s: `${sender.local}@${sender.domain}`,
      l: sender.local,
      o: sender.domain,
      d: domain,
      i: dottedIp(ip),
      h: helo,
      v: ip.version === 4 ? "in-addr" : "ip6",
      c: formatIp(ip),
      r: receiver || "unknown",
      t: String(Math.floor(now / 1000)),
      p: () => this.validatedName(domain),
    };
  }

  // §7.3, letter p: the domain itself, else a name below it, else any; "unknown" when there is none.
  private async validatedName(domain: string): Promise<string> {
    const valid = await this.validatedNames(false);
    return (
      valid.find((host) => host === domain) ?? valid.find((host) => isWithin(host, domain)) ?? valid[0] ?? "unknown"
    );
  }

  // §6.2: whatever goes wrong with an explanation, the result stays "fail" and there is none.
  private async explain(spec: MacroString, name: string): Promise<string | null> {
    const target = toName(await this.target(spec, name));
    if (target === null) return null;
    const answer = await txtRecords(this.dns, target);
    const text = answer.kind === "found" && answer.records.length === 1 ? answer.records[0] : undefined;
    const parts = text === undefined ? null : parseMacroString(text, true);
    return parts && (await expand(parts, this.values(name)));
  }
}

function parse(text: string, name: string): SpfRecord {
  try {
    return parseSpfRecord(text);
  } catch (error) {
    if (error instanceof SpfSyntax)
      throw new Stop("permerror", `syntax error in the record of ${name}: ${error.message}`);
    throw error;
  }
}

// §4.3: "not a multi-label domain name" is none; what else a label may hold is the DNS's business.
function isQueryable(name: string): boolean {
  return (
    name.includes(".") && !name.startsWith("[") && (isHostName(name) || /^[!-~]+$/.test(name)) && parseIp(name) === null
  );
}
