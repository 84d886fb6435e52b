/**
 * What the edge says of a recipient, asked once and remembered shortly. A client that keeps guessing names is put off
 * before it has learned much: unknown recipients are counted by network, and past a bound every RCPT is deferred unasked.
 */
import { isIPv6 } from "node:net";
import type { RcptAnswer } from "../../core/contract/handoff.ts";
import type { Clock } from "../../core/ports.ts";
import { replyFor } from "../../core/reply.ts";
import { isLoopback } from "../net/origin.ts";
import type { RcptQuestion } from "./port.ts";

export type RecipientRules = {
  /** How long an answer is good, ms: a new alias is heard of within that time. */
  keepMs: number;
  /** Answers kept at most. */
  keep: number;
  /** Unknown recipients that a network may name within `windowMs`. */
  guesses: number;
  windowMs: number;
};

export const recipientRules: RecipientRules = { keepMs: 20_000, keep: 10_000, guesses: 30, windowMs: 10 * 60_000 };

export type Recipients = (question: RcptQuestion) => Promise<RcptAnswer>;

export function recipientCheck(ask: Recipients, clock: Clock, rules: RecipientRules): Recipients {
  const answers = new Map<string, { answer: RcptAnswer; until: number }>();
  const guesses = new Map<string, { count: number; until: number }>();
  return async (question) => {
    const now = clock();
    const network = networkOf(question.ip);
    const tally = current(guesses, network, now);
    if (tally && tally.count >= rules.guesses && !isLoopback(question.ip)) return putOff;
    // The sender is part of the key: an alias may refuse one and take another.
    const key = `${question.recipient}\n${question.sender}\n${network}`;
    const answer = current(answers, key, now)?.answer ?? (await askSafely(ask, question));
    if (answer.kind !== "defer" && !answers.has(key))
      store(answers, key, { answer, until: now + rules.keepMs }, rules.keep);
    if (answer.kind === "refuse") {
      const next = { count: (tally?.count ?? 0) + 1, until: tally?.until ?? now + rules.windowMs };
      store(guesses, network, next, rules.keep);
    }
    return answer;
  };
}

const putOff: RcptAnswer = {
  kind: "defer",
  code: 450,
  enhanced: "4.7.1",
  text: "Too many unknown recipients, try again later",
};

async function askSafely(ask: Recipients, question: RcptQuestion): Promise<RcptAnswer> {
  try {
    return await ask(question);
  } catch {
    // R2: an edge that can't be reached loses nothing, the sender comes back.
    return { kind: "defer", ...replyFor("edge-trouble") };
  }
}

function current<T extends { until: number }>(kept: Map<string, T>, key: string, now: number): T | undefined {
  const found = kept.get(key);
  if (found === undefined || found.until > now) return found;
  kept.delete(key);
  return undefined;
}

/** Oldest out first: a Map keeps the order of insertion. */
function store<T>(kept: Map<string, T>, key: string, value: T, most: number): void {
  kept.delete(key);
  kept.set(key, value);
  for (const oldest of kept.keys()) {
    if (kept.size <= most) return;
    kept.delete(oldest);
  }
}

/** Who counts as one: an IPv4 address, or the /64 that a single IPv6 customer has to roam in. */
export function networkOf(ip: string): string {
  if (!isIPv6(ip)) return ip;
  const [head = "", tail = ""] = ip.toLowerCase().split("::");
  const left = head.split(":").filter(Boolean);
  const right = tail.split(":").filter(Boolean);
  const zeros = ip.includes("::") ? Array<string>(Math.max(0, 8 - left.length - right.length)).fill("0") : [];
  return [...left, ...zeros, ...right]
    .slice(0, 4)
    .map((group) => group.replace(/^0+(?=.)/, ""))
    .join(":");
}
