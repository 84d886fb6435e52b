/** Nodes, the mailboxes placed on them, their moves, and their wrapped keys: public halves only, nothing here opens mail. */
import { sql } from "drizzle-orm";
import { index, integer, sqliteTable, text, uniqueIndex } from "drizzle-orm/sqlite-core";
import type { PreviousKey } from "../../../src/core/contract/mailbox.ts";
import { domain } from "./domains.ts";

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
    /** Master keys before a rotation, each wrapped under the one after it; newest first. */
    previous: text({ mode: "json" }).$type<PreviousKey[]>().notNull().default([]),
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

/** A mailbox's way from one node to another. `asked` until exactly one of the two ends is written. */
export const mailboxMove = sqliteTable(
  "mailbox_move",
  {
    id: text().primaryKey(),
    mailbox: text()
      .notNull()
      .references(() => mailbox.id, { onDelete: "cascade" }),
    source: text()
      .notNull()
      .references(() => node.id),
    target: text()
      .notNull()
      .references(() => node.id),
    /** The mailbox's at the source. */
    epoch: integer().notNull(),
    state: text({ enum: ["asked", "moved", "cancelled"] }).notNull(),
    askedAt: integer().notNull(),
    endedAt: integer(),
    /** What went wrong last, or why it was cancelled. */
    trouble: text().notNull().default(""),
    troubleAt: integer(),
    /** Nothing of the mailbox is left in the source's part of the spool. */
    followedAt: integer(),
  },
  (t) => [
    uniqueIndex("mailbox_move_asked").on(t.mailbox).where(sql`state = 'asked'`),
    index("mailbox_move_target").on(t.target, t.state),
    index("mailbox_move_mailbox").on(t.mailbox),
  ],
);
