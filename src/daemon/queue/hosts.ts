/** Where mail for a destination goes: MX hosts in order of preference, and their addresses. RFC 5321 §5, RFC 7505. */
import type { Resolver } from "../../core/ports.ts";
import { addressesOf } from "../net/connect.ts";
import type { Ending } from "./ending.ts";

export type Target = { host: string; addresses: string[]; port: number };
/** A host instead of MX look-up, or (host null) the MX hosts by this port. */
export type Route = { host: string | null; port: number } | null;

/** Hosts looked up, and addresses of each tried, in one attempt. */
const most = { hosts: 5, addresses: 3 };

/** `home`: no host is preferred to this one. */
export type Targets = { kind: "targets"; targets: Target[] } | { kind: "home" } | { kind: "nowhere"; ending: Ending };

export type HostsDeps = {
  dns: Resolver;
  /** 25, save in tests. */
  port: number;
  /** Names of this node: an MX that points at ourselves, and all less preferred, would send mail in circles (§5.1). */
  ownNames: readonly string[];
  /** 0 ≤ x < 1 */
  chance: () => number;
};

export async function targetsFor(domain: string, route: Route, deps: HostsDeps): Promise<Targets> {
  const port = route?.port ?? deps.port;
  const fixed = route?.host ?? null;
  if (fixed !== null) return withAddresses([fixed], port, deps);
  const literal = /^\[(?:IPv6:)?([0-9A-Fa-f.:]+)\]$/i.exec(domain)?.[1];
  if (literal !== undefined) return withAddresses([literal], port, deps);
  const answer = await deps.dns.resolve(domain, "MX");
  if (answer.kind === "trouble")
    return nowhere("tempfail", "4.4.3", "DNS trouble while looking for the destination's hosts");
  if (answer.kind === "none" && answer.nxdomain)
    return nowhere("permfail", "5.1.2", "The destination's domain does not exist");
  // No MX: the domain itself is the host (§5.1).
  if (answer.kind === "none") return withAddresses([domain], port, deps);
  const hosts = inOrder(answer.records, deps.chance);
  if (hosts.length === 1 && hosts[0]?.exchange === "")
    return nowhere("permfail", "5.1.10", "The destination takes no mail");
  const ours = hosts.find(({ exchange }) => deps.ownNames.includes(exchange));
  const usable = ours === undefined ? hosts : hosts.filter(({ priority }) => priority < ours.priority);
  if (usable.length === 0) return { kind: "home" };
  return withAddresses(
    usable.map(({ exchange }) => exchange),
    port,
    deps,
  );
}

type Mx = { priority: number; exchange: string };

/** Lowest priority value first, equals in random order. */
function inOrder(records: readonly Mx[], chance: () => number): Mx[] {
  const keyed = records.map(({ priority, exchange }) => ({
    mx: { priority, exchange: exchange.toLowerCase().replace(/\.$/, "") },
    key: chance(),
  }));
  return keyed.sort((a, b) => a.mx.priority - b.mx.priority || a.key - b.key).map(({ mx }) => mx);
}

async function withAddresses(hosts: readonly string[], port: number, deps: HostsDeps): Promise<Targets> {
  const found = await Promise.all(
    hosts.slice(0, most.hosts).map(async (host) => ({ host, answer: await addressesOf(host, deps.dns) })),
  );
  const targets = found.flatMap(({ host, answer }) =>
    answer.kind === "found" ? [{ host, port, addresses: answer.addresses.slice(0, most.addresses) }] : [],
  );
  if (targets.length > 0) return { kind: "targets", targets };
  if (found.some(({ answer }) => answer.kind === "trouble"))
    return nowhere("tempfail", "4.4.3", "DNS trouble while looking for the destination's hosts");
  return nowhere("permfail", "5.4.4", "The destination has no host that takes mail");
}

function nowhere(kind: "tempfail" | "permfail", enhanced: string, detail: string): Targets {
  return { kind: "nowhere", ending: { kind, enhanced, code: null, detail, host: "", hostDown: kind === "tempfail" } };
}
