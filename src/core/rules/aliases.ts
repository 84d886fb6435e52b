/**
 * Which alias takes a message, and where its mail goes: pure, over the rows that `directory/routes.ts` fetched in one round
 * trip. The most specific match decides alone; `precedence` is the order, shown to owners and held by a table of cases.
 */
import { limits } from "../limits.ts";
import { type Address, addressText, foldAddress, foldLocal, splitTag } from "./address.ts";
import { routeText } from "./import/definition.ts";
import { compile } from "./regex.ts";
import type { Alias, Destination, FoundRoute, MailboxRef, Match, Route, Skip, SkipReason, Target } from "./route.ts";
import { matchesWildcard, specificity } from "./wildcard.ts";

/** First one wins. Aliases of one kind that both match: see each line. */
export const precedence = [
  "exact alias, tag included (hello+news)",
  "exact alias without the tag (hello)",
  "a mailbox's own address, without the tag",
  "postmaster and abuse: the domain's owner",
  "wildcard alias: the most letters first, then the fewest stars, then the oldest",
  "regular expression: the oldest first",
  "catch-all",
] as const;

/** Everything the directory knows that may matter for one recipient. */
export type Candidates = {
  /** Exact aliases that bear the local part, and every wildcard, regex and catch-all of the domain. */
  aliases: Alias[];
  /** Exact aliases that destinations of kind `alias` name, by whole address. */
  nested: ReadonlyMap<string, Alias>;
  /** Mailboxes that destinations point to. */
  mailboxes: ReadonlyMap<string, MailboxRef>;
  /** The mailbox whose address is the recipient's without its tag. */
  own: MailboxRef | null;
  /** Webhook receivers of the domain that are switched off. */
  endpointsOff: ReadonlySet<string>;
  /** Where postmaster's mail goes: the owner's account address. */
  owner: string | null;
  /** Aliases that count together where several match, as Forward Email's records do; one that is off silences the others. */
  addsUp?: ReadonlySet<string>;
};

/** RFC 2142 §4 and RFC 5321 §4.5.1: these always reach somebody. */
const reserved = new Set(["postmaster", "abuse"]);

type Found = { alias: Alias; groups: string[]; tag: string | null };

export function resolve(recipient: Address, from: Candidates): Route {
  const { base, tag } = splitTag(recipient.local);
  const exact = exactAlias(recipient.local, base, tag, from.aliases);
  // An owner whose own address it is would be sent round in circles.
  const owner = reserved.has(base) && from.owner !== `${base}@${recipient.domain}` ? from.owner : null;
  if (exact !== null && !(owner !== null && exact.alias.state === "disabled")) return take(exact, recipient, from);
  if (from.own !== null) return toMailbox(from.own);
  if (owner !== null) return toOwner(base, owner);
  const pattern =
    wildcardAlias(recipient.local, base, tag, from.aliases) ?? regexAlias(recipient.local, base, tag, from.aliases);
  const found = pattern ?? catchAll(from.aliases);
  return found === null
    ? { kind: "refused", reason: "no-such-address", match: null, skips: [] }
    : take(found, recipient, from);
}

/**
 * The owner's own alias for a reserved name counts, but not so far that nobody gets the mail: where its every destination is
 * paused, gone or unverified, the owner does.
 */
export function orOwner(recipient: Address, route: Route, owner: string | null): Route {
  const { base } = splitTag(recipient.local);
  if (owner === null || !reserved.has(base) || route.kind !== "refused" || route.reason !== "no-destination")
    return route;
  const instead = toOwner(base, owner);
  return { ...instead, skips: route.skips };
}

function exactAlias(local: string, base: string, tag: string | null, aliases: Alias[]): Found | null {
  const exact = aliases.filter((alias) => alias.kind === "exact");
  const whole = exact.find((alias) => alias.pattern === local);
  if (whole !== undefined) return { alias: whole, groups: [], tag: null };
  const bare = exact.find((alias) => alias.pattern === base);
  return bare === undefined ? null : { alias: bare, groups: [], tag };
}

