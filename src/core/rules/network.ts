/** Networks as people write them: `192.0.2.0/24`, `2001:db8::/32`, or a single address. RFC 4632, RFC 4291. */
import { inNetwork, parseIp } from "../proof/spf/ip.ts";

/** False for anything that can't be read. An IPv4 network never holds an IPv6 address. */
export function isInNetwork(ip: string, network: string): boolean {
  const parsed = parseNetwork(network);
  const address = parseIp(ip);
  return parsed !== null && address !== null && inNetwork(address, parsed.ip, parsed.prefix);
}

export function parseNetwork(text: string): { ip: NonNullable<ReturnType<typeof parseIp>>; prefix: number } | null {
  const [address = "", length, ...rest] = text.split("/");
  const ip = parseIp(address);
  if (ip === null || rest.length > 0) return null;
  const most = ip.version === 4 ? 32 : 128;
  if (length === undefined) return { ip, prefix: most };
  const prefix = /^\d{1,3}$/.test(length) ? Number(length) : most + 1;
  return prefix <= most ? { ip, prefix } : null;
}
