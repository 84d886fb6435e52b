/**
 * The directory in D1: who owns what, which rules, which public key, which node; and the journal of what became of each
 * message (verdicts and envelope only, never subject or body). IDs are ULIDs, times UTC milliseconds.
 */
import { index, integer, primaryKey, sqliteTable, text, uniqueIndex } from "drizzle-orm/sqlite-core";

export const account = sqliteTable(
  "account",
  {
    id: text().primaryKey(),
    /** Lower case. */
    email: text().notNull(),
    /** When a link mailed to it was opened. */
    emailVerifiedAt: integer(),
    /** `scrypt$N$r$p$salt$hash`, base64 parts. */
    password: text().notNull(),
    name: text().notNull().default(""),
    state: text({ enum: ["active", "frozen"] })
      .notNull()
      .default("active"),
    /** May run the whole installation (nodes, settings). */
    operator: integer({ mode: "boolean" }).notNull().default(false),
    createdAt: integer().notNull(),
  },
  (t) => [uniqueIndex("account_email").on(t.email)],
);

export const session = sqliteTable(
  "session",
  {
    /** SHA-256 of the cookie's token, hex: the token itself is stored nowhere. */
    id: text().primaryKey(),
    account: text()
      .notNull()
      .references(() => account.id, { onDelete: "cascade" }),
    createdAt: integer().notNull(),
    lastSeenAt: integer().notNull(),
    expiresAt: integer().notNull(),
    agent: text().notNull(),
    /** Signed in with a second factor (or a passkey). */
    strong: integer({ mode: "boolean" }).notNull().default(false),
    /** When its owner last proved to be there; dangerous acts ask again. */
    provedAt: integer().notNull().default(0),
  },
  (t) => [index("session_account").on(t.account)],
);

export const domain = sqliteTable(
  "domain",
  {
    id: text().primaryKey(),
    /** A-labels, lower case. */
    name: text().notNull(),
    /** Shown to an owner who proves the domain by TXT. */
    token: text().notNull(),
    state: text({ enum: ["pending", "active", "disabled"] }).notNull(),
    /** The node whose door is this domain's MX, and that is believed for it; null for zones on Cloudflare's MX only. */
    node: text(),
    /** TXT rules of this domain count too, behind the directory's (off until its owner switches them on). */
    txtRules: integer({ mode: "boolean" }).notNull().default(false),
    /** Its people need a second factor to work on it. */
    mfa: integer({ mode: "boolean" }).notNull().default(false),
    createdAt: integer().notNull(),
  },
  (t) => [uniqueIndex("domain_name").on(t.name), index("domain_node").on(t.node)],
);

export const membership = sqliteTable(
  "membership",
  {
    account: text()
      .notNull()
      .references(() => account.id, { onDelete: "cascade" }),
    domain: text()
      .notNull()
      .references(() => domain.id, { onDelete: "cascade" }),
    role: text({ enum: ["owner", "admin", "member"] }).notNull(),
    createdAt: integer().notNull(),
  },
  (t) => [primaryKey({ columns: [t.account, t.domain] }), index("membership_domain").on(t.domain)],
);

export const alias = sqliteTable(
  "alias",
  {
    id: text().primaryKey(),
    domain: text()
      .notNull()
      .references(() => domain.id, { onDelete: "cascade" }),
    kind: text({ enum: ["exact", "wildcard", "regex", "catch-all"] }).notNull(),
    /** The local part, folded; the pattern of a wildcard or regex; `*` for the catch-all. */
    pattern: text().notNull(),
    state: text({ enum: ["active", "disabled"] })
      .notNull()
      .default("active"),
    /** What a disabled alias answers. */
    disabledReply: integer().notNull().default(550),
    note: text().notNull().default(""),
    labels: text({ mode: "json" }).$type<string[]>().notNull().default([]),
    createdAt: integer().notNull(),
    updatedAt: integer().notNull(),
  },
  (t) => [uniqueIndex("alias_pattern").on(t.domain, t.kind, t.pattern)],
);

