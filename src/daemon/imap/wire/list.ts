/** Arguments of LIST: selection options, patterns, return options. RFC 9051 §6.3.9, RFC 5258 §6, RFC 5819, RFC 9590. */
import { Bad } from "../answers.ts";
import type { Decoder } from "./decoder.ts";
import { parseStatusItems, type StatusItem } from "./status.ts";

export type ListArgs = {
  select: { subscribed: boolean; recursive: boolean; specialUse: boolean };
  reference: string;
  patterns: string[];
  give: { subscribed: boolean; status: StatusItem[]; metadata: string[] };
  /** LIST in its extended form: several patterns or any option. */
  extended: boolean;
};

export function parseList(d: Decoder): ListArgs {
  const args: ListArgs = {
    select: { subscribed: false, recursive: false, specialUse: false },
    reference: "",
    patterns: [],
    give: { subscribed: false, status: [], metadata: [] },
    extended: false,
  };
  d.sp();
  if (d.is("(")) {
    selection(d, args);
    d.sp();
  }
  args.reference = d.astring();
  d.sp();
  if (d.is("(")) {
    args.patterns = d.list(() => d.listMailbox(), 100);
    args.extended = true;
  } else args.patterns = [d.listMailbox()];
  if (args.patterns.some((pattern) => pattern.length > 1000)) throw new Bad("Pattern too long");
  if (d.take(" ")) returns(d, args);
  return args;
}

function selection(d: Decoder, args: ListArgs): void {
  args.extended = true;
  for (const word of d.list(() => d.word())) {
    if (word === "SUBSCRIBED") args.select.subscribed = true;
    else if (word === "RECURSIVEMATCH") args.select.recursive = true;
    else if (word === "SPECIAL-USE") args.select.specialUse = true;
    // REMOTE: there are no remote mailboxes to add.
    else if (word !== "REMOTE") throw new Bad(`Unknown selection option ${word}`);
  }
  // RFC 5258 §3.1: RECURSIVEMATCH alone selects nothing.
  const { recursive, subscribed, specialUse } = args.select;
  if (recursive && !subscribed && !specialUse) throw new Bad("RECURSIVEMATCH needs SUBSCRIBED or SPECIAL-USE");
}

function returns(d: Decoder, args: ListArgs): void {
  args.extended = true;
  if (d.word() !== "RETURN") throw new Bad("Expected RETURN");
  d.sp().list(() => {
    const word = d.word();
    if (word === "SUBSCRIBED") args.give.subscribed = true;
    else if (word === "STATUS") args.give.status = parseStatusItems(d.sp());
    else if (word === "METADATA") args.give.metadata = d.sp().list(() => d.astring().toLowerCase(), 100);
    // Both are always given.
    else if (word !== "CHILDREN" && word !== "SPECIAL-USE") throw new Bad(`Unknown return option ${word}`);
  });
}
