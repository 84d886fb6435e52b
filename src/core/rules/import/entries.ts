/** A JSON file as a list of entries, each checked by itself: one that is not of the expected shape is reported, the rest stands. */
import type { z } from "zod";
import { bounds } from "./definition.ts";
import { nowhere, type Problems } from "./problem.ts";

export type Entry<T> = { at: number; value: T };

/** The parsed text, or undefined with a problem told. */
export function readJson(text: string, problems: Problems): unknown {
  if (text.length > bounds.text) {
    problems.error("too-long", nowhere, `The file is longer than ${bounds.text} characters.`);
    return undefined;
  }
  try {
    return JSON.parse(text.replace(/^\ufeff/, "")) ?? undefined;
  } catch {
    problems.error("bad-file", nowhere, "The file is not JSON.");
    return undefined;
  }
}

/** The array itself, or the one under the first of these keys: APIs wrap their lists. */
export function listIn(parsed: unknown, keys: readonly string[]): unknown[] | null {
  if (Array.isArray(parsed)) return parsed;
  if (typeof parsed !== "object" || parsed === null) return null;
  for (const key of keys) {
    const inner = Object.getOwnPropertyDescriptor(parsed, key)?.value;
    if (Array.isArray(inner)) return inner;
    if (typeof inner === "object" && inner !== null) return [inner];
  }
  return null;
}

export function readEntries<T>(
  text: string,
  keys: readonly string[],
  schema: z.ZodType<T>,
  problems: Problems,
): Entry<T>[] {
  const parsed = readJson(text, problems);
  if (parsed === undefined) return [];
  const list = listIn(parsed, keys);
  if (list === null) problems.error("bad-file", nowhere, `The file holds no list “${keys[0] ?? ""}”.`);
  const taken = (list ?? []).slice(0, bounds.aliases);
  if ((list?.length ?? 0) > taken.length)
    problems.error("too-many-aliases", nowhere, `Only the first ${bounds.aliases} entries are read.`);
  return taken.flatMap((one, i) => entryOf(one, i + 1, schema, problems));
}

function entryOf<T>(value: unknown, at: number, schema: z.ZodType<T>, problems: Problems): Entry<T>[] {
  const read = schema.safeParse(value);
  if (read.success) return [{ at, value: read.data }];
  const issue = read.error.issues[0];
  // The path is of the schema's own words, the message of zod's: nothing of the file is quoted.
  const where = issue?.path.filter((part) => typeof part === "string").join(".") ?? "";
  problems.error(
    "bad-file",
    { at, offset: null },
    `The entry is not as expected${where === "" ? "" : ` at “${where}”`}.`,
  );
  return [];
}
