/** Arguments of NOTIFY. RFC 5465 §8. */
import { Bad, No } from "../answers.ts";
import type { Modes } from "../modes.ts";
import type { Decoder } from "./decoder.ts";
import { type Item, parseItemList } from "./fetch.ts";
import { type Filter, parseFilter } from "./mailboxes.ts";

export type Event = "new" | "expunge" | "flags" | "name" | "subscription" | "metadata" | "server-metadata";
export type Rule = { filter: Filter; events: ReadonlySet<Event>; items: Item[] };
export type NotifyArgs = { rules: Rule[]; status: boolean } | "none";

const events: Record<string, Event> = {
  MESSAGENEW: "new",
  MESSAGEEXPUNGE: "expunge",
  FLAGCHANGE: "flags",
  MAILBOXNAME: "name",
  SUBSCRIPTIONCHANGE: "subscription",
  MAILBOXMETADATACHANGE: "metadata",
  SERVERMETADATACHANGE: "server-metadata",
};

const known =
  "MessageNew MessageExpunge FlagChange MailboxName SubscriptionChange MailboxMetadataChange ServerMetadataChange";

const MOST_RULES = 50;

export function parseNotify(d: Decoder, modes: Modes): NotifyArgs {
  const word = d.sp().word();
  if (word === "NONE") return "none";
  if (word !== "SET") throw new Bad("Expected SET or NONE");
  const status = d.lookingAt(" STATUS ") && d.sp().takeWord("STATUS");
  const rules: Rule[] = [];
  while (d.take(" ")) {
    rules.push(parseRule(d, modes));
    if (rules.length > MOST_RULES) throw new No("NOTIFICATIONOVERFLOW", "Too many event groups");
  }
  if (rules.length === 0) throw new Bad("Expected event groups");
  return { rules, status };
}

function parseRule(d: Decoder, modes: Modes): Rule {
  d.expect("(");
  const filter = parseFilter(d, modes);
  d.sp();
  const wanted = new Set<Event>();
  const items: Item[] = [];
  if (!d.takeWord("NONE")) d.list(() => parseEvent(d, filter, wanted, items));
  d.expect(")");
  check(wanted, filter);
  return { filter, events: wanted, items };
}

function parseEvent(d: Decoder, filter: Filter, wanted: Set<Event>, items: Item[]): void {
  const word = d.word();
  const event = Object.hasOwn(events, word) ? events[word] : undefined;
  // RFC 5465 §5: an event that is not known is NO [BADEVENT], with the ones that are.
  if (!event) {
    throw new No(`BADEVENT (${known})`, "Unknown event");
  }
  wanted.add(event);
  if (event !== "new" || !d.lookingAt(" (")) return;
  if (filter.kind !== "selected") throw new Bad("FETCH items are for the selected folder");
  items.push(...parseItemList(d.sp()));
}

/** RFC 5465 §5: message events come together, and the selected folder has no others. */
function check(wanted: ReadonlySet<Event>, filter: Filter): void {
  const isPaired = wanted.has("new") === wanted.has("expunge");
  if (!isPaired) throw new Bad("MessageNew and MessageExpunge go together");
  if (wanted.has("flags") && !wanted.has("new")) throw new Bad("FlagChange needs MessageNew and MessageExpunge");
  const others: Event[] = ["name", "subscription", "metadata", "server-metadata"];
  if (filter.kind === "selected" && others.some((event) => wanted.has(event))) {
    throw new Bad("Only message events in the selected folder");
  }
}
