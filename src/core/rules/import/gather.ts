/**
 * From drafts, as the readers of records and files find them, to definitions: patterns and destinations checked, entries for
 * one alias merged, addresses of the domain itself turned into its aliases or mailboxes. What is wrong is reported and left
 * out; the rest stands.
 */
import { limits } from "../../limits.ts";
import { addressText, foldAddress } from "../address.ts";
import {
  type AliasDefinition,
  bounds,
  type DestinationDefinition,
  type DisabledReply,
  definitionKey,
  destinationKey,
} from "./definition.ts";
import { checkDestination, readDestination, type Surroundings } from "./destination.ts";
import { checkPattern, type Pattern, type Read, readPattern, type Syntax } from "./pattern.ts";
import { type Place, type Problem, Problems, quote } from "./problem.ts";

export type GatherOptions = {
  /** The domain whose aliases these are, folded. */
  domain: string;
  ownHosts?: readonly string[];
  /** For test set-ups: webhooks of this machine. */
  allowLoopback?: boolean;
  /** Mailboxes by address, of the domain and of those who ask: a destination that names one becomes it, no other may be one. */
  mailboxes?: ReadonlyMap<string, string>;
};

export type Dialect = Syntax & {
  /** `user@host:2525`. */
  ports: boolean;
  /** Destinations that stand for nowhere: mail is accepted and dropped. */
  nowhere: ReadonlySet<string>;
  /** Two entries for one alias are the normal way to write two destinations, and not worth a notice. */
  merges: boolean;
  /** An alias whose every destination is wrong stays, so that its mail waits instead of going to the catch-all. */
  keepsBroken: boolean;
  /** Destinations of one alias. */
  destinations: number;
  aliases: number;
};
export const plain: Dialect = {
  wildcards: false,
  regexes: false,
  ports: false,
  nowhere: new Set(),
  merges: false,
  keepsBroken: false,
  destinations: limits.fanOut,
  aliases: bounds.aliases,
};

export type Draft = Place & {
  /** Text, or kind and pattern where the source says both. */
  alias: string | Pattern;
  destinations: readonly (string | DestinationDefinition)[];
  /** The answer of a disabled alias; null: it is active. */
  disabled: DisabledReply | null;
  /** What it would answer if it were disabled, where the source says so of active ones too. */
  reply?: DisabledReply;
  note?: string | null;
  labels?: readonly string[] | null;
  /** Where one gathering reads several syntaxes: this entry's, instead of the gathering's own. */
  dialect?: Dialect;
};

type Destinations = { found: DestinationDefinition[]; dropped: boolean };

export type Gathered = { aliases: AliasDefinition[]; problems: Problem[] };

type Entry = {
  definition: AliasDefinition;
  places: Map<string, Place>;
  place: Place;
  /** One of its destinations stands for nowhere. */
  dropped: boolean;
};

export class Gathering {
  readonly problems = new Problems();
  readonly #entries = new Map<string, Entry>();
  /** Destinations that were plain text: an address among them may turn out to be of the domain itself. */
  readonly #loose = new Set<DestinationDefinition>();
  readonly #elsewhere = { count: 0, first: "" };
  readonly #dialect: Dialect;
  readonly #options: GatherOptions;
  #mailboxIds: Set<string> | null = null;

  constructor(dialect: Dialect, options: GatherOptions) {
    this.#dialect = dialect;
    this.#options = options;
  }

  get full(): boolean {
    return this.#entries.size >= this.#dialect.aliases;
  }

  /** Answers what the draft's alias names; null where it was refused. */
  add(draft: Draft): Pattern | null {
    const pattern = this.#patternOf(draft);
    if (pattern === null) return null;
    const destinations = this.#destinationsOf(draft, pattern);
    // Destinations that were refused have been reported: a second complaint about the same words helps nobody.
    if (draft.disabled === null && draft.destinations.length === 0)
      this.problems.error("no-destination", draft, `${nameOf(pattern)} has no destination.`);
    this.#merge(draft, pattern, destinations);
    return pattern;
  }

