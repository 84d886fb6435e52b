/**
 * HTTP between the halves: paths and JSON shapes. Every call is signed as `contract/call.ts` says. Calls from the edge go
 * to a node's hand-off listener, calls from a node to the edge's origin.
 */
import { z } from "zod";
import { mailboxRecordSchema } from "./mailbox.ts";
import { elsewhereSchema, incomingMoveSchema, leavingMoveSchema } from "./move.ts";

/** Edge → node. */
export const nodePaths = {
  /** Body: one sealed message (`seal/format.ts`). 200 once the ciphertext is fsynced in the locked inbox. */
  message: "/handoff/message",
  /** Body: `mailboxUpdate` JSON. */
  mailbox: "/handoff/mailbox",
  /** Body: one relay job sealed to the node's transit key; inside: `relayJob`. 200 once durable. */
  relay: "/handoff/relay",
  /** Body: empty JSON object. Answers `{ node, time }`. */
  hello: "/handoff/hello",
  /** Body: empty JSON object. Answers `{}`; the node's next heartbeat comes at once. */
  beat: "/handoff/beat",
  /**
   * Sent by the new node, signed by the edge. Body: empty JSON object; the manifest's id is the move's. The mailbox is frozen, and
   * answered as a stream (`daemon/store/moving/format.ts`).
   */
  leave: "/handoff/leave",
} as const;

/** Node → edge. */
export const edgePaths = {
  /** Body: `rcptQuestion`; answers `rcptAnswer`. */
  rcpt: "/node/rcpt",
  /** Body: envelope and raw message, framed as `contract/frame.ts` does; answers `ingestAnswer`. */
  ingest: "/node/ingest",
  /** Body: `heartbeat`; answers `heartbeatAnswer`. */
  heartbeat: "/node/heartbeat",
  /** Body: `{ address }`; answers `{ mailbox: MailboxRecord | null }`: the node met a selector or address it does not know. */
  mailbox: "/node/mailbox",
  /** Body: `outboundResults`: what became of relay jobs. */
  results: "/node/results",
  /** Body: `moveNews`; answers `moveAnswer`. Told twice, it answers the same. */
  move: "/node/move",
} as const;

/** 200: `stored` now or `duplicate` of one stored before. 410: not here (moved or deleted). Others: try again later. */
export const messageAnswerSchema = z.strictObject({ status: z.enum(["stored", "duplicate"]) });

export const mailboxUpdateSchema = z.strictObject({ mailbox: mailboxRecordSchema });
/** `applied` is the revision that the node now holds, which may be newer than the one offered. */
export const mailboxUpdateAnswerSchema = z.strictObject({ applied: z.int() });

/** Answer of `edgePaths.mailbox`. */
export const mailboxAnswerSchema = z.object({ mailbox: mailboxRecordSchema.nullable() });

export const problemSchema = z.object({ title: z.string(), status: z.int(), detail: z.string().optional() });

export const rcptQuestionSchema = z.strictObject({
  recipient: z.string().max(400),
  sender: z.string().max(400),
  ip: z.string().max(64),
});
export const rcptAnswerSchema = z.discriminatedUnion("kind", [
  z.strictObject({ kind: z.literal("ok") }),
  z.strictObject({ kind: z.literal("refuse"), code: z.int(), enhanced: z.string(), text: z.string() }),
  z.strictObject({ kind: z.literal("defer"), code: z.int(), enhanced: z.string(), text: z.string() }),
]);
export type RcptAnswer = z.infer<typeof rcptAnswerSchema>;

export const ingestEnvelopeSchema = z.strictObject({
  /** Empty for the null reverse-path. */
  mailFrom: z.string().max(400),
  /** At most `limits.recipients`. */
  recipients: z.array(z.string().max(400)).min(1).max(50),
  ip: z.string().max(64),
  helo: z.string().max(255),
  tls: z.strictObject({ version: z.string().max(20), cipher: z.string().max(80) }).nullable(),
  /** UTC ms when DATA ended. */
  receivedAt: z.int(),
  /** MAIL FROM parameters that matter later. */
  smtputf8: z.boolean(),
  /**
   * The node itself brings it, from its relay queue: a message whose DMARC passed when it first came in, or one that this
   * service wrote. Where it comes from is not judged by the second hop's IP.
   */
  vouched: z.boolean().optional(),
});
export type IngestEnvelope = z.infer<typeof ingestEnvelopeSchema>;

/** One outcome per recipient, in the order asked. */
export const ingestAnswerSchema = z.strictObject({
  outcomes: z.array(
    z.strictObject({
      recipient: z.string(),
      kind: z.enum(["accepted", "refused", "deferred"]),
      code: z.int(),
      enhanced: z.string(),
      text: z.string(),
    }),
  ),
  /** Whether the reverse-path's owner surely sent it (`proof/path.ts`): only then may the door send a DSN for a mixed outcome. */
  pathProven: z.boolean(),
});
export type IngestAnswer = z.infer<typeof ingestAnswerSchema>;

export const mailPortsSchema = z.partialRecord(
  z.enum(["imaps", "imap", "pop3s", "pop3", "submissions", "submission"]),
  z.int().min(1).max(65535),
);

/**
 * All that was acknowledged from `since`, when the node's data folder was new, up to `until` is in a copy. UTC ms, the node's clock;
 * `until` is 0 before the first copy.
 */
export const coverSchema = z.strictObject({ since: z.int(), until: z.int() });
export type Cover = z.infer<typeof coverSchema>;

export const restoredSchema = z.strictObject({
  id: z.string().min(1).max(64),
  from: z.int(),
  /** null: all of the node. */
  mailboxes: z.array(z.string()).nullable(),
});
export type Restored = z.infer<typeof restoredSchema>;

