/** What the last look at each domain's DNS came to, for lists of many domains. Written by `dns/health.ts`. */
import { among } from "./among.ts";
import type { World } from "./open.ts";
import { dnsCheck } from "./schema.ts";

/** Checks that decide whether mail arrives and is trusted; the others are nice to have. */
const telling = ["owner", "mx", "spf", "dkim", "dmarc", "ptr"];

export type DnsState = { at: number; faults: string[] };

/** Domains never looked at are not in it. */
export async function dnsStates(world: World, domains: readonly string[]): Promise<Map<string, DnsState>> {
  if (domains.length === 0) return new Map();
  const rows = await world.db.select().from(dnsCheck).where(among(dnsCheck.domain, domains));
  return new Map(rows.map(({ domain, at, states }) => [domain, { at, faults: faultsIn(states) }]));
}

function faultsIn(states: Record<string, string>): string[] {
  return telling.filter((id) => states[id] === "missing" || states[id] === "wrong");
}
