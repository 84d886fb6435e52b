/**
 * The node's names: `core/ports`' Resolver over node:dns, with servers from configuration. It promises that trouble is
 * an answer of its own and never reads as "there is no such record"; nothing is cached here, the recursive server does it.
 */
import type { TlsaRecord } from "node:dns";
import { Resolver as DnsResolver } from "node:dns/promises";
import type { DnsAnswer, DnsRecords, DnsType, Resolver } from "../../core/ports.ts";

export type DnsOptions = {
  /** `ip` or `ip:port` of recursive servers; empty takes the machine's own. */
  servers: readonly string[];
  /** For one try, in ms; there are two. */
  timeoutMs?: number;
};

export function nodeResolver({ servers, timeoutMs = 5000 }: DnsOptions): Resolver {
  const dns = new DnsResolver({ timeout: timeoutMs, tries: 2 });
  if (servers.length > 0) dns.setServers(servers);
  return {
    async resolve<T extends DnsType>(name: string, type: T): Promise<DnsAnswer<DnsRecords[T]>> {
      try {
        const records = await ask[type](dns, name);
        return records.length > 0 ? { kind: "found", records } : { kind: "none", nxdomain: false };
      } catch (error) {
        return answerFor(error);
      }
    },
  };
}

type Ask = { [T in DnsType]: (dns: DnsResolver, name: string) => Promise<DnsRecords[T][]> };

const ask: Ask = {
  A: (dns, name) => dns.resolve4(name),
  AAAA: (dns, name) => dns.resolve6(name),
  CNAME: (dns, name) => dns.resolveCname(name),
  // node:dns can't ask for it; a node has no use for it either.
  DS: () => Promise.reject(new Error("DS can't be asked for")),
  MX: (dns, name) => dns.resolveMx(name),
  NS: (dns, name) => dns.resolveNs(name),
  PTR: (dns, name) => dns.resolvePtr(name),
  SRV: async (dns, name) => (await dns.resolveSrv(name)).map(({ name: target, ...way }) => ({ ...way, target })),
  TLSA: async (dns, name) => (await dns.resolveTlsa(name)).map(tlsaText),
  // RFC 7208 §3.3: a record's strings are joined without a separator.
  TXT: async (dns, name) => (await dns.resolveTxt(name)).map((strings) => strings.join("")),
};

function tlsaText({ certUsage, selector, match, data }: TlsaRecord): string {
  return `${certUsage} ${selector} ${match} ${Buffer.from(data).toString("hex")}`;
}

function answerFor(
  error: unknown,
): { kind: "none"; nxdomain: boolean } | { kind: "trouble"; reason: "timeout" | "servfail" } {
  const code = error instanceof Error && "code" in error ? error.code : "";
  if (code === "ENOTFOUND") return { kind: "none", nxdomain: true };
  if (code === "ENODATA") return { kind: "none", nxdomain: false };
  // A name that cannot be asked for does not exist.
  if (code === "EBADNAME") return { kind: "none", nxdomain: true };
  return { kind: "trouble", reason: code === "ETIMEOUT" ? "timeout" : "servfail" };
}
