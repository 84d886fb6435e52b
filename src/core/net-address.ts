/**
 * Which IP addresses may be connected to for a customer: only those that the Internet at large routes. Everything else
 * leads inside, to neighbours or to ourselves. Tables are IANA's special-purpose registries (RFC 6890, 8190).
 */
import { type Ip, inNetwork, parseIp } from "./proof/spf/ip.ts";

const inward4 = [
  "0.0.0.0/8", // this network, RFC 791: 0.0.0.0 is the local host on Linux
  "10.0.0.0/8", // private, RFC 1918
  "100.64.0.0/10", // carrier NAT, RFC 6598
  "127.0.0.0/8", // loopback
  "169.254.0.0/16", // link-local, where clouds keep their metadata services
  "172.16.0.0/12", // private
  "192.0.0.0/24", // protocol assignments
  "192.0.2.0/24", // documentation
  "192.31.196.0/24", // AS112
  "192.52.193.0/24", // AMT
  "192.88.99.0/24", // 6to4 relays, RFC 7526
  "192.168.0.0/16", // private
  "192.175.48.0/24", // AS112
  "198.18.0.0/15", // benchmarks
  "198.51.100.0/24", // documentation
  "203.0.113.0/24", // documentation
  "224.0.0.0/4", // multicast
  "240.0.0.0/4", // reserved, broadcast
] as const;

// Of IPv6 only 2000::/3 is given out (RFC 4291 §2.4); these lie inside it and lead elsewhere all the same.
const inward6 = [
  "2001::/23", // protocol assignments: Teredo, ORCHID, benchmarks
  "2001:db8::/32", // documentation
  "2002::/16", // 6to4: carries an IPv4 address of the sender's choice
  "2620:4f:8000::/48", // AS112
  "3fff::/20", // documentation, RFC 9637
] as const;

type Network = { ip: Ip; prefix: number };

function network(text: string): Network {
  const [address = "", prefix = ""] = text.split("/");
  const ip = parseIp(address);
  if (ip === null) throw new RangeError(`not a network: ${text}`);
  return { ip, prefix: Number(prefix) };
}

const closed4 = inward4.map(network);
const closed6 = inward6.map(network);
const given6 = network("2000::/3");

/**
 * May we connect to it for somebody else? `text` is a resolved address: dotted quad or RFC 4291 text. What can't be read is
 * not public. IPv4-mapped IPv6 counts as the IPv4 address that it reaches; NAT64 (64:ff9b::/96) is refused whole.
 */
export function isPublicAddress(text: string): boolean {
  const ip = parseIp(text);
  if (ip === null) return false;
  if (ip.version === 4) return !closed4.some((net) => inNetwork(ip, net.ip, net.prefix));
  return inNetwork(ip, given6.ip, given6.prefix) && !closed6.some((net) => inNetwork(ip, net.ip, net.prefix));
}

/** 127.0.0.0/8 and ::1: what a test set-up may allow, and nothing else. */
export function isLoopbackAddress(text: string): boolean {
  const ip = parseIp(text);
  if (ip === null) return false;
  return ip.version === 4 ? ip.bytes[0] === 127 : ip.bytes.every((byte, i) => byte === (i === 15 ? 1 : 0));
}
