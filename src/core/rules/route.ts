/**
 * What the directory answers about one envelope recipient, as values: the domain, the alias that matched and where its mail
 * goes. `aliases.ts` makes routes out of directory rows, `decide.ts` turns them into verdicts; both are pure.
 */
import type { Reason } from "../reply.ts";

export type AliasKind = "exact" | "wildcard" | "regex" | "catch-all";

export type Alias = {
  id: string;
  kind: AliasKind;
  /** Folded local part, wildcard with `*`, regular expression, or `*` for the catch-all. */
  pattern: string;
  state: "active" | "disabled";
  /** 250 drops silently, 421 asks to retry, 550 refuses. */
  disabledReply: number;
  createdAt: number;
  destinations: Destination[];
};

/** A way out of its own: a host that takes the mail whatever the MX says, or (null) the MX hosts by another port. */
export type HostPort = { host: string | null; port: number };

/** A destination as its owner wrote it. */
export type Destination = {
  id: string;
  kind: "address" | "domain" | "mailbox" | "webhook" | "alias";
  /** An address, a domain, a mailbox id, a URL, or the address of another alias of the domain. */
  target: string;
  route: HostPort | null;
  paused: boolean;
};

/** A mailbox as the hot path needs it. */
export type MailboxRef = {
  id: string;
  address: string;
  node: string;
  epoch: number;
  publicKey: string;
  keyId: string;
  quotaBytes: number;
  usedBytes: number;
};

/** A destination resolved for one recipient: `$1`, `*@domain` and nested aliases are gone. */
export type Target =
  | { kind: "mailbox"; destination: string; mailbox: MailboxRef }
  | {
      kind: "address";
      destination: string;
      address: string;
      route: HostPort | null;
      /** It came from a destination that names a whole domain. */
      wholeDomain: boolean;
    }
  /** `groups` of the regular expression that matched go into the URL's `$1` (`webhook/target.ts`) when it is called. */
  | { kind: "webhook"; destination: string; url: string; groups: string[] };

/** Why one destination of a matched alias gets nothing; told to the owner, not to the sender. */
export type Skip = { destination: string; target: string; why: SkipReason };
export type SkipReason =
  | "paused"
  | "loops-to-itself"
  | "alias-too-deep"
  | "alias-gone"
  | "mailbox-gone"
  | "endpoint-off"
  | "bad-address"
  | "same-as-another"
  | "over-the-fan-out"
  | "not-verified"
  | "suppressed";

/** What matched: an alias, a mailbox's own address, or a reserved name (RFC 2142) that falls to the domain's owner. */
export type Match =
  | { by: "alias"; alias: string; kind: AliasKind; pattern: string }
  | { by: "mailbox"; mailbox: string }
  | { by: "reserved"; name: string }
  /** An SRS address: a bounce on its way back to whose mail we forwarded. */
  | { by: "return-path" };

export type FoundRoute = { kind: "found"; match: Match; targets: Target[]; skips: Skip[] };
export type Route =
  | { kind: "refused"; reason: Reason; match: Match | null; skips: Skip[] }
  /** Accepted and dropped, as its owner chose. */
  | { kind: "dropped"; match: Match }
  | FoundRoute;
