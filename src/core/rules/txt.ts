/**
 * Rules in TXT records, for domains without an account (F3): `postern=` in a syntax that Forward Email's `forward-email=`
 * records are a part of, so a domain can move by changing MX. A mistake is reported with its record and harms no other entry.
 *
 *     record  = ("postern=" / "forward-email=") entry *("," entry)      also "postern-port=" / "forward-email-port=" digits
 *     entry   = destination                       ; catch-all
 *             / *3"!" source [":" destination]    ; "!" drops (250), "!!" asks to retry (421), "!!!" refuses (550)
 *             / "s1." base64url                   ; a sealed entry of ours, bound to the domain (`txt-seal.ts`)
 *     source  = local-part / "*" / wildcard / "/" regex "/" flags
 *     destination = address / domain (same local part) / "https://" URL / source-like `$1` inside an address of a regex
 */
import { limits } from "../limits.ts";
import { foldAddress, foldDomain, foldLocal } from "./address.ts";
import { compile } from "./regex.ts";
import type { Alias, AliasKind, Destination } from "./route.ts";
import { wildcardProblem } from "./wildcard.ts";

export const txtLimits = {
  /** Records of ours that are read; more are reported and left. */
  records: 50,
  /** Characters of one record. */
  recordLength: 4096,
  /** Entries of all records together. */
  entries: 500,
} as const;

export type TxtProblem = { record: string; entry: string; problem: string };
export type TxtRules = {
  aliases: Alias[];
  /** Port of every way out of this domain, null for 25. */
  port: number | null;
  problems: TxtProblem[];
  /** Whether there was any record of ours at all. */
  present: boolean;
};

/** Opens a sealed entry for this domain; null when it is not ours or not this domain's. */
export type OpenSealed = (sealed: string) => string | null;

/** Local parts that a TXT record may send mail through on a port of its own; the node's guard holds the same list. */
const ports = new Set([25, 465, 587, 2525]);

export function parseTxt(records: readonly string[], open: OpenSealed): TxtRules {
  const reader = new Reader(open);
  const ours = records.flatMap((record) => oursOf(record));
  for (const [i, record] of ours.entries()) {
    if (i < txtLimits.records) reader.record(record);
    else reader.problem(record.text, "", `more than ${txtLimits.records} records: this one is not read`);
  }
  return { aliases: reader.aliases(), port: reader.port, problems: reader.problems, present: ours.length > 0 };
}

type Ours = { text: string; kind: "rules" | "port"; value: string };

function oursOf(record: string): Ours[] {
  const found = /^\s*(?:postern|forward-email)(-port)?=(.*)$/is.exec(record);
  if (found === null) return [];
  return [{ text: record, kind: found[1] === undefined ? "rules" : "port", value: (found[2] ?? "").trim() }];
}

class Reader {
  readonly problems: TxtProblem[] = [];
  port: number | null = null;
  readonly #open: OpenSealed;
  readonly #aliases = new Map<string, Alias>();
  #entries = 0;

  constructor(open: OpenSealed) {
    this.#open = open;
  }

  aliases(): Alias[] {
    return [...this.#aliases.values()];
  }

  problem(record: string, entry: string, problem: string): void {
    if (this.problems.length < 100) this.problems.push({ record: record.slice(0, 200), entry, problem });
  }

  record({ text, kind, value }: Ours): void {
    if (text.length > txtLimits.recordLength) {
      this.problem(text, "", `longer than ${txtLimits.recordLength} characters: not read`);
      return;
    }
    if (kind === "port") this.#readPort(text, value);
    else for (const entry of splitEntries(value)) this.#readEntry(text, entry);
  }

  #readPort(record: string, value: string): void {
    const port = /^\d{1,5}$/.test(value) ? Number(value) : 0;
    if (ports.has(port)) this.port = port;
    else this.problem(record, value, "the port has to be 25, 465, 587 or 2525");
  }

  #readEntry(record: string, entry: string): void {
    if (++this.#entries > txtLimits.entries) {
      if (this.#entries === txtLimits.entries + 1)
        this.problem(record, entry, `more than ${txtLimits.entries} entries: the rest is not read`);
      return;
    }
    const clear = entry.startsWith("s1.") ? this.#open(entry) : entry;
    const problem =
      clear === null ? "this sealed value was made for another domain or by another service" : this.#add(clear);
    if (problem !== null) this.problem(record, clear === entry ? entry : "(sealed)", problem);
  }

  /** Answers what is wrong with the entry, or null. */
  #add(entry: string): string | null {
    if (looksEncrypted(entry)) return "re-seal needed: this looks encrypted by another service";
    const bangs = /^!{0,3}/.exec(entry)?.[0].length ?? 0;
    const { source, target } = splitEntry(entry.slice(bangs));
    const pattern = readSource(source);
    if ("problem" in pattern) return pattern.problem;
    if (bangs > 0) return this.#switchOff(pattern, bangs);
    const destination = readDestination(target, pattern.kind);
    if ("problem" in destination) return destination.problem;
    const alias = this.#aliasFor(pattern);
    if (alias.destinations.length >= limits.fanOut) return `more than ${limits.fanOut} destinations for one address`;
    alias.destinations.push({ ...destination, id: `txt-${this.#entries}`, route: null, paused: false });
    return null;
  }

  #switchOff(pattern: Pattern, bangs: number): string | null {
    const alias = this.#aliasFor(pattern);
    alias.state = "disabled";
    alias.disabledReply = bangs === 1 ? 250 : bangs === 2 ? 421 : 550;
    return null;
  }

  #aliasFor({ kind, pattern }: Pattern): Alias {
    const key = `${kind} ${pattern}`;
    const known = this.#aliases.get(key);
    if (known !== undefined) return known;
    const createdAt = this.#aliases.size;
    const id = `txt-${kind}-${createdAt}`;
    const fresh: Alias = { id, kind, pattern, state: "active", disabledReply: 250, createdAt, destinations: [] };
    this.#aliases.set(key, fresh);
    return fresh;
  }
}

