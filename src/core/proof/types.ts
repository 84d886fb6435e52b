/**
 * The verdicts about a message's origin, as values. RFC 7208 (SPF), 6376 (DKIM), 7489 and 9989 (DMARC), 8617 (ARC).
 * They are journalled, shown, written into Authentication-Results and decided on; nothing here throws or waits.
 */
export type SpfResult = {
  result: "none" | "neutral" | "pass" | "fail" | "softfail" | "temperror" | "permerror" | "not-evaluated";
  /** The identity checked. */
  identity: "mailfrom" | "helo";
  domain: string;
  /** The directive that decided, as written (`ip4:192.0.2.0/24`), or null. */
  mechanism: string | null;
  /** From `exp=`, on fail only. */
  explanation: string | null;
  /** One line on why, for people. */
  reason: string;
};

export type DkimResult = {
  result: "none" | "pass" | "fail" | "policy" | "neutral" | "temperror" | "permerror";
  /** d= */
  domain: string;
  /** s= */
  selector: string;
  /** a= */
  algorithm: string;
  /** i=, or `@d` */
  identity: string;
  /** A distinct short reason for each way to fail (`body-hash`, `key-revoked`, …); empty on pass. */
  reason: string;
  /** The first characters of b=, enough to tell signatures apart (RFC 6008). */
  tag: string;
  /** Bits of an RSA key, 256 for ed25519, 0 unknown. */
  keyBits: number;
};

export type DmarcResult = {
  result: "none" | "pass" | "fail" | "temperror" | "permerror";
  /** The policy that applies (p, sp or np), `none` when there is no record. */
  policy: "none" | "quarantine" | "reject";
  /** What the receiver should do after pct/t= and overrides. */
  disposition: "none" | "quarantine" | "reject";
  /** The author domain (RFC5322.From). */
  domain: string;
  /** Where the policy record was found. */
  policyDomain: string;
  alignment: { spf: "aligned" | "unaligned" | "none"; dkim: "aligned" | "unaligned" | "none" };
  reason: string;
};

export type ArcResult = {
  cv: "none" | "pass" | "fail" | "temperror";
  instances: number;
  /** d= of the newest seal, when the chain passes. */
  sealer: string | null;
  reason: string;
};

export type Proof = {
  spf: SpfResult;
  dkim: DkimResult[];
  dmarc: DmarcResult;
  arc: ArcResult;
  iprev: { result: "pass" | "fail" | "temperror" | "permerror" | "none"; name: string | null };
  bimi: { result: "pass" | "none" | "fail" | "temperror" | "skipped"; location: string | null };
};

export type ProofInput = {
  raw: Uint8Array;
  /** Empty for the null reverse-path. */
  mailFrom: string;
  helo: string | null;
  /** Textual IPv4 or IPv6; null: SPF is not evaluated. */
  ip: string | null;
  /** UTC ms. */
  now: number;
  /** Our name in Authentication-Results (RFC 8601 §2.2). */
  authservId: string;
  /** Domains whose ARC seals may override a DMARC failure. */
  trustedSealers: readonly string[];
};
