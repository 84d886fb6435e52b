/** What goes in and out of the API, as zod. Bounds stand here, meaning is checked by the directory. */
import { z } from "zod";
import { keyslotSchema, previousKeySchema } from "../../src/core/contract/mailbox.ts";
import { limits } from "../../src/core/limits.ts";
import type { Account } from "../directory/accounts.ts";
import { aliasSorts } from "../directory/alias-list.ts";

export const id = z
  .string()
  .regex(/^[0-9A-HJKMNP-TV-Z]{26}$/, "is not an id")
  .describe("ULID");
export const time = z.int().describe("UTC milliseconds");
const base64 = z.string().regex(/^[A-Za-z0-9+/]*={0,2}$/, "is not base64");

export const domainParams = z.object({ domain: id });
export const cursorQuery = z.object({
  after: z.string().max(600).optional().describe("`next` of the page before"),
  limit: z.coerce.number().int().min(1).max(100).default(50),
});

export function page<T extends z.ZodType>(item: T) {
  return z.object({ items: z.array(item), next: z.string().nullable().describe("Cursor of the next page") });
}

export const credentials = z.object({ email: z.string().min(3).max(320), password: z.string().min(1).max(200) });
export const accountShape = z.object({
  id,
  email: z.string(),
  emailVerified: z.boolean().describe("A link that was mailed to it was opened"),
  name: z.string(),
  operator: z.boolean(),
});

export function accountView(of: Account): z.input<typeof accountShape> {
  return { ...of, emailVerified: of.emailVerifiedAt !== null };
}

export const nodeInput = z.object({
  id: z.string().regex(/^[A-Za-z0-9-]{1,64}$/, "may have letters, digits and dashes"),
  name: z.string().min(1).max(100),
  origin: z.url({ protocol: /^https$/ }).max(300),
  mxHost: z.string().min(1).max(253),
  publicKey: base64.length(44).describe("Ed25519, 32 bytes"),
});
export const nodeShape = z.object({
  id: z.string(),
  name: z.string(),
  origin: z.string(),
  mxHost: z.string(),
  publicKey: z.string(),
  state: z.enum(["active", "draining", "gone"]),
  lastSeenAt: time.nullable(),
  unreachableSince: time.nullable().describe("A hand-off found it silent, and no heartbeat has come since"),
  spool: z
    .object({
      waiting: z.int().describe("Sealed messages at the edge that this node has not taken yet"),
      parked: z.int().describe("Given up after five days, kept"),
      oldest: time.nullable().describe("When the oldest of those that wait was accepted: the lag"),
      at: time.describe("When this was looked at"),
    })
    .nullable(),
  version: z.string().nullable(),
  relayWaiting: z.int().nullable().describe("Messages on their way out"),
  diskFreeBytes: z.int().nullable(),
  clockSkewMs: z.int().nullable().describe("How far its clock is ahead of the edge's, latency included"),
  backup: z
    .object({
      since: time.describe("When its data folder was new"),
      until: time.describe("What it acknowledged up to then is in a copy; 0 before the first"),
    })
    .nullable()
    .describe("null where no copies of it are made"),
  kept: z
    .object({ count: z.int(), bytes: z.int(), at: time })
    .nullable()
    .describe("What the edge keeps until a copy of the node holds it"),
  troubles: z.array(z.object({ says: z.string(), since: time.nullable() })).describe("What to look into"),
  createdAt: time,
});

export const role = z.enum(["owner", "admin", "member"]);
export const domainInput = z.object({
  name: z.string().min(1).max(253),
  node: z.string().max(64).nullable().default(null).describe("Node whose door is this domain's MX"),
  active: z.literal(true).optional().describe("Skips the owner's proof; operators only"),
});
export const domainShape = z.object({
  id,
  name: z.string(),
  state: z.enum(["pending", "active", "disabled"]),
  node: z.string().nullable(),
  role,
  aliases: z.int(),
  mailboxes: z.int(),
  mfa: z.boolean(),
  createdAt: time,
});

const destinationKind = z.enum(["address", "domain", "mailbox", "webhook", "alias"]);
const route = z
  .string()
  .regex(
    /^[A-Za-z0-9.-]{0,253}:(25|465|587|2525)$/,
    "is host:port, or :port for the MX hosts, with port 25, 465, 587 or 2525",
  )
  .nullable();
export const destinationInput = z.object({
  kind: destinationKind,
  target: z.string().min(1).max(500),
  route: route.optional(),
});
const aliasKind = z.enum(["exact", "wildcard", "regex", "catch-all"]);
const aliasState = z.enum(["active", "disabled"]);
const disabledReply = z.union([z.literal(250), z.literal(421), z.literal(550)]);
const note = z.string().max(1000);
const labels = z.array(z.string().min(1).max(40)).max(20);
const destinations = z.array(destinationInput).max(limits.fanOut);

