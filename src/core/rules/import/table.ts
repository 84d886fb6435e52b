/** A CSV file with a heading line, as records: cells are asked for by column name, whichever of its known spellings is there. */
import { readCsv } from "./csv.ts";
import type { Problems } from "./problem.ts";

export type TableRow = {
  line: number;
  /** The first of the columns that the table has; null when it has none of them. */
  cell(...names: readonly string[]): string | null;
};

/** Null, with a problem told, when it is no table or lacks the column that `must` names (in one of its spellings). */
export function readTable(text: string, must: readonly string[], problems: Problems): TableRow[] | null {
  const csv = readCsv(text);
  if (!csv.ok) return refuse(problems, csv.line, csv.text);
  const [heading, ...rows] = csv.rows;
  if (heading === undefined) return refuse(problems, 1, "The file is empty.");
  const columns = heading.cells.map(plainName);
  if (!must.some((name) => columns.includes(plainName(name))))
    return refuse(problems, heading.line, `The first line must name the columns, among them “${must[0]}”.`);
  return rows.map(({ line, cells }) => ({ line, cell: (...names) => cellOf(columns, cells, names) }));
}

function cellOf(columns: readonly string[], cells: readonly string[], names: readonly string[]): string | null {
  const at = names.map((name) => columns.indexOf(plainName(name))).find((index) => index >= 0);
  return at === undefined ? null : (cells[at] ?? "");
}

// “Error code if disabled”, error_code_if_disabled and ErrorCodeIfDisabled are one name.
function plainName(name: string): string {
  return name.toLowerCase().replace(/[^a-z0-9]/g, "");
}

function refuse(problems: Problems, line: number, text: string): null {
  problems.error("bad-file", { at: line, offset: null }, text);
  return null;
}

/** What spreadsheets and services write for yes and no; null for anything else. */
export function yesNo(text: string | null): boolean | null {
  const plain = text?.trim().toLowerCase() ?? "";
  if (["true", "1", "yes", "y", "on", "enabled", "active"].includes(plain)) return true;
  return ["false", "0", "no", "n", "off", "disabled", "inactive"].includes(plain) ? false : null;
}

/** A cell that lists addresses or URLs, with spaces, commas, semicolons or line ends between. */
export function words(text: string | null): string[] {
  return (text ?? "").split(/[\s,;]+/).filter((word) => word !== "");
}
