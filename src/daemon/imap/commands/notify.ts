/**
 * NOTIFY: what happens in any folder is told without asking. RFC 5465. The selected folder's events are the view's lines, said at
 * once; other folders' are STATUS and LIST lines, the latest state a folder.
 */
import { ok } from "../answers.ts";
import { type Authenticated, command, type Selected } from "../command.ts";
import type { Modes } from "../modes.ts";
import { writeMailbox } from "../names.ts";
import type { Change, Folder } from "../port.ts";
import type { Session } from "../session.ts";
import { isIn } from "../wire/mailboxes.ts";
import { metadataChanged } from "../wire/metadata.ts";
import { type Event, parseNotify, type Rule } from "../wire/notify.ts";
import { type StatusItem, writeStatus } from "../wire/status.ts";
import { tellRows } from "./fetch.ts";

export const notify = command({
  name: "NOTIFY",
  in: "authenticated",
  capability: ["NOTIFY"],
  parse: (d, _uid, s) => parseNotify(d, s.session.modes),
  async *run(s, args) {
    s.session.stopNotify();
    if (args === "none") return ok();
    const watch = new Watch(s.session, args.rules);
    s.session.stopNotify = s.session.listen((change) => watch.hear(change));
    if (args.status) yield await initialStatus(s, args.rules);
    return ok();
  },
});

/** RFC 5465 §3.1: STATUS of every folder that will send message events, but the selected one. */
async function initialStatus(s: Authenticated | Selected, rules: readonly Rule[]): Promise<string> {
  const folders = (await s.account.folders()).filter(
    (folder) => folder.selectable && !isSelected(s.session, folder.id),
  );
  const wanted = folders.filter((folder) => ruleFor(rules, folder)?.events.has("new"));
  const counts = await s.account.counts(wanted.map(({ name }) => name));
  return counts.map((one) => (one ? statusLine(s.session, one) : "")).join("");
}

function ruleFor(rules: readonly Rule[], folder: Pick<Folder, "name" | "subscribed">): Rule | undefined {
  // RFC 5465 §3.1: the first group that names a folder counts.
  return rules.find((rule) => isIn(rule.filter, folder));
}

function isSelected({ state }: Session, id: string): boolean {
  return state.at === "selected" && state.box.folder.id === id;
}

function statusLine({ modes }: Session, counts: Parameters<typeof writeStatus>[1]): string {
  const items: StatusItem[] = ["MESSAGES", "UIDNEXT", "UIDVALIDITY", "UNSEEN"];
  if (modes.condstore) items.push("HIGHESTMODSEQ");
  return `* STATUS ${writeMailbox(counts.folder.name, modes)} (${writeStatus(items, counts)})\r\n`;
}

/** What ENABLE METADATA asked to hear of (RFC 5464 §4.1): another session's changes, without NOTIFY. */
export function unsolicited(change: Change, { modes, account }: Session): string {
  if (change.kind !== "folder" || change.change !== "metadata" || change.origin === account) return "";
  const isWanted = modes.metadata === "all" || (modes.metadata === "server" && change.name === "");
  return isWanted ? metadataLine(change, modes) : "";
}

function metadataLine({ name, entries }: MetadataChange, modes: Modes): string {
  return metadataChanged(name === "" ? '""' : writeMailbox(name, modes), entries);
}

type MetadataChange = Extract<Change, { change: "metadata" }>;
const eventOf: Record<Exclude<Change["kind"], "folder">, Event> = { added: "new", expunged: "expunge", flags: "flags" };

class Watch {
  readonly #session: Session;
  readonly #rules: readonly Rule[];
  /** Folders with news, told together: a burst of deliveries is one STATUS. */
  #news = new Map<string, Set<Event>>();

  constructor(session: Session, rules: readonly Rule[]) {
    this.#session = session;
    this.#rules = rules;
  }

  hear(change: Change): void {
    const session = this.#session;
    if (change.kind === "folder") this.#folder(change);
    else if (isSelected(session, change.folder)) this.#selected(change);
    else if (change.origin === null || change.origin !== session.account) this.#other(change);
  }

  #selected(change: Change): void {
    const rule = this.#rules.find(({ filter }) => filter.kind === "selected");
    if (rule?.filter.kind !== "selected" || rule.events.size === 0) return;
    const delayed = rule.filter.delayed;
    // While a command runs its end will tell; else now, numbers are not in flight.
    if (!this.#session.isBusy) this.#session.tellNews(!delayed);
    if (change.kind === "added" && rule.items.length > 0) void this.#session.later(() => this.#fetch(change, rule));
  }

  async #fetch(change: Change & { kind: "added" | "flags" }, rule: Rule): Promise<string> {
    const { state } = this.#session;
    if (state.at !== "selected") return "";
    return await tellRows(state, change.messages.uids, rule.items);
  }

  #other(change: Change & { kind: "added" | "flags" | "expunged" }): void {
    const events = this.#news.get(change.name);
    if (events) events.add(eventOf[change.kind]);
    else this.#news.set(change.name, new Set([eventOf[change.kind]]));
    if (this.#news.size === 1 && !events) void this.#session.later(() => this.#statuses());
  }

  async #statuses(): Promise<string> {
    const { account } = this.#session;
    // A turn later, so that what came together is counted together.
    await new Promise((resolve) => setImmediate(resolve));
    const news = this.#news;
    this.#news = new Map();
    const counts = (await account?.counts([...news.keys()])) ?? [];
    return counts
      .map((one) => (one && this.#isWanted(one.folder, news) ? statusLine(this.#session, one) : ""))
      .join("");
  }

  #isWanted(folder: Folder, news: ReadonlyMap<string, ReadonlySet<Event>>): boolean {
    const wanted = ruleFor(this.#rules, folder)?.events;
    return wanted !== undefined && [...(news.get(folder.name) ?? [])].some((event) => wanted.has(event));
  }

  #folder(change: Change & { kind: "folder" }): void {
    const session = this.#session;
    // What ENABLE METADATA tells already is not said twice.
    if (change.origin === session.account || unsolicited(change, session) !== "") return;
    void session.later(async () => {
      const folders = (await session.account?.folders()) ?? [];
      const folder = folders.find(({ name }) => name === change.name);
      if (!this.#isTold(change, folder?.subscribed ?? false)) return "";
      return change.change === "metadata" ? metadataLine(change, session.modes) : this.#listLine(change, folder);
    });
  }

  #isTold({ name, change }: Change & { kind: "folder" }, subscribed: boolean): boolean {
    // RFC 5465 §5.7: the server is no folder that a filter could name.
    if (name === "") return this.#rules.some(({ events }) => events.has("server-metadata"));
    const event = change === "metadata" ? "metadata" : change === "subscribed" ? "subscription" : "name";
    return ruleFor(this.#rules, { name, subscribed })?.events.has(event) === true;
  }

  /** RFC 5465 §5.4: LIST, with \NonExistent for a deletion and OLDNAME for a rename. */
  #listLine(change: Change & { kind: "folder" }, folder: Folder | undefined): string {
    const { modes } = this.#session;
    const attributes = [
      ...(folder?.exists ? (folder.selectable ? [] : ["\\Noselect"]) : ["\\NonExistent"]),
      ...(folder?.subscribed ? ["\\Subscribed"] : []),
    ];
    const old = change.from === null ? "" : ` ("OLDNAME" (${writeMailbox(change.from, modes)}))`;
    return `* LIST (${attributes.join(" ")}) "/" ${writeMailbox(change.name, modes)}${old}\r\n`;
  }
}
