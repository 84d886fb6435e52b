/** Where an alias sends its mail, from text or from a file's fields; or why that is no place for mail. */
import { checkTarget } from "../../webhook/target.ts";
import { addressText, foldAddress, foldDomain } from "../address.ts";
import type { HostPort } from "../route.ts";
import type { DestinationDefinition } from "./definition.ts";
import type { Read } from "./pattern.ts";
import { type ProblemCode, quote } from "./problem.ts";

/** Ports of mail that may be named instead of 25 (DESIGN: sending out from a node). */
export const mailPorts: readonly number[] = [25, 465, 587, 2525];

export type Surroundings = {
  /** The domain whose aliases these are, folded. */
  domain: string;
  /** Hosts that lead back to us: no webhook goes there. */
  ownHosts: readonly string[];
  /** For test set-ups: webhooks of this machine. */
  allowLoopback?: boolean;
  /** `$1` in a webhook's URL and before the @ of an address stands for a group. */
  regex?: boolean;
};

/** `user@host`, `host` (same local part there), `https://…`; with `ports`, `user@host:2525` and `host:2525`. */
export function readDestination(text: string, around: Surroundings, ports: boolean): Read<DestinationDefinition> {
  const trimmed = text.trim();
  if (/^https?:/i.test(trimmed)) return checkDestination({ kind: "webhook", target: trimmed, route: null }, around);
  const port = ports ? /:(\d{1,5})$/.exec(trimmed) : null;
  const target = port === null ? trimmed : trimmed.slice(0, port.index);
  const kind = target.includes("@") ? "address" : "domain";
  const route = port === null ? null : { host: target.slice(target.lastIndexOf("@") + 1), port: Number(port[1]) };
  return checkDestination({ kind, target, route }, around);
}

/** Folds a destination to the form that the directory keeps. */
export function checkDestination(one: DestinationDefinition, around: Surroundings): Read<DestinationDefinition> {
  const route = one.route === null ? found(null) : checkRoute(one);
  if (!route.ok) return route;
  const target = targets[one.kind](one.target, around);
  return target.ok ? found({ kind: one.kind, target: target.value, route: route.value }) : target;
}

const targets = {
  address(text: string, around: Surroundings): Read<string> {
    const address = foldAddress(text.trim());
    if (address !== null) return found(addressText(address));
    if (around.regex === true && /@.*\$\d/.test(text))
      return refuse("bad-destination", `${quote(text)}: $1 may stand before the @ only.`);
    return refuse("bad-destination", `${quote(text)} is no e-mail address.`);
  },
  domain(text: string, around: Surroundings): Read<string> {
    const domain = foldDomain(text);
    if (domain === null)
      return refuse("bad-destination", `${quote(text)} is neither an address, a domain nor a https:// URL.`);
    if (domain !== around.domain) return found(domain);
    return refuse("loop", `Mail of ${domain} can't be sent on to ${domain}.`);
  },
  /** An id, or the mailbox's address, as exports have it. */
  mailbox(text: string): Read<string> {
    const address = foldAddress(text);
    if (address !== null) return found(addressText(address));
    return /^[0-9A-Za-z_-]{1,64}$/.test(text)
      ? found(text)
      : refuse("bad-destination", `${quote(text)} is no mailbox.`);
  },
  webhook(text: string, around: Surroundings): Read<string> {
    const check = checkTarget(text, around);
    return check.ok ? found(check.url) : refuse("bad-destination", `Webhook ${quote(text)}: ${check.text}.`);
  },
  alias(text: string, around: Surroundings): Read<string> {
    const address = foldAddress(text.includes("@") ? text : `${text}@${around.domain}`);
    if (address !== null && address.domain === around.domain) return found(addressText(address));
    return refuse("bad-destination", `${quote(text)} is no alias of ${around.domain}.`);
  },
} as const;

function checkRoute(one: DestinationDefinition): Read<HostPort> {
  const named = one.route?.host ?? null;
  const host = named === null ? null : foldDomain(named);
  const port = one.route?.port ?? 0;
  if (one.kind !== "address" && one.kind !== "domain")
    return refuse("bad-destination", `${quote(one.target)}: only addresses and domains have a host and port.`);
  if (named !== null && host === null) return refuse("bad-destination", `${quote(named)} is no host name.`);
  return mailPorts.includes(port) ? found({ host, port }) : refuse("bad-port", portText(String(port)));
}

export function portText(port: string): string {
  return `Port ${quote(port)} is not allowed; mail goes to ports ${mailPorts.join(", ")}.`;
}

function found<T>(value: T): Read<T> {
  return { ok: true, value };
}

function refuse(code: ProblemCode, text: string): Read<never> {
  return { ok: false, code, text };
}
