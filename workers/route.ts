/**
 * From what the directory knows to a route and a ruling on the sender; both entrances, the door's RCPT question and "explain"
 * go through here. Pure.
 */
import { loopField } from "../src/core/contract/trace.ts";
import { fieldsNamed, fieldText } from "../src/core/message/header.ts";
import type { Reason } from "../src/core/reply.ts";
import { addressText } from "../src/core/rules/address.ts";
import { orOwner, resolve } from "../src/core/rules/aliases.ts";
import { goesRound } from "../src/core/rules/loops.ts";
import type { Route } from "../src/core/rules/route.ts";
import { judge, type Ruling, type Sender } from "../src/core/rules/senders.ts";
import { admit } from "../src/core/rules/standing.ts";
import type { LookedUp } from "./directory/routes.ts";
import type { Message } from "./message.ts";

/** Who speaks: a node, which is believed only for the domains assigned to it, or null for Cloudflare's own entrance. */
export function routeOf(found: LookedUp, speaker: string | null): Route {
  if (found.domain === null) return refused(found.trouble ?? "domain-not-here");
  if (speaker !== null && found.domain.node !== speaker) return refused("domain-not-here");
  const route = resolve(found.address, found.candidates);
  if (speaker === null && isUnknown(route) && isReturnPath(found.address.local)) return toReturnPath(found.recipient);
  return orOwner(found.address, admit(route, found.standings), found.candidates.owner);
}

function refused(reason: Reason): Route {
  return { kind: "refused", reason, match: null, skips: [] };
}

/** What is wrong with the message itself for this recipient: our own marks say that it was here, or forwarded too often. */
export function troubleFor({ header, trouble }: Message, { address }: LookedUp): Reason | null {
  const marks = fieldsNamed(header, loopField).map((field) => fieldText(header, field));
  return trouble ?? (address !== null && goesRound(marks, addressText(address)) ? "mail-loop" : null);
}

/** Rules of an alias speak only where that alias matched. */
export function rulingOf(found: LookedUp, route: Route, sender: Sender): Ruling {
  if (found.domain === null) return { kind: "none" };
  const matched = route.match?.by === "alias" ? route.match.alias : null;
  return judge(
    found.senders.filter((rule) => rule.scope !== "alias" || rule.of === matched),
    sender,
  );
}

function isUnknown(route: Route): boolean {
  return route.kind === "refused" && route.reason === "no-such-address";
}

/** SRS0= and SRS1=, with the separators that the scheme allows. Only a node can tell whether it is genuine. */
function isReturnPath(local: string): boolean {
  return /^srs[01][=+-]/i.test(local);
}

// A node's door knows its own return paths; at Cloudflare's entrance the bounce is handed to a node to be sent on.
function toReturnPath(recipient: string): Route {
  const target = { kind: "address" as const, destination: "", address: recipient, route: null, wholeDomain: false };
  return { kind: "found", match: { by: "return-path" }, targets: [target], skips: [] };
}