  finish(): Gathered {
    this.#sayElsewhere();
    for (const entry of this.#entries.values()) this.#settle(entry);
    const aliases = [...this.#entries.values()].map((entry) => entry.definition);
    const kept = this.#dialect.keepsBroken ? aliases : aliases.filter(isUseful);
    return { aliases: kept, problems: this.problems.all() };
  }

  #patternOf(draft: Draft): Pattern | null {
    const { alias } = draft;
    const { domain } = this.#options;
    const read: Read<Pattern> =
      typeof alias === "string"
        ? readPattern(alias, draft.dialect ?? this.#dialect, domain)
        : checkPattern(alias.kind, alias.pattern);
    if (read.ok) return read.value;
    if (read.code === "other-domain") this.#countElsewhere(draft);
    else this.problems.error(read.code, draft, read.text);
    return null;
  }

  #destinationsOf(draft: Draft, pattern: Pattern): Destinations {
    const { domain, ownHosts = [], allowLoopback = false } = this.#options;
    const { ports, nowhere } = draft.dialect ?? this.#dialect;
    const around: Surroundings = { domain, ownHosts, allowLoopback, regex: pattern.kind === "regex" };
    const found: DestinationDefinition[] = [];
    let dropped = false;
    for (const one of draft.destinations.slice(0, 10 * limits.fanOut)) {
      const read = typeof one === "string" ? readDestination(one, around, ports) : checkDestination(one, around);
      if (!read.ok) this.problems.error(read.code, draft, read.text);
      else if (nowhere.has(read.value.target)) dropped = true;
      else {
        found.push(read.value);
        if (typeof one === "string") this.#loose.add(read.value);
      }
    }
    return { found, dropped };
  }

  #merge(draft: Draft, pattern: Pattern, { found, dropped }: Destinations): void {
    const key = definitionKey(pattern);
    const known = this.#entries.get(key);
    if (known === undefined && this.full) {
      this.problems.error(
        "too-many-aliases",
        draft,
        `More than ${this.#dialect.aliases} aliases: ${nameOf(pattern)} is left out.`,
      );
      return;
    }
    if (known !== undefined && !this.#dialect.merges)
      this.problems.notice("merged", draft, `${nameOf(pattern)} is listed twice; both entries are taken together.`);
    const entry = known ?? freshEntry(pattern, draft);
    this.#entries.set(key, entry);
    entry.dropped ||= dropped;
    if (draft.disabled !== null) switchOff(entry.definition, draft.disabled);
    this.#describe(entry.definition, draft);
    for (const one of found) this.#addDestination(entry, one, draft);
  }

  /** Notes and labels within bounds; what is cut is said. */
  #describe(definition: AliasDefinition, draft: Draft): void {
    const note = draft.note?.trim().toWellFormed();
    if (note !== undefined) definition.note = definition.note || note.slice(0, bounds.note).toWellFormed();
    if (note !== undefined && note.length > bounds.note)
      this.problems.notice("cut", draft, `The note of ${nameOf(definition)} is cut at ${bounds.note} characters.`);
    if (draft.labels === null || draft.labels === undefined) return;
    const given = draft.labels.map((label) => label.trim().toWellFormed()).filter((label) => label !== "");
    const kept = new Set([
      ...(definition.labels ?? []),
      ...given.map((label) => label.slice(0, bounds.label).toWellFormed()),
    ]);
    definition.labels = [...kept].slice(0, bounds.labels);
    if (kept.size > bounds.labels || given.some((label) => label.length > bounds.label))
      this.problems.notice("cut", draft, `The labels of ${nameOf(definition)} are cut.`);
  }

