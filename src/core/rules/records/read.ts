/**
 * The rules of a domain as its DNS holds them: TXT records that begin with `postern=`, and Forward Email's
 * (`forward-email=`, `forward-email-port=`) as they stand, so that a domain moves by changing its MX. Each item that is
 * wrong is reported and left out; the rest stands. Forward Email's rules that match one address add up, ours don't
 * (`addsUp`). One difference stays: a regular expression's `$1` takes the group's text only.
 */
import { fromLatin1, utf8Decode } from "../../bytes.ts";
import { type AliasDefinition, type DisabledReply, definitionKey } from "../import/definition.ts";
import { mailPorts, portText } from "../import/destination.ts";
import { type Dialect, Gathering, type GatherOptions, plain } from "../import/gather.ts";
import { nowhere, type Place, type Problem, type Problems, quote } from "../import/problem.ts";
import type { Alias, HostPort } from "../route.ts";
import { recordLimits } from "./limits.ts";
import { type Item, scanItems } from "./scan.ts";
import { isSealed, unsealRecord } from "./sealed.ts";

export type RecordOptions = GatherOptions & {
  /** Keys of sealed values, 32 bytes each, newest first; none: sealed values are reported as unreadable. */
  keys?: readonly Uint8Array[];
};
export type RecordRules = {
  /** There is at least one rule record, right or wrong: the domain means to be served. */
  present: boolean;
  aliases: AliasDefinition[];
  problems: Problem[];
  /** Keys (`definitionKey`) of what Forward Email's records define: all that match count, the catch-all where none does. */
  addsUp: ReadonlySet<string>;
};

type Syntax = "postern" | "forward-email";
type Rule = { at: number; syntax: Syntax; what: "list" | "port" | "kept-elsewhere"; value: string; start: number };

const dialects: Record<Syntax, Dialect> = {
  postern: {
    ...plain,
    wildcards: true,
    regexes: true,
    ports: true,
    merges: true,
    keepsBroken: true,
    destinations: recordLimits.destinations,
  },
  "forward-email": {
    ...plain,
    regexes: true,
    merges: true,
    keepsBroken: true,
    destinations: recordLimits.destinations,
    // Forward Email's own black hole.
    nowhere: new Set(["nobody@forwardemail.net"]),
  },
};

/**
 * `records` are a name's TXT records, each with its character-strings joined (RFC 7208 §3.3), as text or as bytes-as-latin1;
 * `at` of a problem counts them from 1, in the order given. Never throws, cost bounded by `recordLimits`.
 */
export function readRecords(records: readonly string[], options: RecordOptions): RecordRules {
  const gathering = new Gathering(dialects.postern, options);
  const addsUp = new Set<string>();
  const { problems } = gathering;
  const rules = records.slice(0, recordLimits.all).flatMap((record, i) => ruleOf(record, i + 1, problems));
  const taken = rules.slice(0, recordLimits.records);
  if (rules.length > taken.length)
    problems.error("too-many-records", nowhere, `Only the first ${recordLimits.records} rule records are read.`);
  let left: number = recordLimits.items;
  for (const rule of taken) left -= readList(rule, left, { gathering, addsUp }, options);
  for (const rule of taken) if (rule.what === "kept-elsewhere") sayKeptElsewhere(rule, problems);
  const port = portOf(taken, problems);
  const found = gathering.finish();
  const aliases = port === null ? found.aliases : found.aliases.map((alias) => withPort(alias, port));
  return { present: rules.length > 0, aliases, problems: found.problems, addsUp };
}

/** Definitions as `aliases.ts` resolves them, for a domain that has no directory rows. Ids are `txt:` and a number. */
export function recordAliases(definitions: readonly AliasDefinition[]): Alias[] {
  return definitions.map((definition, i) => ({
    id: `txt:${i}`,
    kind: definition.kind,
    pattern: definition.pattern,
    state: definition.state,
    disabledReply: definition.disabledReply,
    createdAt: i,
    destinations: definition.destinations.map((one, n) => ({ ...one, id: `txt:${i}:${n}`, paused: false })),
  }));
}

