/** What became of each message, step by step: verdicts and envelope only, never subject or body. Rows expire. */
import { index, integer, primaryKey, sqliteTable, text } from "drizzle-orm/sqlite-core";

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
  (t) => [index("journal_domain").on(t.domain, t.id), index("journal_expires").on(t.expiresAt)],
);

/** How many rows of the journal say the same: kept by triggers (see its migration), so that a figure costs no look at each row. */
export const tally = sqliteTable(
  "tally",
  {
    domain: text().notNull(),
    /** Days since 1970, UTC. */
    day: integer().notNull(),
    outcome: text({ enum: ["accepted", "refused", "deferred"] }).notNull(),
    reason: text().notNull(),
    spf: text().notNull(),
    dkim: text().notNull(),
    dmarc: text().notNull(),
    /** 1: DMARC says quarantine. */
    junk: integer().notNull(),
    n: integer().notNull(),
  },
  (t) => [
    primaryKey({ columns: [t.domain, t.day, t.outcome, t.reason, t.spf, t.dkim, t.dmarc, t.junk] }),
    index("tally_day").on(t.day),
  ],
);

/** The same by the domain of the author, folded. */
export const senderTally = sqliteTable(
  "sender_tally",
  { domain: text().notNull(), day: integer().notNull(), sender: text().notNull(), n: integer().notNull() },
  (t) => [primaryKey({ columns: [t.domain, t.day, t.sender] }), index("sender_tally_day").on(t.day)],
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