export const destination = sqliteTable(
  "destination",
  {
    id: text().primaryKey(),
    alias: text()
      .notNull()
      .references(() => alias.id, { onDelete: "cascade" }),
    kind: text({ enum: ["address", "domain", "mailbox", "webhook", "alias"] }).notNull(),
    /** An address, a domain, a mailbox id, a URL. */
    target: text().notNull(),
    /** `host:port` override for an address or domain. */
    route: text(),
    position: integer().notNull().default(0),
    /** Permanent failures in a row; a delivery sets it back. */
    failures: integer().notNull().default(0),
    /** Set when it bounced hard or failed too often: skipped until its owner resumes it. */
    pausedAt: integer(),
    /** The last trouble, for its owner. */
    trouble: text().notNull().default(""),
    createdAt: integer().notNull(),
  },
  (t) => [index("destination_alias").on(t.alias), index("destination_target").on(t.target)],
);

/** An address somebody may forward to, per account, once the link mailed to it was opened. */
export const verifiedAddress = sqliteTable(
  "verified_address",
  {
    account: text()
      .notNull()
      .references(() => account.id, { onDelete: "cascade" }),
    address: text().notNull(),
    /** SHA-256 of the mailed token, hex. */
    token: text().notNull(),
    sentAt: integer().notNull(),
    verifiedAt: integer(),
    /** Its owner opened the other link: no more mail of this kind. */
    refusedAt: integer(),
    /** Cloudflare lists it as a verified destination too, so `forward()` may be used. */
    cloudflare: integer({ mode: "boolean" }).notNull().default(false),
  },
  (t) => [primaryKey({ columns: [t.account, t.address] }), index("verified_token").on(t.token)],
);

export const node = sqliteTable("node", {
  id: text().primaryKey(),
  name: text().notNull(),
  /** `https://host:port` of its hand-off listener. */
  origin: text().notNull(),
  /** Host name that MX records point to. */
  mxHost: text().notNull(),
  /** Ed25519, 32 bytes, base64. */
  publicKey: text().notNull(),
  transitKey: text(),
  transitKeyId: text(),
  state: text({ enum: ["active", "draining", "gone"] }).notNull(),
  lastSeenAt: integer(),
  /** A hand-off found it silent; the next heartbeat rings for its spool and clears this. */
  unreachableSince: integer(),
  redrivenAt: integer(),
  facts: text({ mode: "json" }).$type<Record<string, unknown>>(),
  createdAt: integer().notNull(),
});

export const mailbox = sqliteTable(
  "mailbox",
  {
    id: text().primaryKey(),
    domain: text()
      .notNull()
      .references(() => domain.id),
    /** Whole address, folded; the login name. */
    address: text().notNull(),
    node: text()
      .notNull()
      .references(() => node.id),
    epoch: integer().notNull().default(0),
    revision: integer().notNull().default(1),
    /** X-Wing, 1,216 bytes, base64. */
    publicKey: text().notNull(),
    keyId: text().notNull(),
    quotaBytes: integer().notNull(),
    usedBytes: integer().notNull().default(0),
    /** Sealed messages at the node that wait for the owner to log in. */
    waiting: integer().notNull().default(0),
    state: text({ enum: ["active", "deleted"] })
      .notNull()
      .default("active"),
    /** The revision that the node has confirmed. */
    appliedRevision: integer().notNull().default(0),
    createdAt: integer().notNull(),
  },
  (t) => [
    uniqueIndex("mailbox_address").on(t.address),
    index("mailbox_node").on(t.node),
    index("mailbox_domain").on(t.domain, t.node),
  ],
);

export const keyslot = sqliteTable(
  "keyslot",
  {
    id: text().primaryKey(),
    mailbox: text()
      .notNull()
      .references(() => mailbox.id, { onDelete: "cascade" }),
    kind: text({ enum: ["app-password", "recovery-code", "passkey", "passphrase", "test-only"] }).notNull(),
    selector: text().notNull(),
    label: text().notNull(),
    /** `contract/mailbox.ts` keyslot, whole, as JSON: wrapped key and parameters. */
    slot: text({ mode: "json" }).notNull(),
    createdAt: integer().notNull(),
    lastUsedAt: integer(),
    revokedAt: integer(),
  },
  (t) => [uniqueIndex("keyslot_selector").on(t.mailbox, t.selector)],
);

