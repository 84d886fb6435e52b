/**
 * The DNS tree walk, RFC 9989 §4.10: where a domain's policy stands and what its organisational domain is, asked of the
 * DNS itself, so that no public-suffix file is shipped. At most eight questions a walk.
 */
import { txtRecords } from "../dns/memo.ts";
import type { Resolver } from "../ports.ts";
import { type DmarcRecord, isDmarcRecord, parseDmarcRecord } from "./dmarc-record.ts";

export type Found = { domain: string; record: DmarcRecord };
export type Walk = {
  /** Longest name first. */
  found: Found[];
  organization: string;
  /** A question that got no answer: everything above it is unknown. */
  trouble: boolean;
};

/** §4.10 step 4: above this many labels the walk jumps. */
const jumpAbove = 7;

/** `domain` is an A-label name. Never throws. */
export async function walkUp(domain: string, dns: Resolver): Promise<Walk> {
  const found: Found[] = [];
  for (let name: string | null = domain; name !== null; name = nextUp(name)) {
    const record = await recordAt(name, dns);
    if (record === "trouble") return { found, organization: domain, trouble: true };
    if (record === null) continue;
    found.push({ domain: name, record });
    if (record.psd !== "u") break; // §4.10 steps 3 and 7
  }
  return { found, organization: organization(domain, found), trouble: false };
}

function nextUp(name: string): string | null {
  const labels = name.split(".");
  const rest = labels.length > jumpAbove ? labels.slice(-jumpAbove) : labels.slice(1);
  return rest.length === 0 ? null : rest.join(".");
}

// Several records are discarded like none (§4.10 steps 2 and 6).
async function recordAt(name: string, dns: Resolver): Promise<DmarcRecord | "trouble" | null> {
  const answer = await txtRecords(dns, `_dmarc.${name}`);
  if (answer.kind === "trouble") return "trouble";
  const records = answer.kind === "found" ? answer.records.filter(isDmarcRecord) : [];
  return records.length === 1 ? parseDmarcRecord(records[0] ?? "") : null;
}

/** §4.10.2. */
function organization(domain: string, found: readonly Found[]): string {
  for (const { domain: at, record } of found) {
    if (record.psd === "n") return at;
    if (record.psd === "y" && at !== domain) return labelBelow(at, domain);
  }
  return found.at(-1)?.domain ?? domain;
}

function labelBelow(parent: string, domain: string): string {
  return domain
    .split(".")
    .slice(-(parent.split(".").length + 1))
    .join(".");
}

/** §4.10.1: the record at the domain itself, else its organisation's, else the public suffix's above that. */
export function policyOf(domain: string, walk: Walk): Found | null {
  const at = (name: string) => walk.found.find((one) => one.domain === name);
  const suffix = walk.found.find(({ record, domain: name }) => record.psd === "y" && name !== domain);
  return at(domain) ?? at(walk.organization) ?? suffix ?? null;
}