function wildcardAlias(local: string, base: string, tag: string | null, aliases: Alias[]): Found | null {
  const matching = aliases
    .filter((alias) => alias.kind === "wildcard")
    .map((alias) => ({ alias, whole: matchesWildcard(alias.pattern, local) }))
    .filter(({ alias, whole }) => whole || matchesWildcard(alias.pattern, base))
    .sort((a, b) => specificity(b.alias.pattern) - specificity(a.alias.pattern) || byAge(a.alias, b.alias));
  const [best] = matching;
  return best === undefined ? null : { alias: best.alias, groups: [], tag: best.whole ? null : tag };
}

/** The whole local part first, then without its tag, which addresses then carry. */
function regexAlias(local: string, base: string, tag: string | null, aliases: Alias[]): Found | null {
  const regexes = aliases.filter((alias) => alias.kind === "regex").sort(byAge);
  for (const alias of regexes) {
    const found = regexMatch(alias, local, base, tag);
    if (found !== null) return found;
  }
  return null;
}

function regexMatch(alias: Alias, local: string, base: string, tag: string | null): Found | null {
  const compiled = compile(alias.pattern);
  if (!compiled.ok) return null;
  const whole = compiled.regex.match(local);
  const groups = whole ?? (tag === null ? null : compiled.regex.match(base));
  return groups === null ? null : { alias, groups, tag: whole === null ? tag : null };
}

/** The alias that decides, and those that count with it; a catch-all never does. */
function together(found: Found, { local }: Address, { aliases, addsUp }: Candidates): Found[] {
  if (found.alias.kind === "catch-all" || addsUp?.has(found.alias.id) !== true) return [found];
  const { base, tag } = splitTag(local);
  const others = aliases.filter((alias) => alias.id !== found.alias.id && addsUp.has(alias.id)).sort(byAge);
  const more = others.map((alias) => {
    if (alias.kind === "regex") return regexMatch(alias, local, base, tag);
    return alias.kind === "exact" ? exactAlias(local, base, tag, [alias]) : null;
  });
  return [found, ...more.filter((one) => one !== null)];
}

function catchAll(aliases: Alias[]): Found | null {
  const alias = aliases.find((one) => one.kind === "catch-all");
  return alias === undefined ? null : { alias, groups: [], tag: null };
}

function byAge(a: Alias, b: Alias): number {
  return a.createdAt - b.createdAt || (a.id < b.id ? -1 : 1);
}

function toMailbox(mailbox: MailboxRef): Route {
  const target: Target = { kind: "mailbox", destination: "", mailbox };
  return { kind: "found", match: { by: "mailbox", mailbox: mailbox.id }, targets: [target], skips: [] };
}

function toOwner(name: string, owner: string): FoundRoute {
  const match: Match = { by: "reserved", name };
  const target: Target = { kind: "address", destination: "", address: owner, route: null, wholeDomain: false };
  return { kind: "found", match, targets: [target], skips: [] };
}

function take(found: Found, recipient: Address, from: Candidates): Route {
  const all = together(found, recipient, from);
  const off = all.find(({ alias }) => alias.state === "disabled");
  const { alias } = off ?? found;
  const match: Match = { by: "alias", alias: alias.id, kind: alias.kind, pattern: alias.pattern };
  if (off !== undefined) return whenDisabled(alias, match);
  const { targets, skips } = fanOut(all, recipient, from);
  if (targets.length === 0) return { kind: "refused", reason: "no-destination", match, skips };
  return { kind: "found", match, targets, skips };
}

function whenDisabled(alias: Alias, match: Match): Route {
  if (alias.disabledReply === 250) return { kind: "dropped", match };
  const reason = alias.disabledReply === 421 ? "address-disabled-for-now" : "address-disabled";
  return { kind: "refused", reason, match, skips: [] };
}