/** One row per received message and recipient. */
export const journal = sqliteTable(
  "journal",
  {
    id: text().primaryKey(),
    domain: text().notNull(),
    at: integer().notNull(),
    entrance: text({ enum: ["cloudflare", "door"] }).notNull(),
    /** The node that asserted the client IP, null at Cloudflare's entrance. */
    assertedBy: text(),
    ip: text(),
    helo: text(),
    mailFrom: text().notNull(),
    recipient: text().notNull(),
    /** RFC5322.From address, for the owner to recognise mail by. */
    author: text().notNull(),
    size: integer().notNull(),
    /** `core/proof/types.ts` Proof. */
    proof: text({ mode: "json" }),
    /** Cloudflare's own verdicts where they were seen. */
    cloudflare: text({ mode: "json" }),
    alias: text(),
    outcome: text({ enum: ["accepted", "refused", "deferred"] }).notNull(),
    /** The named reason (`dmarc-policy`, …), `ok` when accepted. */
    reason: text().notNull(),
    reply: text().notNull(),
    expiresAt: integer().notNull(),
  },
  (t) => [index("journal_domain_at").on(t.domain, t.at), index("journal_expires").on(t.expiresAt)],
);

/** What happened to each copy afterwards: filed, forwarded, relayed, delivered, parked, … */
export const journalStep = sqliteTable(
  "journal_step",
  {
    id: text().primaryKey(),
    journal: text()
      .notNull()
      .references(() => journal.id, { onDelete: "cascade" }),
    at: integer().notNull(),
    /** `seal` → `queued` → `handed-off`; `forward`; `relay` → `delivered` | `delayed` | `failed`; `webhook` … */
    kind: text().notNull(),
    target: text().notNull(),
    ok: integer({ mode: "boolean" }).notNull(),
    detail: text().notNull().default(""),
  },
  (t) => [index("journal_step_journal").on(t.journal)],
);

/** Keys of messages already accepted (R10), kept 7 days. */
export const seen = sqliteTable(
  "seen",
  { key: text().primaryKey(), journal: text().notNull(), reply: text().notNull(), expiresAt: integer().notNull() },
  (t) => [index("seen_expires").on(t.expiresAt)],
);

/** Allow and deny lists (F10). The most specific scope wins: alias, then domain, then account; allow wins over deny within one. */
export const senderRule = sqliteTable(
  "sender_rule",
  {
    id: text().primaryKey(),
    /** The id of an account, a domain or an alias. */
    scope: text().notNull(),
    act: text({ enum: ["allow", "deny"] }).notNull(),
    match: text({ enum: ["address", "domain", "tld", "cidr"] }).notNull(),
    value: text().notNull(),
    /** What a denied sender is told: a 550, or nothing (the mail is dropped). */
    answer: text({ enum: ["reject", "drop"] })
      .notNull()
      .default("reject"),
    createdAt: integer().notNull(),
  },
  (t) => [uniqueIndex("sender_rule_value").on(t.scope, t.match, t.value)],
);

/** An automatic answer of one alias (F11, RFC 3834). */
export const vacation = sqliteTable("vacation", {
  alias: text()
    .primaryKey()
    .references(() => alias.id, { onDelete: "cascade" }),
  subject: text().notNull(),
  text: text().notNull(),
  startsAt: integer(),
  endsAt: integer(),
  /** A sender is answered once in so many days. */
  everyDays: integer().notNull().default(7),
  enabled: integer({ mode: "boolean" }).notNull().default(true),
});

export const vacationSent = sqliteTable(
  "vacation_sent",
  {
    alias: text()
      .notNull()
      .references(() => alias.id, { onDelete: "cascade" }),
    /** SHA-256 of the sender's address, hex. */
    sender: text().notNull(),
    expiresAt: integer().notNull(),
  },
  (t) => [primaryKey({ columns: [t.alias, t.sender] }), index("vacation_sent_expires").on(t.expiresAt)],
);

