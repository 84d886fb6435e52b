/**
 * A destination as one word, for files of our own and for people: `you@example.net`, `*@example.net` (same local part
 * there), `mailbox:ID`, `alias:hello@domain`, `https://…`; with a fixed way out behind it, `you@example.net>mx.example.net:2525`, or another port of its
 * mail hosts, `you@example.net>:2525`.
 * No word holds a space, so a list is words with spaces between.
 */
import type { HostPort } from "../route.ts";
import { type DestinationDefinition, parseRoute, routeText } from "./definition.ts";

export function destinationText(one: DestinationDefinition): string {
  const route = one.route === null ? "" : `>${routeText(one.route)}`;
  return marks[one.kind] + one.target + route;
}

const marks = { address: "", webhook: "", domain: "*@", mailbox: "mailbox:", alias: "alias:" } as const;

/** The shape only; `checkDestination` says whether it makes sense. */
export function parseDestination(word: string): DestinationDefinition {
  if (/^https?:/i.test(word)) return { kind: "webhook", target: word, route: null };
  const [target = "", route = null] = word.split(">", 2);
  const kind = (["mailbox", "alias", "domain"] as const).find((one) => target.startsWith(marks[one])) ?? "address";
  return { kind, target: target.slice(marks[kind].length), route: route === null ? null : routeOf(route) };
}

// A way out that can't be read must not vanish: the mail would go by another.
function routeOf(text: string): HostPort {
  return parseRoute(text) ?? { host: text, port: 0 };
}

export function destinationsText(all: readonly DestinationDefinition[]): string {
  return all.map(destinationText).join(" ");
}
