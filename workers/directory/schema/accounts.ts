/** People and how they get in: accounts, sessions, second factors, passkeys, API keys. */
import { index, integer, sqliteTable, text, uniqueIndex } from "drizzle-orm/sqlite-core";

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

/** The proven address that an account had before it was changed, and for a while the way back to it. */
export const formerAddress = sqliteTable(
  "former_address",
  {
    /** Named in the link that was mailed there. */
    id: text().primaryKey(),
    account: text()
      .notNull()
      .references(() => account.id, { onDelete: "cascade" }),
    email: text().notNull(),
    /** SHA-256 of the link's secret, hex. */
    hash: text().notNull(),
    /** Later than of the account's every earlier one. */
    changedAt: integer().notNull(),
  },
  (t) => [
    index("former_address_account").on(t.account),
    index("former_address_email").on(t.email),
    index("former_address_changed").on(t.changedAt),
  ],
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
  (t) => [index("session_account").on(t.account), index("session_expires").on(t.expiresAt)],
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
    /** COSE key, base64; SubjectPublicKeyInfo where it was added long ago and not used since. */
    publicKey: text().notNull(),
    /** COSE algorithm: -7 (ES256), -8 (EdDSA) or -257 (RS256). */
    algorithm: integer().notNull(),
    counter: integer().notNull(),
    createdAt: integer().notNull(),
    lastUsedAt: integer(),
  },
  (t) => [index("passkey_account").on(t.account)],
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
    /** Ids of the domains that it is for; null: all that its account has. */
    domains: text({ mode: "json" }).$type<string[]>(),
    /** Made in a session with a second factor: only such a key reaches domains that ask for one. */
    strong: integer({ mode: "boolean" }).notNull().default(false),
    createdAt: integer().notNull(),
    expiresAt: integer(),
    lastUsedAt: integer(),
  },
  (t) => [index("api_key_account").on(t.account)],
);

/** A question put to a browser or a person that must be answered once, soon: WebAuthn challenges, half-done sign-ins, mailed links. */
export const challenge = sqliteTable(
  "challenge",
  {
    /** SHA-256 of the secret handed out, hex. */
    id: text().primaryKey(),
    kind: text({
      enum: ["passkey-add", "passkey-in", "second-factor", "reset", "verify-email", "sign-up", "change-email"],
    }).notNull(),
    account: text(),
    /** The address that a link was mailed to, where the link is what proves it. */
    email: text(),
    expiresAt: integer().notNull(),
  },
  (t) => [index("challenge_expires").on(t.expiresAt), index("challenge_account").on(t.account)],
);