/** A customer's webhook receiver; a destination of kind `webhook` targets its id. */
export const webhookEndpoint = sqliteTable(
  "webhook_endpoint",
  {
    id: text().primaryKey(),
    /** A domain's id; `dns:` and its name for one without an account, hence no reference. */
    domain: text().notNull(),
    url: text().notNull(),
    /** `v1`: HMAC with the secrets below. `v1a`: Ed25519 with the seed below. */
    scheme: text({ enum: ["v1", "v1a"] }).notNull(),
    /** `whsec_…` or `whsk_…`, newest first; two while one is rotated out. */
    secrets: text({ mode: "json" }).$type<string[]>().notNull(),
    state: text({ enum: ["active", "disabled"] })
      .notNull()
      .default("active"),
    failingSince: integer(),
    disabledAt: integer(),
    createdAt: integer().notNull(),
  },
  (t) => [uniqueIndex("webhook_endpoint_url").on(t.domain, t.url)],
);

/** One row per attempt. */
export const webhookDelivery = sqliteTable(
  "webhook_delivery",
  {
    id: text().primaryKey(),
    endpoint: text()
      .notNull()
      .references(() => webhookEndpoint.id, { onDelete: "cascade" }),
    journal: text().notNull(),
    /** The spool's id of the message, which is the `webhook-id` too. */
    message: text().notNull(),
    attempt: integer().notNull(),
    at: integer().notNull(),
    /** HTTP status, 0 where there was no answer. */
    status: integer().notNull(),
    latencyMs: integer().notNull(),
    /** The first KB of the answer, or our reason. */
    answer: text().notNull(),
    ok: integer({ mode: "boolean" }).notNull(),
    nextAt: integer(),
  },
  (t) => [index("webhook_delivery_endpoint").on(t.endpoint, t.at)],
);

/** A destination named by a domain that has no account (F3): verified by a mailed link like any other. */
export const txtDestination = sqliteTable(
  "txt_destination",
  {
    domain: text().notNull(),
    address: text().notNull(),
    /** SHA-256 of the mailed token, hex. */
    token: text().notNull(),
    sentAt: integer().notNull(),
    verifiedAt: integer(),
    refusedAt: integer(),
  },
  (t) => [primaryKey({ columns: [t.domain, t.address] }), index("txt_destination_token").on(t.token)],
);

/** What a domain without an account did today, against the abuse limits. */
export const txtUse = sqliteTable(
  "txt_use",
  {
    domain: text().notNull(),
    /** UTC day, `YYYY-MM-DD`. */
    day: text().notNull(),
    messages: integer().notNull().default(0),
    verifications: integer().notNull().default(0),
  },
  (t) => [primaryKey({ columns: [t.domain, t.day] })],
);

/** Addresses that are never written to again, whoever asks: complaints and "never again". */
export const suppression = sqliteTable("suppression", {
  /** Folded: the hot path looks it up among destinations inside the same round trip. */
  address: text().primaryKey(),
  reason: text().notNull(),
  createdAt: integer().notNull(),
});

/** Hash-chained audit log: one chain per domain, and one per account for what concerns nobody else. */
export const audit = sqliteTable(
  "audit",
  {
    id: text().primaryKey(),
    /** Null in an account's chain. */
    domain: text(),
    /** Id of the domain or account whose chain this is. */
    chain: text().notNull(),
    /** 1, 2, 3, …: a gap shows that a row was taken out. */
    seq: integer().notNull(),
    /** Account id, or `system`. */
    actor: text().notNull(),
    at: integer().notNull(),
    act: text().notNull(),
    subject: text().notNull(),
    detail: text({ mode: "json" }).$type<Record<string, unknown>>().notNull(),
    previous: text().notNull(),
    hash: text().notNull(),
  },
  (t) => [uniqueIndex("audit_chain_seq").on(t.chain, t.seq)],
);

export const setting = sqliteTable("setting", { key: text().primaryKey(), value: text({ mode: "json" }).notNull() });

/** Guesses counted against a limit (sign-in, codes, the API's rate): one row per key and running window. */
export const attempt = sqliteTable(
  "attempt",
  { key: text().primaryKey(), count: integer().notNull(), expiresAt: integer().notNull() },
  (t) => [index("attempt_expires").on(t.expiresAt)],
);

