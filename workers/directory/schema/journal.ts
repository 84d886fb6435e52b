/** What became of each message, step by step: verdicts and envelope only, never subject or body. Rows expire. */
import { index, integer, sqliteTable, text } from "drizzle-orm/sqlite-core";

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
    /** `seal` → `queued` → `handed-off`; `forward`; `relay` → `taken` → `delivered` | `delayed` | `failed`; `webhook` … */
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
