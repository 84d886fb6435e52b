/**
 * One message's view of the DNS: each question is asked once, however many checks want it, and at most
 * `limits.proof.dnsQueries` questions are asked; the rest are answered "timeout", which is never read as "no record".
 */
import { limits } from "../limits.ts";
import type { DnsAnswer, DnsRecords, DnsType, Resolver } from "../ports.ts";
import { toName } from "./name.ts";

export function memoResolver(inner: Resolver, maxQueries: number = limits.proof.dnsQueries): Resolver {
  const asked = new Map<string, Promise<DnsAnswer<unknown>>>();
  return {
    resolve<T extends DnsType>(name: string, type: T): Promise<DnsAnswer<DnsRecords[T]>> {
      const valid = toName(name);
      // A name that can't be put into a query can't exist (RFC 7208 §4.3, §4.8).
      if (valid === null) return Promise.resolve({ kind: "none", nxdomain: true });
      const question = `${type} ${valid}`;
      let answer = asked.get(question);
      if (answer === undefined) {
        if (asked.size >= maxQueries) return Promise.resolve({ kind: "trouble", reason: "timeout" });
        answer = inner.resolve(valid, type);
        asked.set(question, answer);
      }
      return answer as Promise<DnsAnswer<DnsRecords[T]>>;
    },
  };
}

/** TXT records worth reading: a bounded number of bounded size (a megabyte of TXT is no policy). */
export async function txtRecords(dns: Resolver, name: string): Promise<DnsAnswer<string>> {
  const answer = await dns.resolve(name, "TXT");
  if (answer.kind !== "found") return answer;
  const { txtBytes, txtRecords: most } = limits.proof;
  return { kind: "found", records: answer.records.slice(0, most).filter((text) => text.length <= txtBytes) };
}
