/** What other mail services report about mail in our domains' names: DMARC aggregate reports (RFC 7489 §7.2) and TLS-RPT (RFC 8460). */
import { index, integer, sqliteTable, text, uniqueIndex } from "drizzle-orm/sqlite-core";
import { domain } from "./domains.ts";

/** `dmarc`: messages from one server that were judged alike. `tls`: connections that failed for one reason. */
export type ReportLine =
  | { kind: "dmarc"; source: string; count: number; spf: string; dkim: string; disposition: string }
  | { kind: "tls"; reason: string; server: string; count: number };

export const report = sqliteTable(
  "report",
  {
    id: text().primaryKey(),
    domain: text()
      .notNull()
      .references(() => domain.id, { onDelete: "cascade" }),
    kind: text({ enum: ["dmarc", "tls"] }).notNull(),
    /** Who reports, and their own id of it: the same report twice is one. */
    org: text().notNull(),
    externalId: text().notNull(),
    begins: integer().notNull(),
    ends: integer().notNull(),
    /** Messages that passed DMARC, or connections that were safe; and the others. */
    good: integer().notNull(),
    bad: integer().notNull(),
    lines: text({ mode: "json" }).$type<ReportLine[]>().notNull(),
    createdAt: integer().notNull(),
  },
  (t) => [
    uniqueIndex("report_once").on(t.domain, t.kind, t.org, t.externalId),
    index("report_domain_ends").on(t.domain, t.ends),
  ],
);