type Pattern = { kind: AliasKind; pattern: string };
type Trouble = { problem: string };

/** At commas, but not inside `/regex/`; empty entries (a trailing comma) are nobody's mistake. */
export function splitEntries(value: string): string[] {
  const entries: string[] = [];
  let start = 0;
  let regex = false;
  for (let i = 0; i <= value.length; i++) {
    const char = value[i];
    if (char === "\\") i++;
    else if (char === "/") regex = regex ? !closesRegex(value, i) : /^\s*!{0,3}\s*$/.test(value.slice(start, i));
    else if (char === undefined || (char === "," && !regex)) {
      entries.push(value.slice(start, i).trim());
      start = i + 1;
    }
  }
  return entries.filter((entry) => entry !== "");
}

// Behind the closing slash stand flags and then `:`, `,` or the end.
function closesRegex(value: string, slash: number): boolean {
  return /^[a-z]*\s*(?:[:,]|$)/.test(value.slice(slash + 1));
}

/** Source and destination; an entry without a source is the catch-all's destination. */
function splitEntry(entry: string): { source: string | null; target: string } {
  const regex = /^(\/.+?\/[a-z]*)\s*(?::(.*))?$/s.exec(entry);
  if (regex?.[1] !== undefined) return { source: regex[1], target: (regex[2] ?? "").trim() };
  const colon = /^https?:/i.test(entry) ? -1 : entry.indexOf(":");
  if (colon >= 0) return { source: entry.slice(0, colon).trim(), target: entry.slice(colon + 1).trim() };
  const bare = entry.trim();
  const isDestination = /^https?:/i.test(bare) || bare.includes("@") || foldDomain(bare) !== null;
  return isDestination ? { source: null, target: bare } : { source: bare, target: "" };
}

function readSource(source: string | null): Pattern | Trouble {
  if (source === null || source === "*" || source === "") return { kind: "catch-all", pattern: "*" };
  const regex = /^\/(.+)\/([a-z]*)$/s.exec(source);
  if (regex?.[1] !== undefined) return readRegex(regex[1], regex[2] ?? "");
  if (source.includes("*")) {
    const problem = wildcardProblem(source);
    return problem === null
      ? { kind: "wildcard", pattern: source.toLowerCase() }
      : { problem: `${source}: ${problem}` };
  }
  const local = foldLocal(source);
  return local === null ? { problem: `${source} is no local part of an address` } : { kind: "exact", pattern: local };
}

// `g` changes nothing for one match and `i` is how local parts are compared anyway; others would change the meaning.
function readRegex(pattern: string, flags: string): Pattern | Trouble {
  const foreign = flags.replace(/[gi]/g, "");
  if (foreign !== "") return { problem: `the flag ${foreign} is not offered here (g and i are)` };
  const compiled = compile(pattern);
  return compiled.ok ? { kind: "regex", pattern } : { problem: `/${pattern}/ can't be used: ${compiled.problem}` };
}

function readDestination(target: string, kind: AliasKind): Pick<Destination, "kind" | "target"> | Trouble {
  if (target === "") return { problem: "it has no destination" };
  if (/^http:/i.test(target)) return { problem: "a webhook has to be https://" };
  if (/^https:/i.test(target)) return readWebhook(target);
  if (!target.includes("@")) {
    const domain = foldDomain(target);
    return domain === null
      ? { problem: `${target} is neither an address nor a domain` }
      : { kind: "domain", target: domain };
  }
  // `$1` stands for text of the recipient's local part: it is put in, and checked again, per message.
  const probe = kind === "regex" ? target.replace(/\$[1-9]/g, "x") : target;
  const address = foldAddress(probe);
  if (address === null) return { problem: `${target} is no address` };
  return { kind: "address", target: probe === target ? `${address.local}@${address.domain}` : target.toLowerCase() };
}

function readWebhook(target: string): Pick<Destination, "kind" | "target"> | Trouble {
  const plain = /^https:\/\/[^\s/@:]+(?:\/[^\s#]*)?$/i.test(target) && target.length <= 500;
  return plain ? { kind: "webhook", target } : { problem: "a webhook has to be a plain https:// address on port 443" };
}

// Forward Email's encrypted values are long runs of hex or base64 without any of the syntax's signs.
function looksEncrypted(entry: string): boolean {
  return entry.length >= 32 && /^[A-Za-z0-9+/_=-]+$/.test(entry) && !/^\/.*\/[a-z]*$/.test(entry);
}
