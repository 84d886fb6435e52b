/**
 * The one way out of the node: every connection opened for a customer is resolved once, checked, and made to that very
 * address. Private, loopback, link-local, mapped and our own addresses are refused, and so is any port that is not mail's,
 * so that nobody reaches the inside of an operator's network by naming it as a destination (SSRF, DNS rebinding).
 */
import { BlockList, isIP, type Socket, connect as tcp } from "node:net";
import { networkInterfaces } from "node:os";
import type { Resolver } from "../../core/ports.ts";

export type ConnectRules = {
  /**
   * Addresses of ours beside those of this machine's interfaces (behind address translation, say) that must not be
   * dialled: a node that relays to itself goes round in circles.
   */
  ownAddresses: readonly string[];
  /** RFC 5321, 8314, 6409 and the usual stand-in. */
  ports: readonly number[];
  /** For tests and the demo only: 127.0.0.0/8 and ::1 may be dialled, on any port. Configuration refuses it beside a public listener. */
  allowLoopback: boolean;
  timeoutMs: number;
};

export const mailPorts = [25, 465, 587, 2525] as const;

export type Dialled = { kind: "connected"; socket: Socket; address: string } | { kind: "unreachable"; why: string };
export type Connect = (address: string, port: number) => Promise<Dialled>;
export type Addresses = { kind: "found"; addresses: string[] } | { kind: "none" } | { kind: "trouble" };

/** IPv4 and IPv6 ranges that are nobody's public mail server: RFC 6890 and its registries. */
const inward = new BlockList();
for (const [net, bits] of [
  ["0.0.0.0", 8],
  ["10.0.0.0", 8],
  ["100.64.0.0", 10],
  ["127.0.0.0", 8],
  ["169.254.0.0", 16],
  ["172.16.0.0", 12],
  ["192.0.0.0", 24],
  ["192.0.2.0", 24],
  ["192.88.99.0", 24],
  ["192.168.0.0", 16],
  ["198.18.0.0", 15],
  ["198.51.100.0", 24],
  ["203.0.113.0", 24],
  ["224.0.0.0", 3],
] as const)
  inward.addSubnet(net, bits, "ipv4");

// Only 2000::/3 is public unicast; inside it Teredo, 6to4, ORCHID and documentation carry or hide something else.
const publicV6 = new BlockList();
publicV6.addSubnet("2000::", 3, "ipv6");
const hiddenV6 = new BlockList();
for (const [net, bits] of [
  ["2001::", 23],
  ["2001:db8::", 32],
  ["2002::", 16],
  ["3fff::", 20],
] as const)
  hiddenV6.addSubnet(net, bits, "ipv6");

const loopback = new BlockList();
loopback.addSubnet("127.0.0.0", 8, "ipv4");
loopback.addAddress("::1", "ipv6");

/** Why this address may not be dialled, or null when it may. */
export function refusal(address: string, port: number, rules: ConnectRules): string | null {
  const version = isIP(address);
  if (version === 0) return "not an IP address";
  const family = version === 4 ? "ipv4" : "ipv6";
  if (rules.allowLoopback && loopback.check(address, family)) return null;
  const outward =
    version === 4
      ? !inward.check(address, family)
      : publicV6.check(address, family) && !hiddenV6.check(address, family);
  if (!outward) return "not a public address";
  if (rules.ownAddresses.some((own) => sameAddress(own, address))) return "our own address";
  return rules.ports.includes(port) ? null : "not a mail port";
}

function sameAddress(own: string, address: string): boolean {
  if (isIP(own) === 0 || isIP(own) !== isIP(address)) return false;
  const one = new BlockList();
  one.addAddress(own, isIP(own) === 4 ? "ipv4" : "ipv6");
  return one.check(address, isIP(address) === 4 ? "ipv4" : "ipv6");
}

/** Both families of a host name (or the literal itself), in the order to try. Trouble only when nothing was found. */
export async function addressesOf(host: string, dns: Resolver): Promise<Addresses> {
  if (isIP(host) !== 0) return { kind: "found", addresses: [host] };
  const [six, four] = await Promise.all([dns.resolve(host, "AAAA"), dns.resolve(host, "A")]);
  const addresses = [...(four.kind === "found" ? four.records : []), ...(six.kind === "found" ? six.records : [])];
  if (addresses.length > 0) return { kind: "found", addresses };
  return six.kind === "trouble" || four.kind === "trouble" ? { kind: "trouble" } : { kind: "none" };
}

/** Dials an address that `addressesOf` answered; the check and the connection see the same bytes. */
export function guardedConnect(given: ConnectRules): Connect {
  const rules = { ...given, ownAddresses: [...given.ownAddresses, ...interfaceAddresses()] };
  return async (address, port) => {
    const why = refusal(address, port, rules);
    return why === null ? dial(address, port, rules.timeoutMs) : { kind: "unreachable", why };
  };
}

function interfaceAddresses(): string[] {
  return Object.values(networkInterfaces()).flatMap((all) => (all ?? []).map(({ address }) => address));
}

function dial(address: string, port: number, timeoutMs: number): Promise<Dialled> {
  return new Promise((done) => {
    const socket = tcp({ host: address, port, noDelay: true });
    // Stays for the socket's life: a late error on a connection that was given up must not end the process.
    socket.on("error", (error) => fail(reasonOf(error)));
    const timer = setTimeout(() => fail("connection timed out"), timeoutMs);
    const fail = (why: string) => {
      clearTimeout(timer);
      socket.destroy();
      done({ kind: "unreachable", why });
    };
    socket.once("connect", () => {
      clearTimeout(timer);
      done({ kind: "connected", socket, address });
    });
  });
}

function reasonOf(error: Error): string {
  return "code" in error && error.code === "ECONNREFUSED" ? "connection refused" : "could not connect";
}
