/** Receivers of webhooks and each attempt to reach one. */
import { index, integer, sqliteTable, text, uniqueIndex } from "drizzle-orm/sqlite-core";

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
  (t) => [
    index("webhook_delivery_log").on(t.endpoint, t.id),
    index("webhook_delivery_message").on(t.endpoint, t.message, t.attempt),
  ],
);
