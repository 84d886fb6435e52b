/**
 * "What happens to mail for X from Y, and why" (F6), pure: the very candidates, route and verdict that a real message would
 * meet, put into values that API and page show. It decides nothing itself, so it can't differ from what happens.
 */
import { isTemporary, type Reply, replyFor, replyLine } from "../reply.ts";
import { fillTarget } from "../webhook/target.ts";
import { type Address, splitTag } from "./address.ts";
import type { Candidates } from "./aliases.ts";
import type { Copy, Verdict } from "./decide.ts";
import { compile } from "./regex.ts";
import type { Alias, AliasKind, Match, Skip } from "./route.ts";
import { matchesWildcard } from "./wildcard.ts";

export type AliasNote = {
  alias: string;
  kind: AliasKind;
  pattern: string;
  state: "active" | "disabled";
  /** It decides; it would match but something more specific does; it does not match; its pattern can't be run. */
  says: "decides" | "outranked" | "no-match" | "unusable";
  why: string;
};

export type Explanation = {
  outcome: "accepted" | "refused" | "deferred" | "dropped";
  /** What the sender would be told. */
  reply: string;
  reason: string;
  match: Match | null;
  aliases: AliasNote[];
  copies: { kind: Copy["kind"]; target: string; says: string }[];
  skips: Skip[];
};

const accepted: Reply = { code: 250, enhanced: "2.0.0", text: "Accepted" };

export function explain(recipient: Address, candidates: Candidates | null, verdict: Verdict): Explanation {
  const { match } = verdict;
  return {
    ...outcomeOf(verdict),
    match,
    aliases: candidates === null ? [] : explainAliases(recipient, candidates, match),
    copies: verdict.kind === "accept" ? verdict.copies.map(copyNote) : [],
    skips: verdict.kind === "drop" ? [] : verdict.skips,
  };
}

function outcomeOf(verdict: Verdict): Pick<Explanation, "outcome" | "reply" | "reason"> {
  if (verdict.kind === "accept") return { outcome: "accepted", reply: replyLine(accepted), reason: "ok" };
  if (verdict.kind === "drop") return { outcome: "dropped", reply: replyLine(accepted), reason: verdict.reason };
  const reply = replyFor(verdict.reason, verdict.detail ?? undefined);
  return { outcome: isTemporary(reply) ? "deferred" : "refused", reply: replyLine(reply), reason: verdict.reason };
}

/** Those that decide or would match first; exact aliases of other names were never candidates and are not listed. */
export function explainAliases(
  recipient: Address,
  { aliases, addsUp }: Pick<Candidates, "aliases" | "addsUp">,
  match: Match | null,
): AliasNote[] {
  const decided = match?.by === "alias" ? match.alias : null;
  const counts = (alias: Alias): boolean =>
    decided !== null && alias.kind !== "catch-all" && addsUp?.has(decided) === true && addsUp.has(alias.id);
  const notes = aliases.map((alias) => noteOf(alias, recipient.local, decided, match, counts(alias)));
  const order = ["decides", "outranked", "unusable", "no-match"];
  return notes.sort((a, b) => order.indexOf(a.says) - order.indexOf(b.says)).slice(0, 200);
}

function noteOf(
  alias: Alias,
  local: string,
  decided: string | null,
  match: Match | null,
  countsToo: boolean,
): AliasNote {
  const { id, kind, pattern, state } = alias;
  const note = (says: AliasNote["says"], why: string): AliasNote => ({ alias: id, kind, pattern, state, says, why });
  const problem = kind === "regex" ? problemOf(pattern) : null;
  if (problem !== null) return note("unusable", `its pattern can't be used: ${problem}`);
  if (!matches(alias, local)) return note("no-match", noMatchText(kind, local));
  if (id === decided) return note("decides", "it is the most specific one that matches");
  if (countsToo) return note("decides", "it matches too, and Forward Email's records add up");
  return note("outranked", `it matches too, but ${winnerText(match)} comes first`);
}

function problemOf(pattern: string): string | null {
  const compiled = compile(pattern);
  return compiled.ok ? null : compiled.problem;
}

function matches({ kind, pattern }: Alias, local: string): boolean {
  const { base } = splitTag(local);
  if (kind === "catch-all") return true;
  if (kind === "exact") return pattern === local || pattern === base;
  if (kind === "wildcard") return matchesWildcard(pattern, local) || matchesWildcard(pattern, base);
  const compiled = compile(pattern);
  return compiled.ok && [local, base].some((text) => compiled.regex.match(text) !== null);
}

function noMatchText(kind: AliasKind, local: string): string {
  return kind === "exact" ? `it is another name than ${local}` : `its pattern does not match ${local}`;
}

function winnerText(match: Match | null): string {
  switch (match?.by) {
    case "alias":
      return `the ${match.kind} alias ${match.pattern}`;
    case "mailbox":
      return "the mailbox of that very address";
    case "reserved":
      return `the rule that ${match.name} reaches the domain's owner`;
    default:
      return "something else";
  }
}

function copyNote(copy: Copy): Explanation["copies"][number] {
  switch (copy.kind) {
    case "file":
      return {
        kind: copy.kind,
        target: copy.mailbox.address,
        says: `filed in ${copy.folder}, sealed to its owner's key`,
      };
    case "forward":
      return { kind: copy.kind, target: copy.address, says: forwardText(copy) };
    case "webhook":
      return {
        kind: copy.kind,
        target: fillTarget(copy.url, copy.groups),
        says: "posted, signed, until it answers 2xx",
      };
    case "answer":
      return {
        kind: copy.kind,
        target: copy.vacation.alias,
        says: "an automatic answer, unless the sender had one lately",
      };
  }
}

function forwardText({ route }: Extract<Copy, { kind: "forward" }>): string {
  if (route === null) return "forwarded unchanged";
  return `forwarded unchanged by way of ${route.host ?? "its mail hosts"}, port ${route.port}`;
}
