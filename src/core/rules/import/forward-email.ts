/**
 * Aliases from Forward Email: its TXT records as text, the JSON of its API (`GET /v1/domains/DOMAIN/aliases`), or a CSV with
 * those fields as columns. A disabled alias answers 250 there unless it says otherwise.
 */
import { z } from "zod";
import { type RecordOptions, readRecords } from "../records/read.ts";
import { type DisabledReply, replyOf } from "./definition.ts";
import { readEntries } from "./entries.ts";
import { type Dialect, type Draft, type Gathered, Gathering, type GatherOptions, plain } from "./gather.ts";
import { readTable, type TableRow, words, yesNo } from "./table.ts";

const dialect: Dialect = { ...plain, regexes: true, nowhere: new Set(["nobody@forwardemail.net"]) };

const entrySchema = z.object({
  name: z.string().max(300),
  recipients: z.array(z.string().max(500)).max(1000).default([]),
  is_enabled: z.boolean().default(true),
  error_code_if_disabled: z.union([z.literal(250), z.literal(421), z.literal(550)]).default(250),
  description: z.string().nullish(),
  labels: z.array(z.string()).nullish(),
  has_imap: z.boolean().default(false),
});

export function fromForwardEmailJson(text: string, options: GatherOptions): Gathered {
  const gathering = new Gathering(dialect, options);
  for (const { at, value } of readEntries(text, ["aliases"], entrySchema, gathering.problems)) {
    const place = { at, offset: null };
    if (value.has_imap)
      gathering.problems.notice(
        "unsupported",
        place,
        "This alias keeps mail in a mailbox at Forward Email: its stored mail does not come along.",
      );
    gathering.add({
      ...place,
      alias: value.name,
      destinations: value.recipients,
      disabled: value.is_enabled ? null : value.error_code_if_disabled,
      note: value.description ?? null,
      labels: value.labels ?? null,
    });
  }
  return gathering.finish();
}

export function fromForwardEmailCsv(text: string, options: GatherOptions): Gathered {
  const gathering = new Gathering(dialect, options);
  const rows = readTable(text, ["name", "alias"], gathering.problems) ?? [];
  for (const row of rows) gathering.add(draftOf(row));
  return gathering.finish();
}

function draftOf(row: TableRow): Draft {
  const labels = row.cell("labels");
  return {
    at: row.line,
    offset: null,
    alias: row.cell("name", "alias", "alias name") ?? "",
    destinations: words(row.cell("recipients", "recipient", "forwards to", "destinations")),
    disabled: disabledBy(row),
    note: row.cell("description", "note"),
    labels: labels === null ? null : labels.split(/[,;|\n]/),
  };
}

function disabledBy(row: TableRow): DisabledReply | null {
  if (yesNo(row.cell("is_enabled", "enabled", "active", "status")) !== false) return null;
  const code = row.cell("error_code_if_disabled", "error code", "smtp code") ?? "";
  return code.trim() === "" ? 250 : replyOf(Number(code));
}

/**
 * One record a line, as copied from a zone file or a DNS panel: quotes around a record, or around its character-strings, are
 * taken away, and so is what stands before it.
 */
export function fromRecordText(text: string, options: RecordOptions): Gathered {
  const records = text.split(/\r\n|\r|\n/).map(recordOf);
  const { aliases, problems } = readRecords(records, options);
  return { aliases, problems };
}

function recordOf(line: string): string {
  const start = line.search(/"?(?:postern|forward-email)(?:-port|-site-verification)?=/);
  const record = start < 0 ? line.trim() : line.slice(start).trim();
  if (!record.startsWith('"')) return record;
  // RFC 1035 §5.1: character-strings in quotes, one behind the other, belong together.
  return (record.match(/"(?:\\.|[^"\\])*"/g) ?? [record])
    .map((piece) => piece.slice(1, -1).replace(/\\(.)/g, "$1"))
    .join("");
}
