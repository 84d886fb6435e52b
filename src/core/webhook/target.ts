/**
 * Where a webhook may go, as far as its URL tells: https, a public name, port 443. What the name resolves to is checked by
 * whoever connects (`net-address.ts`); redirects are never followed. A refused URL comes with the reason for its owner.
 */
import { foldDomain } from "../rules/address.ts";

export type TargetRules = {
  /** Domains that lead back to us, with everything below them: own zones, node hosts, the edge's own name. */
  ownHosts: readonly string[];
  /** Ports besides 443; none by default. */
  ports?: readonly number[];
  /** For test set-ups only: `localhost`, 127.0.0.1, [::1] on any port. */
  allowLoopback?: boolean;
};
export type TargetProblem =
  | "not-a-url"
  | "too-long"
  | "not-https"
  | "has-userinfo"
  | "bad-port"
  | "ip-literal"
  | "bad-host"
  | "inward-name"
  | "own-host";
export type TargetCheck =
  | { ok: true; url: string; host: string; port: number }
  | { ok: false; why: TargetProblem; text: string };

const texts: Record<TargetProblem, string> = {
  "not-a-url": "it is not a URL",
  "too-long": "it is longer than 500 characters",
  "not-https": "it must begin with https://",
  "has-userinfo": "it must not carry a user name or password",
  "bad-port": "only port 443 is allowed",
  "ip-literal": "it must name a host, not an IP address",
  "bad-host": "its host is not a public domain name",
  "inward-name": "its host is a name of an inner network",
  "own-host": "its host belongs to this service",
};

/** Suffixes that never lead to the public Internet (RFC 6761, 6762, 7686, 8375, 9476; ICANN's .internal; habit). */
const inward = new Set(
  "localhost local internal localdomain lan home corp intranet private arpa onion alt invalid example".split(" "),
);
const loopback = new Set(["localhost", "127.0.0.1", "[::1]"]);

/** `url` of the answer is the normalised spelling, without fragment: that is the one to keep and to fetch. */
export function checkTarget(text: string, rules: TargetRules): TargetCheck {
  if (text.length > 500) return refuse("too-long");
  // The parser forgives tabs, newlines, spaces and back-slashes; an owner who typed them meant something else.
  if (/[\s\\]|[^\x21-\x7e\u00a1-\u{10ffff}]/u.test(text)) return refuse("not-a-url");
  if (!/^https:\/\//i.test(text)) return refuse("not-https");
  const url = URL.parse(text);
  if (url === null) return refuse("not-a-url");
  if (url.username !== "" || url.password !== "" || /^https:\/\/[^/?#]*@/i.test(text)) return refuse("has-userinfo");
  const port = url.port === "" ? 443 : Number(url.port);
  const href = url.href.slice(0, url.href.length - url.hash.length);
  if (!(rules.allowLoopback === true && loopback.has(url.hostname))) {
    const why = portProblem(port, rules) ?? hostProblem(url.hostname, rules);
    if (why !== null) return refuse(why);
  }
  return { ok: true, url: href, host: url.hostname, port };
}

function refuse(why: TargetProblem): TargetCheck {
  return { ok: false, why, text: texts[why] };
}

function portProblem(port: number, rules: TargetRules): TargetProblem | null {
  return port === 443 || rules.ports?.includes(port) === true ? null : "bad-port";
}

/** `host` as the URL parser writes it: 0x7f.1, 2130706433 and ０１７７.０.０.１ are all 127.0.0.1 by now. */
function hostProblem(host: string, rules: TargetRules): TargetProblem | null {
  if (host.startsWith("[") || /^[\d.]+$/.test(host)) return "ip-literal";
  const last = host.split(".").findLast((label) => label !== "") ?? "";
  if (inward.has(last)) return "inward-name";
  if (foldDomain(host) !== host) return "bad-host";
  return rules.ownHosts.some((own) => host === own || host.endsWith(`.${own}`)) ? "own-host" : null;
}

/**
 * Puts the groups of a regular expression into a URL (`https://hooks.example/in?to=$1`), percent-encoded, so that a local
 * part can add no parameter and climb no path. A group that took no part is empty.
 */
export function fillTarget(url: string, groups: readonly string[]): string {
  if (groups.length === 0) return url; // no regular expression matched: `$1` means itself
  return url.replace(/\$([1-9])/g, (_, digit: string) => encode(groups[Number(digit)] ?? ""));
}

// `.` and `..` as a whole path segment would climb even when percent-encoded (WHATWG URL, "double-dot path segment").
function encode(text: string): string {
  return /^\.{1,2}$/.test(text)
    ? ""
    : encodeURIComponent(text.toWellFormed()).replace(/[!'()*]/g, (c) => `%${c.charCodeAt(0).toString(16)}`);
}
