/**
 * Rule records before they are published (F3): how each would be understood, what is wrong in it, and the same rules as sealed
 * records. For anybody, account or not; nothing is stored or logged.
 */
import { utf8 } from "../src/core/bytes.ts";
import type { AliasDefinition } from "../src/core/rules/import/definition.ts";
import type { Problem } from "../src/core/rules/import/problem.ts";
import { recordLimits } from "../src/core/rules/records/limits.ts";
import { readRecords } from "../src/core/rules/records/read.ts";
import { maxSealedBytes, sealRecord } from "../src/core/rules/records/sealed.ts";
import { writeRecords } from "../src/core/rules/records/write.ts";
import type { Edge } from "./platform.ts";
import { txtKey } from "./txt.ts";

export type Preview = {
  records: { text: string; aliases: AliasDefinition[]; problems: Problem[] }[];
  /** Of all together. */
  problems: Problem[];
};
export type Sealing = {
  sealed: string[];
  /** Records that stay as they are, and aliases that the syntax can't say. */
  open: string[];
  left: AliasDefinition[];
};

/** One record a line, quotes around it taken away, as they are copied out of a DNS panel. */
export function recordsIn(text: string): string[] {
  const lines = text.split(/\r\n|\r|\n/).map((line) => line.trim().replace(/^"(.*)"$/, "$1"));
  return lines.filter((line) => line !== "").slice(0, recordLimits.all);
}

export function preview(edge: Edge, domain: string, records: readonly string[]): Preview {
  const options = { domain, keys: [txtKey(edge)] };
  const { problems } = readRecords(records, options);
  const each = records.map((text, i) => ({
    text,
    aliases: readRecords([text], options).aliases,
    problems: problems.filter(({ at }) => at === i + 1),
  }));
  return { records: each, problems: problems.filter(({ at }) => at === null) };
}

/** A port record says nothing secret and holds for all: it stays beside the sealed ones. */
export function sealAll(edge: Edge, domain: string, records: readonly string[]): Sealing {
  const open = records.filter((text) => /^(?:postern|forward-email)-/.test(text));
  const lists = records.filter((text) => !open.includes(text));
  const written = writeRecords(readRecords(lists, { domain, keys: [txtKey(edge)] }).aliases);
  const values = written.records.map((text) => text.slice(text.indexOf("=") + 1));
  const fitting = values.filter((value) => utf8(value).length <= maxSealedBytes);
  const sealed = fitting.map((value) => sealRecord(value, domain, txtKey(edge), edge.random));
  const long = values.filter((value) => !fitting.includes(value)).map((value) => `postern=${value}`);
  return { sealed, open: [...open, ...long], left: written.left };
}