/** A program's way in: `pst_<id>_<secret>`; only the secret's hash is kept. */
export const apiKey = sqliteTable(
  "api_key",
  {
    id: text().primaryKey(),
    account: text()
      .notNull()
      .references(() => account.id, { onDelete: "cascade" }),
    name: text().notNull(),
    /** SHA-256 of the secret part, hex: it is 256 random bits, so no slow hash is needed. */
    hash: text().notNull(),
    scopes: text({ mode: "json" }).$type<string[]>().notNull(),
    createdAt: integer().notNull(),
    expiresAt: integer(),
    lastUsedAt: integer(),
  },
  (t) => [index("api_key_account").on(t.account)],
);

/** A second factor by time (RFC 6238). Pending until a first code was right. */
export const totp = sqliteTable("totp", {
  account: text()
    .primaryKey()
    .references(() => account.id, { onDelete: "cascade" }),
  /** 20 random bytes, base64, sealed under the edge's key. */
  secret: text().notNull(),
  confirmedAt: integer(),
  /** The last time step taken: a code works once. */
  lastStep: integer().notNull().default(0),
});

/** One-time codes for somebody who lost the second factor; hashed, struck out when used. */
export const recoveryCode = sqliteTable(
  "recovery_code",
  {
    /** SHA-256 of account and code, hex. */
    hash: text().primaryKey(),
    account: text()
      .notNull()
      .references(() => account.id, { onDelete: "cascade" }),
    usedAt: integer(),
  },
  (t) => [index("recovery_code_account").on(t.account)],
);

export const passkey = sqliteTable(
  "passkey",
  {
    /** Credential id, base64url. */
    id: text().primaryKey(),
    account: text()
      .notNull()
      .references(() => account.id, { onDelete: "cascade" }),
    name: text().notNull(),
    /** SubjectPublicKeyInfo, base64. */
    publicKey: text().notNull(),
    /** COSE algorithm: -7 (ES256), -8 (EdDSA) or -257 (RS256). */
    algorithm: integer().notNull(),
    counter: integer().notNull(),
    createdAt: integer().notNull(),
    lastUsedAt: integer(),
  },
  (t) => [index("passkey_account").on(t.account)],
);

/** A question put to a browser or a person that must be answered once, soon: WebAuthn challenges, half-done sign-ins, mailed links. */
export const challenge = sqliteTable(
  "challenge",
  {
    /** SHA-256 of the secret handed out, hex. */
    id: text().primaryKey(),
    kind: text({ enum: ["passkey-add", "passkey-in", "second-factor", "reset", "verify-email"] }).notNull(),
    account: text(),
    expiresAt: integer().notNull(),
  },
  (t) => [index("challenge_expires").on(t.expiresAt)],
);

/** Somebody asked to join a domain; becomes a membership when they accept. */
export const invitation = sqliteTable(
  "invitation",
  {
    /** SHA-256 of the link's token, hex. */
    id: text().primaryKey(),
    domain: text()
      .notNull()
      .references(() => domain.id, { onDelete: "cascade" }),
    email: text().notNull(),
    role: text({ enum: ["owner", "admin", "member"] }).notNull(),
    invitedBy: text().notNull(),
    createdAt: integer().notNull(),
    expiresAt: integer().notNull(),
  },
  (t) => [uniqueIndex("invitation_email").on(t.domain, t.email)],
);

/** What a POST with an Idempotency-Key answered, so that its repetition changes nothing. */
export const idempotency = sqliteTable(
  "idempotency",
  {
    /** SHA-256 of account, route and key, hex. */
    id: text().primaryKey(),
    /** SHA-256 of the body: the same key with another body is a mistake. */
    request: text().notNull(),
    status: integer().notNull(),
    answer: text().notNull(),
    expiresAt: integer().notNull(),
  },
  (t) => [index("idempotency_expires").on(t.expiresAt)],
);

/** The last look at a domain's DNS records: state by record, to notice drift. */
export const dnsCheck = sqliteTable("dns_check", {
  domain: text()
    .primaryKey()
    .references(() => domain.id, { onDelete: "cascade" }),
  at: integer().notNull(),
  states: text({ mode: "json" }).$type<Record<string, string>>().notNull(),
});
