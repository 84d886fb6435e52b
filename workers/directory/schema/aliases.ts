/** What becomes of mail for an address: aliases, destinations and their proof, sender lists, vacation, suppression. */
import { index, integer, primaryKey, sqliteTable, text, uniqueIndex } from "drizzle-orm/sqlite-core";
import { account } from "./accounts.ts";
import { domain } from "./domains.ts";

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

/** Addresses that are never written to again, whoever asks: complaints and "never again". */
export const suppression = sqliteTable("suppression", {
  /** Folded: the hot path looks it up among destinations inside the same round trip. */
  address: text().primaryKey(),
  reason: text().notNull(),
  createdAt: integer().notNull(),
});