  #addDestination(entry: Entry, one: DestinationDefinition, place: Place): void {
    const key = destinationKey(one);
    if (entry.places.has(key)) return;
    entry.places.set(key, place);
    if (entry.places.size <= this.#dialect.destinations) entry.definition.destinations.push(one);
    else if (entry.places.size === this.#dialect.destinations + 1)
      this.problems.error(
        "too-many-destinations",
        place,
        `${nameOf(entry.definition)} has more than ${this.#dialect.destinations} destinations; the rest is left out.`,
      );
  }

  /** Addresses of the domain itself: its mailbox, else its alias; an alias that names itself is no destination. */
  #settle(entry: Entry): void {
    const { definition, places, place } = entry;
    const settled = new Map<string, DestinationDefinition>();
    for (const one of definition.destinations) {
      const inside = this.#loose.has(one) ? this.#inside(one) : this.#knownMailbox(one);
      const at = places.get(destinationKey(one)) ?? place;
      if (inside === null) this.problems.error("bad-destination", at, `${quote(one.target)} is no mailbox of yours.`);
      else if (inside.kind === "alias" && inside.target === this.#addressOf(definition))
        this.problems.error("loop", at, `${nameOf(definition)} sends mail to itself.`);
      else settled.set(destinationKey(inside), inside);
    }
    definition.destinations = [...settled.values()];
    if (entry.dropped && settled.size === 0) switchOff(definition, 250);
  }

  #inside(one: DestinationDefinition): DestinationDefinition {
    const address = one.kind === "address" && one.route === null ? foldAddress(one.target) : null;
    if (address === null || address.domain !== this.#options.domain) return one;
    const mailbox = this.#options.mailboxes?.get(addressText(address));
    if (mailbox !== undefined) return { kind: "mailbox", target: mailbox, route: null };
    const known = this.#entries.has(definitionKey({ kind: "exact", pattern: address.local }));
    return known ? { kind: "alias", target: addressText(address), route: null } : one;
  }

  /** Nobody may fill a stranger's mailbox by knowing its id. */
  #knownMailbox(one: DestinationDefinition): DestinationDefinition | null {
    const { mailboxes } = this.#options;
    if (one.kind !== "mailbox" || mailboxes === undefined) return one;
    const target = mailboxes.get(one.target) ?? one.target;
    this.#mailboxIds ??= new Set(mailboxes.values());
    return this.#mailboxIds.has(target) ? { ...one, target } : null;
  }

  #addressOf(definition: AliasDefinition): string | null {
    return definition.kind === "exact" ? `${definition.pattern}@${this.#options.domain}` : null;
  }

  #countElsewhere(draft: Draft): void {
    const { alias } = draft;
    this.#elsewhere.count++;
    if (this.#elsewhere.first === "" && !this.problems.isHushed(draft))
      this.#elsewhere.first = typeof alias === "string" ? alias : alias.pattern;
  }

  #sayElsewhere(): void {
    const { count, first } = this.#elsewhere;
    if (count === 0) return;
    const example = first === "" ? "" : `, such as ${quote(first)}`;
    const text = `Aliases of other domains than ${this.#options.domain} are left out: ${count}${example}.`;
    this.problems.notice("other-domain", { at: null, offset: null }, text);
  }
}

function freshEntry(pattern: Pattern, draft: Draft): Entry {
  const definition: AliasDefinition = {
    kind: pattern.kind,
    pattern: pattern.pattern,
    state: "active",
    disabledReply: draft.reply ?? 550,
    destinations: [],
    note: null,
    labels: null,
  };
  return { definition, places: new Map(), place: { at: draft.at, offset: draft.offset }, dropped: false };
}

// The first answer stays: what a sender is told does not depend on how often an alias is switched off.
function switchOff(definition: AliasDefinition, reply: DisabledReply): void {
  if (definition.state === "active") Object.assign(definition, { state: "disabled", disabledReply: reply });
}

function isUseful(definition: AliasDefinition): boolean {
  return definition.state === "disabled" || definition.destinations.length > 0;
}

export function nameOf(pattern: Pattern): string {
  if (pattern.kind === "catch-all") return "The catch-all";
  return quote(pattern.kind === "regex" ? `/${pattern.pattern}/` : pattern.pattern);
}
