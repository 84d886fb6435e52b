/**
 * The grammar of an SPF record, RFC 7208 §4.5, §4.6 and §12. A record is read whole before any of it is used: a syntax
 * error anywhere is a permerror, even behind the mechanism that would have matched (§4.6).
 */
import { type Ip, parseIp4, parseIp6 } from "./ip.ts";
import { type MacroString, parseDomainSpec, parseMacroString } from "./macro.ts";

export type Qualifier = "+" | "-" | "~" | "?";
export type Mechanism =
  | { kind: "all" }
  | { kind: "include" | "exists"; domain: MacroString }
  | { kind: "a" | "mx"; domain: MacroString | null; prefix4: number; prefix6: number }
  | { kind: "ptr"; domain: MacroString | null }
  | { kind: "ip"; network: Ip; prefix: number };
export type Directive = { qualifier: Qualifier; mechanism: Mechanism; text: string };
export type SpfRecord = { directives: Directive[]; redirect: MacroString | null; explanation: MacroString | null };

/** A syntax error, with the offending term for people. */
export class SpfSyntax extends Error {
  override name = "SpfSyntax";
}

/** §4.5: version section, then a space or nothing; the version compares without case. */
export function isSpfRecord(text: string): boolean {
  return /^v=spf1(?: |$)/i.test(text);
}

/** Throws `SpfSyntax` and nothing else. */
export function parseSpfRecord(text: string): SpfRecord {
  const record: SpfRecord = { directives: [], redirect: null, explanation: null };
  for (const term of text.slice("v=spf1".length).split(" ")) if (term !== "") addTerm(term, record);
  return record;
}

function addTerm(term: string, record: SpfRecord): void {
  if (!/^[\x21-\x7e]+$/.test(term)) throw new SpfSyntax("a character outside printable ASCII");
  const modifier = /^([A-Za-z][A-Za-z0-9_.-]*)=(.*)$/.exec(term);
  if (modifier) addModifier(modifier[1] ?? "", modifier[2] ?? "", record);
  else record.directives.push(parseDirective(term));
}

function addModifier(name: string, value: string, record: SpfRecord): void {
  const known = name.toLowerCase() === "redirect" ? "redirect" : name.toLowerCase() === "exp" ? "explanation" : null;
  if (known === null) {
    // §6: unknown modifiers are ignored, but must be well formed.
    if (parseMacroString(value) === null) throw new SpfSyntax(`${name}=`);
    return;
  }
  if (record[known] !== null) throw new SpfSyntax(`${name}= twice`);
  record[known] = domainSpec(value, `${name}=${value}`);
}

function parseDirective(term: string): Directive {
  const parts = /^([-+~?]?)([A-Za-z0-9]+)(.*)$/.exec(term);
  if (!parts) throw new SpfSyntax(term);
  const [, qualifier = "", name = "", rest = ""] = parts;
  const read = Object.hasOwn(mechanisms, name.toLowerCase()) ? mechanisms[name.toLowerCase()] : undefined;
  if (!read) throw new SpfSyntax(term);
  return { qualifier: (qualifier || "+") as Qualifier, mechanism: read(rest, term), text: term };
}

const mechanisms: Record<string, (rest: string, term: string) => Mechanism> = {
  all: (rest, term) => {
    if (rest !== "") throw new SpfSyntax(term);
    return { kind: "all" };
  },
  include: (rest, term) => ({ kind: "include", domain: domainSpec(afterColon(rest, term), term) }),
  exists: (rest, term) => ({ kind: "exists", domain: domainSpec(afterColon(rest, term), term) }),
  a: (rest, term) => ({ kind: "a", ...hostAndPrefixes(rest, term) }),
  mx: (rest, term) => ({ kind: "mx", ...hostAndPrefixes(rest, term) }),
  ptr: (rest, term) => ({ kind: "ptr", domain: rest === "" ? null : domainSpec(afterColon(rest, term), term) }),
  ip4: (rest, term) => network(afterColon(rest, term), 4, term),
  ip6: (rest, term) => network(afterColon(rest, term), 6, term),
};

function afterColon(rest: string, term: string): string {
  if (!rest.startsWith(":") || rest.length === 1) throw new SpfSyntax(term);
  return rest.slice(1);
}

function domainSpec(text: string, term: string): MacroString {
  const spec = parseDomainSpec(text);
  if (spec === null) throw new SpfSyntax(term);
  return spec;
}

/** `[":" domain-spec] [ip4-cidr-length] ["/" ip6-cidr-length]`; a slash may also stand inside a domain-spec, so lengths are read from the end. */
function hostAndPrefixes(rest: string, term: string) {
  const parts = /^(.*?)(?:\/(\d+))?(?:\/\/(\d+))?$/.exec(rest);
  const [, host = "", four, six] = parts ?? [];
  const domain = host === "" ? null : domainSpec(afterColon(host, term), term);
  return { domain, prefix4: prefixLength(four, 32, term), prefix6: prefixLength(six, 128, term) };
}

function network(text: string, version: 4 | 6, term: string): Mechanism {
  const [, address = "", length] = /^(.*?)(?:\/(\d+))?$/.exec(text) ?? [];
  const bytes = version === 4 ? parseIp4(address) : parseIp6(address);
  if (bytes === null) throw new SpfSyntax(term);
  return { kind: "ip", network: { version, bytes }, prefix: prefixLength(length, version === 4 ? 32 : 128, term) };
}

function prefixLength(digits: string | undefined, most: number, term: string): number {
  if (digits === undefined) return most;
  if (!/^(0|[1-9]\d{0,2})$/.test(digits) || Number(digits) > most) throw new SpfSyntax(term);
  return Number(digits);
}