const prefix = /^(postern|forward-email)(-port|-site-verification)?=/;
// Quotes that were pasted along, another case, a space or a colon for the equals sign: it would be ignored without a word.
const nearly = /^["'\s]*(?:postern|forward-email)(?:-port)?\s*[=:]/i;

function ruleOf(record: string, at: number, problems: Problems): Rule[] {
  const text = textOf(record);
  const head = prefix.exec(text);
  const place = { at, offset: 0 };
  if (head === null) {
    if (nearly.test(text))
      problems.error("misspelt", place, `${quote(text)} must begin with exactly “postern=” or “forward-email=”.`);
    return [];
  }
  const long = text.length > recordLimits.length;
  if (long) problems.error("too-long", place, `The record is longer than ${recordLimits.length} characters.`);
  const syntax = head[1] === "postern" ? "postern" : "forward-email";
  return [{ at, syntax, what: whatOf(head[2]), value: long ? "" : text, start: head[0].length }];
}

function whatOf(suffix: string | undefined): Rule["what"] {
  if (suffix === undefined) return "list";
  return suffix === "-port" ? "port" : "kept-elsewhere";
}

/** UTF-8 where the characters are bytes that are; else the text as it is, which reads bytes as Latin-1. */
function textOf(record: string): string {
  const trimmed = record.trim();
  try {
    return utf8Decode(fromLatin1(trimmed));
  } catch {
    return trimmed.toWellFormed();
  }
}

type Into = { gathering: Gathering; addsUp: Set<string> };

/** Answers how many items it read. */
function readList(rule: Rule, most: number, into: Into, options: RecordOptions): number {
  if (rule.what !== "list") return 0;
  const { gathering } = into;
  const value = rule.value.slice(rule.start).trim();
  if (isReSealed(value, rule, gathering.problems)) return 0;
  if (rule.syntax === "forward-email" || !isSealed(value)) return readItems(rule, rule.value, rule.start, most, into);
  const list = unsealRecord(value, options.domain, options.keys ?? []);
  if (list === null) {
    const text = "The sealed value does not open for this domain: seal it again here.";
    gathering.problems.error("sealed-unreadable", { at: rule.at, offset: null }, text);
    return 0;
  }
  gathering.problems.hush(rule.at);
  return readItems(rule, list, null, most, into);
}

/** `start` null: the text was sealed, and positions in it are nobody's business. */
function readItems(rule: Rule, text: string, start: number | null, most: number, into: Into): number {
  let count = 0;
  for (const item of scanItems(text, start ?? 0)) {
    const place: Place = { at: rule.at, offset: start === null ? null : item.offset };
    if (count === most) {
      into.gathering.problems.error("too-many-aliases", place, `Only the first ${recordLimits.items} items are read.`);
      return count;
    }
    count++;
    addItem(item, place, rule.syntax, into);
  }
  return count;
}

const replies: readonly (DisabledReply | null)[] = [null, 250, 421, 550];

function addItem(item: Item, place: Place, syntax: Syntax, { gathering, addsUp }: Into): void {
  const inner = item.alias?.startsWith("/") ? (/^!*/.exec(item.destination ?? "")?.[0].length ?? 0) : 0;
  const disabled = replies[item.bangs || inner];
  if (disabled === undefined) {
    gathering.problems.error("bad-alias", place, `${quote(item.text)}: at most three exclamation marks.`);
    return;
  }
  const destination = item.destination?.slice(inner) || null;
  const pattern = gathering.add({
    ...place,
    alias: item.alias ?? "*",
    destinations: destination === null || unusedWhileOff(destination, disabled) ? [] : [destination],
    disabled,
    dialect: dialects[syntax],
  });
  if (syntax === "forward-email" && pattern !== null) addsUp.add(definitionKey(pattern));
}

// Behind a switched-off alias anything may stand, a plain word too: it is kept for later where it is a destination.
function unusedWhileOff(destination: string, disabled: DisabledReply | null): boolean {
  return disabled !== null && !/[@.:]/.test(destination);
}

// Forward Email encrypts a whole value with a key of its own and writes it as base64; no list of ours looks so.
function isReSealed(value: string, rule: Rule, problems: Problems): boolean {
  const theirs = rule.syntax === "forward-email" && /^[A-Za-z0-9+/]{40,}={0,2}$/.test(value) && value.length % 4 === 0;
  if (theirs)
    problems.error(
      "reseal-needed",
      { at: rule.at, offset: rule.start },
      "The value is encrypted for Forward Email and can't be read here: re-seal it as a postern= record.",
    );
  return theirs;
}

function sayKeptElsewhere(rule: Rule, problems: Problems): void {
  const text =
    "This domain's rules are kept in a Forward Email account, not in DNS: export them there and import them here.";
  problems.notice("kept-elsewhere", { at: rule.at, offset: 0 }, text);
}

/** The first valid port counts, for every address and domain that names none itself. */
function portOf(rules: readonly Rule[], problems: Problems): number | null {
  const found: number[] = [];
  for (const rule of rules.filter((one) => one.what === "port")) {
    const text = rule.value.slice(rule.start).trim();
    const place = { at: rule.at, offset: rule.start };
    if (isReSealed(text, rule, problems)) continue;
    if (!/^\d{1,5}$/.test(text) || !mailPorts.includes(Number(text))) problems.error("bad-port", place, portText(text));
    else if (found.push(Number(text)) > 1)
      problems.error("bad-port", place, "There is more than one port record: the first one counts.");
  }
  const [port = 25] = found;
  return port === 25 ? null : port;
}

/** The destination's own mail hosts, by that port: what Forward Email's port record does. */
function withPort(alias: AliasDefinition, port: number): AliasDefinition {
  const route: HostPort = { host: null, port };
  const destinations = alias.destinations.map((one) =>
    one.route !== null || (one.kind !== "address" && one.kind !== "domain") ? one : { ...one, route },
  );
  return { ...alias, destinations };
}
