/** A message on its way through the Worker, and what becomes of it for each recipient. */
import type { Header } from "../src/core/message/header.ts";
import type { Proof } from "../src/core/proof/types.ts";
import type { Reply } from "../src/core/reply.ts";
import type { Verdict } from "../src/core/rules/decide.ts";
import type { DedupeKeys } from "./dedupe.ts";
import type { LookedUp } from "./directory/routes.ts";

export type Envelope = {
  entrance: "cloudflare" | "door";
  /** The node that asserts the client's facts; null at Cloudflare's entrance. */
  assertedBy: string | null;
  /** Empty for the null reverse-path. */
  mailFrom: string;
  ip: string | null;
  helo: string | null;
  tls: { version: string; cipher: string } | null;
  smtputf8: boolean;
  receivedAt: number;
  /** It came in here before and was judged then; see `contract/handoff.ts`. */
  vouched: boolean;
};

export type Incoming = {
  envelope: Envelope;
  recipients: readonly string[];
  raw: Uint8Array;
  /** `raw` under the entrance's own trusted header block. */
  below: Uint8Array;
  /** What Cloudflare's MX found, where it said so; for the journal. */
  cloudflare: unknown;
  /** Cloudflare's `forward()`, at its entrance; marks the message as forwarded for the second address. */
  forward: ((address: string, forwardedFor: string) => Promise<void>) | null;
};

/** One recipient's copy of the message, with the verdict that stands for it. */
export type Delivery = {
  found: LookedUp;
  verdict: Verdict;
  journal: string;
  /** Accepted once before: said again, nothing done. */
  seen: boolean;
};

/** What all recipients of one message share. */
export type Shared = {
  mail: Incoming;
  header: Header;
  /** Raw bytes without forged results of ours; what is stored and sent on. */
  clean: Uint8Array;
  proof: Proof | null;
  keys: DedupeKeys;
};

export type OutcomeKind = "accepted" | "refused" | "deferred";
export type Outcome = { recipient: string; kind: OutcomeKind; reason: string; reply: Reply };
/** `pathProven`: a failure may be told to the reverse-path. */
export type Receipt = { outcomes: Outcome[]; pathProven: boolean };
