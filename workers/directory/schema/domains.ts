/** Domains, who may work on them, what their DNS records looked like, and the hash-chained audit log of both. */
import { sql } from "drizzle-orm";
import { index, integer, primaryKey, sqliteTable, text, uniqueIndex } from "drizzle-orm/sqlite-core";
import { account } from "./accounts.ts";

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
  (t) => [
    // Anybody may begin with a name; one alone proves it.
    uniqueIndex("domain_proven").on(t.name).where(sql`state <> 'pending'`),
    index("domain_by_name").on(t.name),
    index("domain_node").on(t.node),
  ],
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

/** The last look at a domain's DNS records: state by record, to notice drift. */
export const dnsCheck = sqliteTable("dns_check", {
  domain: text()
    .primaryKey()
    .references(() => domain.id, { onDelete: "cascade" }),
  at: integer().notNull(),
  states: text({ mode: "json" }).$type<Record<string, string>>().notNull(),
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
