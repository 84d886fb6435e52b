/**
 * Who may be written to (abuse of the service itself): an address becomes a destination once its owner opened the mailed link.
 * Excepted are the domain's people's own domains here, and installations' operators, who answer for themselves. Nobody on the
 * suppression list is ever written to. Pure: it takes targets away and says why.
 */
import { foldAddress, splitTag } from "./address.ts";
import type { Route, Skip, Target } from "./route.ts";

export type Standings = {
  /** Verified for this domain's people; the value: also a verified destination at Cloudflare. */
  verified: ReadonlyMap<string, { cloudflare: boolean }>;
  /** Domains here that belong to the same people. */
  ownDomains: ReadonlySet<string>;
  suppressed: ReadonlySet<string>;
  /** One of them is the installation's operator. */
  trusted: boolean;
};

export const nobody: Standings = {
  verified: new Map(),
  ownDomains: new Set(),
  suppressed: new Set(),
  trusted: false,
};

/** Verification of a whole domain is that of its postmaster (RFC 5321 §4.5.1: it has one). */
export function verifiable(address: string, wholeDomain: boolean): string {
  return wholeDomain ? `postmaster@${address.slice(address.lastIndexOf("@") + 1)}` : bare(address);
}

/**
 * Whose yes a destination needs, as its owner wrote it; null where none is asked for, or it can't be told before a message
 * comes (`$1@example.net`).
 */
export function consentOf({ kind, target }: { kind: string; target: string }): string | null {
  if (kind === "domain") return verifiable(`@${target}`, true);
  return kind !== "address" || target.includes("$") ? null : bare(target);
}

/** Reserved names go to the owner's own account address, which needs no link. */
export function admit(route: Route, standings: Standings): Route {
  if (route.kind !== "found" || route.match.by === "reserved") return route;
  const skips: Skip[] = [...route.skips];
  const targets: Target[] = [];
  for (const target of route.targets) {
    const why = target.kind === "address" ? objection(target, standings) : null;
    if (why === null) targets.push(target);
    else if (target.kind === "address") skips.push(skipOf(target, why));
  }
  if (targets.length > 0) return { ...route, targets, skips };
  return { kind: "refused", reason: "no-destination", match: route.match, skips };
}

type AddressTarget = Extract<Target, { kind: "address" }>;

/** Names the address whose owner has to agree. */
function skipOf({ destination, address, wholeDomain }: AddressTarget, why: Skip["why"]): Skip {
  return { destination, target: why === "not-verified" ? verifiable(address, wholeDomain) : address, why };
}

function objection(target: AddressTarget, standings: Standings): "suppressed" | "not-verified" | null {
  const address = bare(target.address);
  if (standings.suppressed.has(address)) return "suppressed";
  const domain = address.slice(address.lastIndexOf("@") + 1);
  const fine =
    standings.trusted ||
    standings.ownDomains.has(domain) ||
    standings.verified.has(address) ||
    (target.wholeDomain && standings.verified.has(`postmaster@${domain}`));
  return fine ? null : "not-verified";
}

/** `me+shop@x` is verified with `me@x`. */
export function bare(address: string): string {
  const folded = foldAddress(address);
  return folded === null ? address : `${splitTag(folded.local).base}@${folded.domain}`;
}
