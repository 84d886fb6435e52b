/** Domains without an account (F3): destinations named in TXT records, and what was used of the abuse limits. */
import { index, integer, primaryKey, sqliteTable, text } from "drizzle-orm/sqlite-core";

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
