/**
 * From facts to a verdict: pure, each outcome with a named reason. Whoever carries it out decides nothing. The rules of an
 * owner (Sieve, issue to come) plug in as `Rules`; `keep` is what happens without any.
 */
import type { Proof } from "../proof/types.ts";
import type { Reason } from "../reply.ts";
import type { FoundRoute, HostPort, MailboxRef, Match, Route, Skip, Target } from "./route.ts";
import type { Ruling } from "./senders.ts";
import type { Vacation } from "./vacation.ts";

/** One thing to do with an accepted message. */
export type Copy =
  | { kind: "file"; mailbox: MailboxRef; folder: string; flags: string[] }
  | { kind: "forward"; address: string; route: HostPort | null }
  | { kind: "webhook"; url: string; groups: string[] }
  | { kind: "answer"; vacation: Vacation };

export type Verdict =
  | { kind: "refuse"; reason: Reason; detail: string | null; match: Match | null; skips: Skip[] }
  /** Accepted and kept nowhere. */
  | { kind: "drop"; reason: "address-disabled" | "denied"; match: Match | null }
  | { kind: "accept"; match: Match; copies: Copy[]; skips: Skip[] };

export type Facts = {
  route: Route;
  /** The automatic answer of the alias that matched, when this message gets one. */
  vacation: Vacation | null;
  /** What is wrong with the message itself, before anything is proven. */
  trouble: Reason | null;
  /** The domain has no account: only mail whose sender is proven is passed on. */
  provenOnly: boolean;
  /** What the owner's lists say of the sender. */
  sender: Ruling;
  /** Raw bytes. */
  size: number;
  /** Null where nothing needed proof, since every recipient was refused already. */
  proof: Proof | null;
};

/**
 * Where an owner's rule language plugs in: `decide(facts, sieve(script))`. Called once for a message that nothing above
 * objected to, with the targets that `route` found; answers every copy to make, in order: Sieve's keep is `keep(route, facts)`,
 * fileinto and its flags a `file`, redirect a `forward`, an empty list discard. It reads the facts and nothing else.
 */
export type Rules = (route: FoundRoute, facts: Facts) => Copy[];

export function decide(facts: Facts, rules: Rules = keep): Verdict {
  const { route } = facts;
  if (route.kind === "refused") return refuse(route.reason, route.match, route.skips);
  if (facts.trouble !== null) return refuse(facts.trouble, route.match);
  if (facts.sender.kind === "denied" && facts.sender.answer === "reject") return refuse("denied", route.match);
  const doubt = unproven(facts.proof) ?? anonymous(facts);
  if (doubt !== null) return { ...doubt, match: route.match, skips: [] };
  if (route.kind === "dropped") return { kind: "drop", reason: "address-disabled", match: route.match };
  if (facts.sender.kind === "denied") return { kind: "drop", reason: "denied", match: route.match };
  if (route.targets.some((target) => isFull(target, facts.size))) return refuse("mailbox-full", route.match);
  const answers: Copy[] = facts.vacation === null ? [] : [{ kind: "answer", vacation: facts.vacation }];
  return { kind: "accept", match: route.match, copies: [...rules(route, facts), ...answers], skips: route.skips };
}

/** Without rules every target gets a copy; mail that DMARC says to quarantine is filed under Junk. RFC 7489 §6.3. */
export const keep: Rules = (route, { proof }) => {
  const folder = proof?.dmarc.disposition === "quarantine" ? "Junk" : "INBOX";
  return route.targets.map((target) => copyFor(target, folder));
};

function copyFor(target: Target, folder: string): Copy {
  if (target.kind === "mailbox") return { kind: "file", mailbox: target.mailbox, folder, flags: [] };
  if (target.kind === "webhook") return { kind: "webhook", url: target.url, groups: target.groups };
  return { kind: "forward", address: target.address, route: target.route };
}

type Doubt = Omit<Extract<Verdict, { kind: "refuse" }>, "match" | "skips">;

/** RFC 7489 §6.6.2: a policy that asks for rejection is followed; trouble is never read as a failure (R11). */
function unproven(proof: Proof | null): Doubt | null {
  if (proof === null) return null;
  const { dmarc } = proof;
  if (dmarc.result === "temperror") return { kind: "refuse", reason: "dns-trouble", detail: null };
  if (dmarc.disposition !== "reject") return null;
  const detail = `The DMARC policy of ${dmarc.domain} rejects this message: neither SPF nor DKIM passed for it`;
  return { kind: "refuse", reason: "dmarc-policy", detail };
}

function anonymous({ provenOnly, proof }: Facts): Doubt | null {
  const proven = proof === null || proof.spf.result === "pass" || proof.dkim.some(({ result }) => result === "pass");
  return provenOnly && !proven ? { kind: "refuse", reason: "not-authenticated", detail: null } : null;
}

function isFull(target: Target, size: number): boolean {
  return target.kind === "mailbox" && target.mailbox.usedBytes + size > target.mailbox.quotaBytes;
}

function refuse(reason: Reason, match: Match | null, skips: Skip[] = []): Verdict {
  return { kind: "refuse", reason, detail: null, match, skips };
}
