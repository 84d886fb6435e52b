/** iprev, RFC 8601 §3: the client's address has a name, and that name has the address. */
import { toName } from "../dns/name.ts";
import type { Resolver } from "../ports.ts";
import { inNetwork, parseIp, reverseName } from "./spf/ip.ts";
import type { Proof } from "./types.ts";

/** Names tried; a hostile reverse zone lists thousands. */
const maxNames = 10;

/** Never throws. */
export async function checkIprev(text: string | null, dns: Resolver): Promise<Proof["iprev"]> {
  const ip = text === null ? null : parseIp(text);
  if (ip === null) return { result: "none", name: null };
  const answer = await dns.resolve(reverseName(ip), "PTR");
  if (answer.kind === "trouble") return { result: "temperror", name: null };
  // §3: no PTR record at all is a permanent error, not a mismatch.
  if (answer.kind === "none") return { result: "permerror", name: null };
  let trouble = false;
  for (const host of answer.records.slice(0, maxNames).map(toName)) {
    if (host === null) continue;
    const back = await dns.resolve(host, ip.version === 4 ? "A" : "AAAA");
    if (back.kind === "trouble") trouble = true;
    if (back.kind !== "found") continue;
    const matches = (address: string) => {
      const parsed = parseIp(address);
      return parsed !== null && inNetwork(ip, parsed, ip.bytes.length * 8);
    };
    if (back.records.some(matches)) return { result: "pass", name: host };
  }
  return { result: trouble ? "temperror" : "fail", name: null };
}