export const aliasInput = z.object({
  kind: aliasKind,
  pattern: z.string().max(200).default("*"),
  destinations: destinations.min(1),
  note: note.default(""),
  labels: labels.default([]),
  state: aliasState.default("active"),
  disabledReply: disabledReply.default(550).describe("What a disabled alias answers"),
});
export const aliasChange = z.object({
  kind: aliasKind.optional(),
  pattern: z.string().max(200).optional(),
  destinations: destinations.min(1).optional(),
  note: note.optional(),
  labels: labels.optional(),
  state: aliasState.optional(),
  disabledReply: disabledReply.optional(),
});
export const aliasShape = z.object({
  id,
  kind: aliasKind,
  pattern: z.string(),
  state: aliasState,
  disabledReply: z.int(),
  note: z.string(),
  labels: z.array(z.string()),
  destinations: z.array(
    z.object({
      id,
      kind: destinationKind,
      target: z.string(),
      route: z.string().nullable(),
      pausedAt: time.nullable(),
      trouble: z.string(),
    }),
  ),
  createdAt: time,
  updatedAt: time,
});
export const aliasQuery = cursorQuery.extend({
  text: z.string().max(200).optional().describe("Part of pattern, note, label or destination"),
  state: aliasState.optional(),
  kind: aliasKind.optional(),
  sort: z
    .enum(aliasSorts)
    .optional()
    .describe("By pattern, or the latest made or changed first; a cursor belongs to one order"),
});

export const mailboxInput = z.object({
  id: id.describe("ULID made by the client: it is bound into the wrapped keys"),
  address: z.string().min(3).max(320),
  node: z.string().max(64),
  publicKey: base64.max(1700).describe("X-Wing, 1,216 bytes"),
  keyId: z.string().regex(/^[0-9a-f]{32}$/),
  quotaBytes: z
    .int()
    .min(1024 * 1024)
    .max(2 ** 40),
  keyslots: z.array(keyslotSchema).min(1).max(20),
});
export const rotationInput = z.object({
  revision: z.int().describe("The mailbox's, as read before"),
  publicKey: base64.max(1700).describe("X-Wing, 1,216 bytes, of the new key"),
  keyId: z.string().regex(/^[0-9a-f]{32}$/),
  previous: previousKeySchema.describe("The old master key, wrapped under the new one"),
  keyslots: z.array(keyslotSchema).min(2).max(20),
});
export const mailboxShape = z.object({
  id,
  address: z.string(),
  domain: id,
  node: z.string(),
  keyId: z.string(),
  quotaBytes: z.int(),
  usedBytes: z.int(),
  waiting: z.int().describe("Sealed messages that wait for the owner to log in"),
  revision: z.int(),
  appliedRevision: z.int().describe("The revision that the node has confirmed"),
  createdAt: time,
});
export const moveInput = z.object({
  address: z.string().min(3).max(320).describe("The mailbox's"),
  node: z.string().min(1).max(64).describe("Where it is to live; must be active and heard of within two minutes"),
});
export const moveShape = z.object({
  id,
  mailbox: id,
  address: z.string(),
  source: z.string().describe("Node that it leaves"),
  target: z.string().describe("Node that it moves to"),
  state: z.enum(["asked", "moved", "cancelled"]).describe("“asked” until it is over, one way or the other"),
  askedAt: time,
  endedAt: time.nullable(),
  trouble: z
    .string()
    .describe("What went wrong last, or why it was cancelled; it is tried again until it is cancelled"),
  troubleAt: time.nullable(),
});
export const waitingShape = z.object({
  message: z.string().describe("The message's id in the activity, for as long as that is kept"),
  since: time.describe("When it was accepted"),
  size: z.int().describe("Bytes, sealed"),
  parked: z.boolean().describe("Given up after five days: kept, and tried only when asked"),
});
export const retriedShape = z.object({
  waiting: z.int().describe("How many are tried; the others after this answer"),
  first: z
    .enum(["taken", "not-taken", "unreachable", "gone", "none"])
    .describe(
      "How the oldest went: taken by the node, not taken now, node not reached, no longer there, nothing waits",
    ),
});
export const slotShape = z.object({
  id: z.string(),
  kind: z.string(),
  selector: z.string(),
  label: z.string(),
  createdAt: time,
  lastUsedAt: time.nullable(),
  revokedAt: time.nullable(),
});

export const auditQuery = z.object({
  after: z.coerce.number().int().min(1).optional().describe("`next` of the page before"),
  limit: z.coerce.number().int().min(1).max(100).default(50),
});
export const auditShape = z.object({
  seq: z.int(),
  at: time,
  actor: z.string(),
  act: z.string(),
  subject: z.string(),
  detail: z.record(z.string(), z.unknown()),
  previous: z.string(),
  hash: z.string(),
});

export const chainShape = z.object({
  ok: z.boolean(),
  rows: z.int(),
  head: z.string(),
  brokenAt: z.int().nullable().describe("The first row that does not fit"),
});

const outcome = z.enum(["accepted", "refused", "deferred"]);
export const activityQuery = z.object({
  domain: id.optional(),
  outcome: outcome.optional(),
  text: z.string().max(200).optional().describe("Part of sender or recipient"),
  after: id.optional().describe("`next` of the page before"),
  limit: z.coerce.number().int().min(1).max(100).default(50),
});
export const messageShape = z.object({
  id,
  domain: z.string(),
  at: time,
  entrance: z.enum(["cloudflare", "door"]),
  ip: z.string().nullable(),
  helo: z.string().nullable(),
  mailFrom: z.string(),
  recipient: z.string(),
  author: z.string(),
  size: z.int(),
  proof: z.unknown().describe("SPF, DKIM, DMARC and ARC verdicts"),
  alias: z.string().nullable(),
  outcome,
  reason: z.string(),
  reply: z.string(),
  steps: z.array(z.object({ at: time, kind: z.string(), target: z.string(), ok: z.boolean(), detail: z.string() })),
});
