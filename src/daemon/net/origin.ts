/** Whose connection it is, as far as an address tells: what limits and failed logins are counted by. */

/** A proxy or a webmail on this very host speaks for many clients. */
export function isLoopback(ip: string): boolean {
  return ip === "::1" || ip.startsWith("127.");
}

/** What is counted as one client. An IPv6 client owns its /64: counting single addresses would count nothing. */
export function originOf(ip: string): string {
  if (!ip.includes(":")) return `ip ${ip}`;
  const [head = "", tail] = ip.split("::");
  const left = head.split(":").filter(Boolean);
  const right = tail?.split(":").filter(Boolean) ?? [];
  const groups =
    tail === undefined ? left : [...left, ...Array<string>(8 - left.length - right.length).fill("0"), ...right];
  return `ip ${groups.slice(0, 4).join(":")}::/64`;
}
