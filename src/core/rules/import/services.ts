/**
 * Aliases from other services' exports. SimpleLogin: CSV `alias,note,enabled,mailboxes`, mailboxes with spaces between.
 * addy.io: CSV export, or its API's JSON (`GET /api/v1/aliases`), which alone names recipients. ImprovMX: its API's JSON
 * (`GET /v3/domains/DOMAIN/aliases/`) or a CSV of `alias,forward`. The first two hold the aliases of all a person's domains.
 */
import { z } from "zod";
import { readEntries } from "./entries.ts";
import { type Dialect, type Draft, type Gathered, Gathering, type GatherOptions, plain } from "./gather.ts";
import type { Pattern } from "./pattern.ts";
import { readTable, type TableRow, words, yesNo } from "./table.ts";

/** `fallback`: the address that aliases without a named recipient deliver to (the account's default at the old service). */
export type ServiceOptions = GatherOptions & { fallback?: string };

export function fromSimpleLogin(text: string, options: GatherOptions): Gathered {
  const gathering = new Gathering(plain, options);
  for (const row of readTable(text, ["alias"], gathering.problems) ?? [])
    gathering.add({
      at: row.line,
      offset: null,
      alias: row.cell("alias") ?? "",
      destinations: words(row.cell("mailboxes", "mailbox")),
      // SimpleLogin's own default for a disabled alias is to take the mail and drop it.
      disabled: yesNo(row.cell("enabled")) === false ? 250 : null,
      note: row.cell("note"),
    });
  return gathering.finish();
}

const addySchema = z.object({
  email: z.string().max(320),
  active: z.boolean().default(true),
  description: z.string().nullish(),
  deleted_at: z.string().nullish(),
  recipients: z
    .array(z.object({ email: z.string().max(320) }))
    .max(100)
    .nullish(),
});

export function fromAddyJson(text: string, options: ServiceOptions): Gathered {
  const gathering = new Gathering(plain, options);
  for (const { at, value } of readEntries(text, ["data"], addySchema, gathering.problems)) {
    const recipients = value.recipients?.map((one) => one.email) ?? [];
    const off = addyReply(value.active, value.deleted_at ?? "");
    gathering.add({
      ...addyDraft(at, value.email, recipients, options),
      disabled: off,
      note: value.description ?? null,
    });
  }
  return gathering.finish();
}

export function fromAddyCsv(text: string, options: ServiceOptions): Gathered {
  const gathering = new Gathering(plain, options);
  for (const row of readTable(text, ["email", "alias"], gathering.problems) ?? []) {
    const recipients = words(row.cell("recipients", "recipient")).filter((word) => word.includes("@"));
    const off = addyReply(yesNo(row.cell("active")) !== false, row.cell("deleted_at") ?? "");
    gathering.add({
      ...addyDraft(row.line, row.cell("email", "alias") ?? "", recipients, options),
      disabled: off,
      note: row.cell("description"),
    });
  }
  return gathering.finish();
}

function addyDraft(at: number, alias: string, recipients: readonly string[], options: ServiceOptions): Draft {
  const destinations = recipients.length === 0 && options.fallback !== undefined ? [options.fallback] : recipients;
  return { at, offset: null, alias, destinations, disabled: null };
}

// A deactivated alias drops its mail, a deleted one bounces it: were it left out, the catch-all would bring it back to life.
function addyReply(active: boolean, deletedAt: string): Draft["disabled"] {
  if (!["", "null"].includes(deletedAt.trim().toLowerCase())) return 550;
  return active ? null : 250;
}

const improvMx: Dialect = plain;
const improvMxSchema = z.object({ alias: z.string().max(300), forward: z.string().max(10_000) });

export function fromImprovMxJson(text: string, options: GatherOptions): Gathered {
  const gathering = new Gathering(improvMx, options);
  for (const { at, value } of readEntries(text, ["aliases"], improvMxSchema, gathering.problems))
    gathering.add(improvMxDraft(at, value.alias, value.forward, options.domain));
  return gathering.finish();
}

export function fromImprovMxCsv(text: string, options: GatherOptions): Gathered {
  const gathering = new Gathering(improvMx, options);
  const rows: TableRow[] = readTable(text, ["alias"], gathering.problems) ?? [];
  for (const row of rows)
    gathering.add(
      improvMxDraft(
        row.line,
        row.cell("alias") ?? "",
        row.cell("forward", "forwards to", "destination") ?? "",
        options.domain,
      ),
    );
  return gathering.finish();
}

function improvMxDraft(at: number, alias: string, forward: string, domain: string): Draft {
  return { at, offset: null, alias: improvMxPattern(alias, domain), destinations: words(forward), disabled: null };
}

/** There an alias is a regular expression of the whole local part as soon as it holds a character that only those have. */
function improvMxPattern(alias: string, domain: string): string | Pattern {
  const local = alias.trim().toLowerCase().endsWith(`@${domain}`)
    ? alias.trim().slice(0, -domain.length - 1)
    : alias.trim();
  if (local === "*" || !/[\\()[\]{}|^$?*]/.test(local)) return alias;
  return { kind: "regex", pattern: `^(?:${local.replace(/^\^/, "").replace(/(?<!\\)\$$/, "")})$` };
}
