/**
 * The directory in D1: who owns what, which rules, which public key, which node; and the journal of what became of each
 * message (verdicts and envelope only, never subject or body). IDs are ULIDs, times UTC milliseconds.
 */
export * from "./schema/accounts.ts";
export * from "./schema/aliases.ts";
export * from "./schema/domains.ts";
export * from "./schema/journal.ts";
export * from "./schema/mailboxes.ts";
export * from "./schema/reports.ts";
export * from "./schema/service.ts";
export * from "./schema/text-domains.ts";
export * from "./schema/webhooks.ts";
