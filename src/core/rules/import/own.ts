/**
 * Files of our own: all that an alias has, written and read back without loss. JSON is `{ format, domain, aliases }`; CSV has
 * the columns alias, kind, destinations (see `notation.ts`), state, reply, note, labels (with `|` between).
 */

import type { AliasKind } from "../route.ts";
import { plainCell, writeCsv } from "./csv.ts";
import { type AliasDefinition, type DisabledReply, definitionSchema, replyOf } from "./definition.ts";
import { readEntries } from "./entries.ts";
import { type Dialect, type Draft, type Gathered, Gathering, type GatherOptions, plain } from "./gather.ts";
import { destinationsText, parseDestination } from "./notation.ts";
import { quote } from "./problem.ts";
import { readTable, type TableRow, words, yesNo } from "./table.ts";

const format = "postern-aliases/1";
const columns = ["alias", "kind", "destinations", "state", "reply", "note", "labels"] as const;
const dialect: Dialect = { ...plain, wildcards: true, regexes: true };

export function aliasesToJson(aliases: readonly AliasDefinition[], domain: string): string {
  return `${JSON.stringify({ format, domain, aliases }, null, 2)}\n`;
}

export function aliasesFromJson(text: string, options: GatherOptions): Gathered {
  const gathering = new Gathering(dialect, options);
  for (const { at, value } of readEntries(text, ["aliases"], definitionSchema, gathering.problems)) {
    const { destinations, note, labels, disabledReply } = value;
    const disabled = value.state === "disabled" ? disabledReply : null;
    gathering.add({ at, offset: null, alias: value, destinations, disabled, note, labels, reply: disabledReply });
  }
  return gathering.finish();
}

export function aliasesToCsv(aliases: readonly AliasDefinition[]): string {
  return writeCsv([columns, ...aliases.map(cellsOf)]);
}

function cellsOf(alias: AliasDefinition): string[] {
  const { pattern, kind, destinations, state, disabledReply, note, labels } = alias;
  return [
    pattern,
    kind,
    destinationsText(destinations),
    state,
    String(disabledReply),
    note ?? "",
    (labels ?? []).map(labelText).join("|"),
  ];
}

// A label may hold a bar: behind a backslash it is one.
function labelText(label: string): string {
  return label.replace(/[\\|]/g, "\\$&");
}

function splitLabels(text: string): string[] {
  const labels = [""];
  for (const piece of text.match(/\\.|[^\\]/gsu) ?? []) {
    if (piece === "|") labels.push("");
    else labels.push(`${labels.pop()}${piece.replace(/^\\(?=.)/s, "")}`);
  }
  return labels;
}

export function aliasesFromCsv(text: string, options: GatherOptions): Gathered {
  const gathering = new Gathering(dialect, options);
  for (const row of readTable(text, ["alias"], gathering.problems) ?? []) {
    const state = row.cell("state") ?? "";
    if (state !== "" && yesNo(state) === null)
      gathering.problems.error(
        "bad-file",
        { at: row.line, offset: null },
        `State ${quote(state)}: write active or disabled.`,
      );
    gathering.add(draftOf(row));
  }
  return gathering.finish();
}

function draftOf(row: TableRow): Draft {
  const cell = (name: (typeof columns)[number]): string | null => {
    const text = row.cell(name);
    return text === null ? null : plainCell(text);
  };
  const reply = replyOf(Number(cell("reply") ?? "550"));
  const kind = kindOf(cell("kind"));
  const alias = cell("alias") ?? "";
  const labels = cell("labels");
  return {
    at: row.line,
    offset: null,
    alias: kind === null ? alias : { kind, pattern: alias },
    destinations: destinationWords(cell("destinations") ?? "").map(parseDestination),
    disabled: disabledBy(cell("state"), reply),
    reply,
    note: cell("note"),
    labels: labels === null ? null : splitLabels(labels),
  };
}

// Words with spaces between; people put commas there too, which only URLs may hold.
function destinationWords(text: string): string[] {
  const spaced = text.split(/\s+/).filter((word) => word !== "");
  return spaced.flatMap((word) => (/^https?:/i.test(word) ? [word] : words(word)));
}

function disabledBy(state: string | null, reply: DisabledReply): DisabledReply | null {
  return yesNo(state) === false ? reply : null;
}

/** Null, and the alias text is read as people write it, where the file has no such column. */
function kindOf(text: string | null): AliasKind | null {
  const known = ["exact", "wildcard", "regex", "catch-all"] as const;
  return known.find((kind) => kind === text?.trim().toLowerCase()) ?? null;
}