/** Every destination once, nested aliases opened one level deep, at most `limits.fanOut` in all. */
function fanOut(all: readonly Found[], recipient: Address, from: Candidates): { targets: Target[]; skips: Skip[] } {
  const targets = new Map<string, Target>();
  const skips: Skip[] = [];
  const wanted = all.flatMap((found) => [...opened(found.alias, from.nested)].map((one) => ({ ...one, found })));
  for (const { destination, depth, found } of wanted) {
    const result = targetOf(destination, depth, found, recipient, from);
    const skip = (why: SkipReason): unknown =>
      skips.push({ destination: destination.id, target: destination.target, why });
    if (typeof result === "string") skip(result);
    else if (targets.has(keyOf(result))) skip("same-as-another");
    else if (targets.size >= limits.fanOut) skip("over-the-fan-out");
    else targets.set(keyOf(result), result);
  }
  return { targets: [...targets.values()], skips };
}

function* opened(
  alias: Alias,
  nested: ReadonlyMap<string, Alias>,
  depth = 0,
): Generator<{ destination: Destination; depth: number }> {
  for (const destination of alias.destinations) {
    const inner =
      destination.kind === "alias" && depth === 0 && !destination.paused ? nested.get(destination.target) : undefined;
    if (inner === undefined || inner.state === "disabled" || inner.id === alias.id) yield { destination, depth };
    else yield* opened(inner, nested, depth + 1);
  }
}

function targetOf(
  destination: Destination,
  depth: number,
  found: Found,
  recipient: Address,
  from: Candidates,
): Target | SkipReason {
  if (destination.paused) return "paused";
  switch (destination.kind) {
    case "mailbox":
      return mailboxTarget(destination, from);
    case "webhook":
      if (from.endpointsOff.has(destination.target)) return "endpoint-off";
      return { kind: "webhook", destination: destination.id, url: destination.target, groups: found.groups };
    case "alias":
      if (destination.target === `${found.alias.pattern}@${recipient.domain}`) return "loops-to-itself";
      return depth > 0 ? "alias-too-deep" : "alias-gone";
    case "address":
      return addressTarget(destination, withTag(substitute(destination.target, found.groups), found.tag), recipient);
    case "domain":
      return addressTarget(destination, `${recipient.local}@${destination.target}`, recipient);
  }
}

function mailboxTarget(destination: Destination, from: Candidates): Target | SkipReason {
  const mailbox = from.mailboxes.get(destination.target);
  return mailbox === undefined ? "mailbox-gone" : { kind: "mailbox", destination: destination.id, mailbox };
}

function addressTarget(destination: Destination, text: string, recipient: Address): Target | SkipReason {
  const address = foldAddress(text);
  if (address === null) return "bad-address";
  const same = address.domain === recipient.domain && splitTag(address.local).base === splitTag(recipient.local).base;
  if (same && (destination.route?.host ?? null) === null) return "loops-to-itself";
  const wholeDomain = destination.kind === "domain";
  return {
    kind: "address",
    destination: destination.id,
    address: addressText(address),
    route: destination.route,
    wholeDomain,
  };
}

/** `$1` … `$9` of a regex alias; a group that took no part is empty. A group's text stays within a local part or it is no address. */
function substitute(target: string, groups: readonly string[]): string {
  if (groups.length === 0) return target;
  return target.replace(/\$([1-9])/g, (_, digit: string) => foldLocal(groups[Number(digit)] ?? "") ?? "");
}

// hello+news → me@x becomes me+news@x; a destination that bears a tag keeps its own.
function withTag(target: string, tag: string | null): string {
  const at = target.lastIndexOf("@");
  if (tag === null || tag === "" || at < 1 || target.slice(0, at).includes("+")) return target;
  return `${target.slice(0, at)}+${tag}${target.slice(at)}`;
}

function keyOf(target: Target): string {
  if (target.kind === "mailbox") return `mailbox ${target.mailbox.id}`;
  if (target.kind === "webhook") return `webhook ${target.url}`;
  return `address ${target.address} ${routeText(target.route) ?? ""}`;
}
