/**
 * Aliases as `postern=` records, for the owner who wants them in DNS. Items are packed into records of at most 255 bytes
 * (one character-string, RFC 1035 §3.3), a longer item gets a record of its own. What the syntax can't say is handed back.
 */
import { utf8 } from "../../bytes.ts";
import type { AliasDefinition, DestinationDefinition } from "../import/definition.ts";
import { recordLimits } from "./limits.ts";
import { scanItems } from "./scan.ts";

export type WrittenRecords = {
  records: string[];
  /** Aliases that can't be written, whole: a mailbox, a way out of another host, a name that the syntax reads otherwise. */
  left: AliasDefinition[];
};

const head = "postern=";
const bytesPerString = 255;

export function writeRecords(aliases: readonly AliasDefinition[]): WrittenRecords {
  const left: AliasDefinition[] = [];
  const records: string[] = [];
  for (const alias of aliases) {
    const items = itemsOf(alias);
    if (items === null) left.push(alias);
    else for (const item of items) append(records, item);
  }
  return { records, left };
}

/** The list alone, as `sealRecord` takes it. */
export function writeList(aliases: readonly AliasDefinition[]): string | null {
  const items = aliases.map(itemsOf);
  return items.includes(null) ? null : items.flat().join(",");
}

function append(records: string[], item: string): void {
  const last = records.at(-1);
  const joined = `${last},${item}`;
  if (last !== undefined && utf8(joined).length <= bytesPerString) records[records.length - 1] = joined;
  else records.push(head + item);
}

function itemsOf(alias: AliasDefinition): string[] | null {
  const name = "!".repeat(bangs[alias.state === "active" ? 0 : alias.disabledReply]) + nameOf(alias);
  const destinations = alias.destinations.map(destinationOf);
  if (alias.state === "active" && destinations.length === 0) return null;
  const items = destinations.length === 0 ? [name] : destinations.map((one) => `${name}:${one}`);
  const readable = items.every((item) => item.length < recordLimits.length - 10 && readsAsOne(item, alias));
  return destinations.includes(null) || !readable ? null : items;
}

const bangs = { 0: 0, 250: 1, 421: 2, 550: 3 } as const;

function nameOf(alias: AliasDefinition): string {
  // A slash inside ends the pattern when letters and a colon follow: `\/` never does, and reads back as a slash.
  if (alias.kind === "regex")
    return `/${alias.pattern.replace(/\\.|\//gsu, (piece) => (piece === "/" ? "\\/" : piece))}/`;
  return alias.pattern;
}

function destinationOf(one: DestinationDefinition): string | null {
  const host = one.target.slice(one.target.lastIndexOf("@") + 1);
  if (one.kind === "mailbox" || (one.route !== null && one.route.host !== host)) return null;
  return one.route === null ? one.target : `${one.target}:${one.route.port}`;
}

// Names may hold anything that a local part may, a leading `!` or `/` too: what would be read as something else is not written.
function readsAsOne(item: string, alias: AliasDefinition): boolean {
  const [first, second] = scanItems(item, 0);
  if (first === undefined || second !== undefined || first.text !== item) return false;
  // Behind a regular expression a destination's exclamation marks switch it off.
  if (alias.kind === "regex" && first.destination?.startsWith("!")) return false;
  if (alias.kind !== "regex" && alias.pattern.startsWith("/")) return false;
  if (alias.kind === "exact" && alias.pattern.includes("*")) return false;
  return first.alias === nameOf(alias) && first.bangs === bangs[alias.state === "active" ? 0 : alias.disabledReply];
}
