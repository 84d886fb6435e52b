/** What an alias text names: an exact local part, a wildcard, a regular expression, the catch-all; or why it names nothing. */
import { foldDomain, foldLocal } from "../address.ts";
import { compile } from "../regex.ts";
import type { AliasKind } from "../route.ts";
import { wildcardProblem } from "../wildcard.ts";
import { type ProblemCode, quote } from "./problem.ts";

export type Pattern = { kind: AliasKind; pattern: string };
export type Read<T> = { ok: true; value: T } | { ok: false; code: ProblemCode; text: string };

export type Syntax = {
  /** `sales-*` is a wildcard. Elsewhere a star inside a name is refused, since it would silently match nothing. */
  wildcards: boolean;
  /** `/…/` is a regular expression. */
  regexes: boolean;
};

/** `hello`, `hello@domain`, `*`, `sales-*`, `/^a(.*)$/i`. */
export function readPattern(text: string, syntax: Syntax, domain: string): Read<Pattern> {
  const trimmed = text.trim();
  if (syntax.regexes && trimmed.startsWith("/")) return readSlashed(trimmed);
  const at = trimmed.lastIndexOf("@");
  if (at >= 0 && foldDomain(trimmed.slice(at + 1)) !== domain)
    return refuse("other-domain", `${quote(trimmed)} is not of ${domain}.`);
  const local = at < 0 ? trimmed : trimmed.slice(0, at);
  if (local === "*" || (local === "" && at === 0)) return found("catch-all", "*");
  return local.includes("*") ? readWildcard(local, syntax) : readExact(local);
}

/** A pattern whose kind is known already, as files of our own say it. */
export function checkPattern(kind: AliasKind, pattern: string): Read<Pattern> {
  if (kind === "catch-all") return found("catch-all", "*");
  if (kind === "regex") return readRegex(pattern);
  return kind === "wildcard" ? readWildcard(pattern, { wildcards: true, regexes: false }) : readExact(pattern);
}

function readExact(text: string): Read<Pattern> {
  const local = foldLocal(text);
  if (local !== null) return found("exact", local);
  return refuse("bad-alias", `${quote(text)} can't be the part of an address before the @.`);
}

function readWildcard(text: string, syntax: Syntax): Read<Pattern> {
  if (!syntax.wildcards)
    return refuse(
      "no-wildcards-here",
      `${quote(text)}: this syntax has no wildcards; use a regular expression or postern=.`,
    );
  const pattern = text.trim().normalize("NFC").toLowerCase();
  const problem = wildcardProblem(pattern);
  if (problem !== null) return refuse("bad-pattern", `Wildcard ${quote(text)}: ${problem}.`);
  // What stands between the stars must be a local part's: `a.*` may be, `a..*` never.
  if (foldLocal(pattern.replaceAll("*", "a")) !== null) return found("wildcard", pattern);
  return refuse("bad-alias", `${quote(text)} can't be the part of an address before the @.`);
}

/** `/pattern/flags`: i is always on, g says nothing about one local part; others would change what the pattern means. */
function readSlashed(text: string): Read<Pattern> {
  const end = text.lastIndexOf("/");
  if (end < 1) return refuse("bad-pattern", `Regular expression ${quote(text)} has no closing slash.`);
  const flags = text.slice(end + 1);
  if (!/^[gi]{0,2}$/.test(flags))
    return refuse("bad-pattern", `Regular expression ${quote(text)}: only the flags i and g are known.`);
  return readRegex(text.slice(1, end).replace(/\\(.)/gsu, (pair, char: string) => (char === "/" ? "/" : pair)));
}

function readRegex(pattern: string): Read<Pattern> {
  const compiled = compile(pattern);
  if (compiled.ok) return found("regex", pattern);
  return refuse("bad-pattern", `Regular expression ${quote(pattern)}: ${compiled.problem}.`);
}

function found(kind: AliasKind, pattern: string): Read<Pattern> {
  return { ok: true, value: { kind, pattern } };
}

function refuse(code: ProblemCode, text: string): Read<never> {
  return { ok: false, code, text };
}
