/** filter-mailboxes of NOTIFY (RFC 5465 §6) and MULTISEARCH (RFC 7377 §2.2): which folders a command is about. */
import { Bad } from "../answers.ts";
import type { Modes } from "../modes.ts";
import { readMailbox } from "../names.ts";
import type { Folder } from "../port.ts";
import type { Decoder } from "./decoder.ts";

export type Filter =
  | { kind: "selected"; delayed: boolean }
  | { kind: "inboxes" | "personal" | "subscribed" }
  | { kind: "subtree" | "subtree-one" | "mailboxes"; names: string[] };

export function parseFilter(d: Decoder, modes: Modes): Filter {
  const word = d.word();
  switch (word) {
    case "SELECTED":
      return { kind: "selected", delayed: false };
    case "SELECTED-DELAYED":
      return { kind: "selected", delayed: true };
    case "INBOXES":
      return { kind: "inboxes" };
    case "PERSONAL":
      return { kind: "personal" };
    case "SUBSCRIBED":
      return { kind: "subscribed" };
    case "SUBTREE":
      return { kind: "subtree", names: names(d.sp(), modes) };
    case "SUBTREE-ONE":
      return { kind: "subtree-one", names: names(d.sp(), modes) };
    case "MAILBOXES":
      return { kind: "mailboxes", names: names(d.sp(), modes) };
    default:
      throw new Bad(`Unknown mailbox filter ${word.slice(0, 40)}`);
  }
}

function names(d: Decoder, modes: Modes): string[] {
  return d.is("(") ? d.list(() => readMailbox(d, modes), 100) : [readMailbox(d, modes)];
}

/** Never the selected one: that is the session's to know. */
export function isIn(filter: Filter, folder: Pick<Folder, "name" | "subscribed">): boolean {
  switch (filter.kind) {
    case "selected":
      return false;
    case "inboxes":
      // RFC 5465 §6.3: where mail is delivered; rules may file into Junk as well.
      return folder.name === "INBOX" || folder.name === "Junk";
    case "personal":
      return true;
    case "subscribed":
      return folder.subscribed;
    case "mailboxes":
      return filter.names.includes(folder.name);
    case "subtree":
      // "" is above them all.
      return filter.names.some((name) => name === "" || name === folder.name || folder.name.startsWith(`${name}/`));
    case "subtree-one":
      return filter.names.some((name) => name === folder.name || isChild(name, folder.name));
  }
}

function isChild(parent: string, name: string): boolean {
  if (parent === "") return !name.includes("/");
  return name.startsWith(`${parent}/`) && !name.slice(parent.length + 1).includes("/");
}