const digests = z.strictObject({
  sha256: z.string().regex(/^[0-9a-f]{64}$/),
  sha512: z.string().regex(/^[0-9a-f]{128}$/),
});
/** The certificates that the node's servers show, its own first: of each whole one, and of its SubjectPublicKeyInfo. Hex. */
export const chainSchema = z
  .array(z.strictObject({ cert: digests, key: digests }))
  .min(1)
  .max(8);
export type Chain = z.infer<typeof chainSchema>;

export const heartbeatSchema = z.strictObject({
  node: z.string(),
  time: z.int(),
  version: z.string(),
  /** X-Wing public key for transit mail, base64, and its id. */
  transit: z.strictObject({ publicKey: z.string(), keyId: z.string() }),
  mailboxes: z.array(
    z.strictObject({
      id: z.string(),
      revision: z.int(),
      usedBytes: z.int(),
      /** Sealed messages waiting in the locked inbox. */
      waiting: z.int(),
      /** Store generation, see the mailbox store. */
      generation: z.int(),
      lastUse: z.record(z.string(), z.int()),
    }),
  ),
  relayWaiting: z.int(),
  /** The TXT record (`SELECTOR._domainkey.DOMAIN`) by which a domain lets this node sign relayed mail in its name. */
  signing: z.strictObject({ selector: z.string().max(63), txt: z.string().max(1000) }).optional(),
  diskFreeBytes: z.int(),
  /** Ports of its listeners for mail programs: one that is not named is not offered. Without any record: the usual ones. */
  ports: mailPortsSchema.optional(),
  /** For comparison with what DNS says of them (DANE). */
  chain: chainSchema.optional(),
  /** Where copies of this node are made: how far they reach. The edge keeps what is in none. */
  backup: coverSchema.optional(),
  /** It was put back from a copy that holds what was acknowledged up to `from`. Said until the answer names `id`. */
  restored: restoredSchema.optional(),
  /** Moves by which mailboxes are leaving this node: it serves none of these until it hears how the move ended. */
  leaving: z.array(z.string().max(64)).max(1000).optional(),
  /** Mailboxes that it holds and the last answer did not name, with the epoch since when; earlier versions said the ids alone. */
  unlisted: z
    .array(z.union([z.string().max(64), z.strictObject({ id: z.string().max(64), epoch: z.int().nonnegative() })]))
    .max(1000)
    .optional(),
});
export type Heartbeat = z.infer<typeof heartbeatSchema>;
/** What waits at the edge for a node, when it was last looked through. */
export const spoolStateSchema = z.strictObject({
  waiting: z.int(),
  /** Given up after five days. */
  parked: z.int(),
  /** When the oldest that is still tried was accepted, UTC ms; null where nothing waits. */
  oldest: z.int().nullable(),
  at: z.int(),
});
export type SpoolState = z.infer<typeof spoolStateSchema>;
/** What the edge keeps of a node's mail until a copy of the node holds it, when that was last looked through as a whole. */
export const keptStateSchema = z.strictObject({ count: z.int(), bytes: z.int(), at: z.int() });
export type KeptState = z.infer<typeof keptStateSchema>;
/** Mailboxes placed on this node, with the revision that the edge holds: the node asks for those it lacks. */
export const heartbeatAnswerSchema = z.strictObject({
  mailboxes: z.array(z.strictObject({ id: z.string(), address: z.string(), revision: z.int(), epoch: z.int() })),
  domains: z.array(z.string()),
  spool: spoolStateSchema.optional(),
  kept: keptStateSchema.optional(),
  /** How far the node's clock was ahead of the edge's when the beat came. */
  clockSkewMs: z.int().optional(),
  /** Id of the restore after which all that the edge kept is in its spool again. */
  putBack: z.string().optional(),
  incoming: z.array(incomingMoveSchema).optional(),
  leaving: z.array(leavingMoveSchema).optional(),
  elsewhere: z.array(elsewhereSchema).optional(),
});
export type HeartbeatAnswer = z.infer<typeof heartbeatAnswerSchema>;

/** Inside a sealed relay job: this JSON, then the raw message (framed as `contract/frame.ts` does). */
export const relayJobSchema = z.strictObject({
  id: z.string(),
  /** The reverse-path of the message as it came; the node applies SRS for the forwarding domain. */
  mailFrom: z.string(),
  /** Domain of ours that forwards: SRS, ARC and DKIM are done in its name. */
  domain: z.string(),
  /** The recipient at our side, for the trace header and loop stop. */
  forwardedFor: z.string(),
  recipient: z.string(),
  /** A host instead of MX look-up, or (null) the MX hosts by this port. */
  route: z.strictObject({ host: z.string().nullable(), port: z.int() }).nullable(),
  journalId: z.string(),
  receivedAt: z.int(),
  /** Our Authentication-Results value for the message, for the ARC seal. */
  authResults: z.string(),
  arcCv: z.enum(["none", "pass", "fail"]),
  dmarcPassed: z.boolean(),
  /** The reverse-path's owner surely sent it (`proof/path.ts`): only then is a failure told to it. */
  pathProven: z.boolean(),
  smtputf8: z.boolean(),
});
export type RelayJob = z.infer<typeof relayJobSchema>;

export const outboundResultsSchema = z.strictObject({
  results: z
    .array(
      z.strictObject({
        job: z.string(),
        journalId: z.string(),
        recipient: z.string(),
        at: z.int(),
        kind: z.enum(["delivered", "delayed", "failed"]),
        /** The remote's reply or our reason, one line, made safe. */
        detail: z.string().max(500),
        host: z.string().max(255),
      }),
    )
    .max(200),
});
export type OutboundResults = z.infer<typeof outboundResultsSchema>;
