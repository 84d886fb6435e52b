/** What the service itself remembers: settings, counted guesses, answers to repeated requests. */
import { index, integer, sqliteTable, text } from "drizzle-orm/sqlite-core";

export const setting = sqliteTable("setting", { key: text().primaryKey(), value: text({ mode: "json" }).notNull() });

/** Guesses counted against a limit (sign-in, codes, the API's rate): one row per key and running window. */
export const attempt = sqliteTable(
  "attempt",
  { key: text().primaryKey(), count: integer().notNull(), expiresAt: integer().notNull() },
  (t) => [index("attempt_expires").on(t.expiresAt)],
);

/** What a POST with an Idempotency-Key answered, so that its repetition changes nothing. */
export const idempotency = sqliteTable(
  "idempotency",
  {
    /** SHA-256 of account, route and key, hex. */
    id: text().primaryKey(),
    /** SHA-256 of the body: the same key with another body is a mistake. */
    request: text().notNull(),
    /** The try that may carry it out, and until when nobody takes over from it. */
    holder: text().notNull().default(""),
    leaseUntil: integer().notNull().default(0),
    /** 0: under way; 1: carried out, its answer not kept yet; else what was answered. */
    status: integer().notNull(),
    answer: text().notNull(),
    expiresAt: integer().notNull(),
  },
  (t) => [index("idempotency_expires").on(t.expiresAt)],
);
