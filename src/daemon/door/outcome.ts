/**
 * One answer to DATA for many recipients (DESIGN.md, "Several recipients at the door"): any deferral → 451, since a retry
 * of all is harmless; all refused → a refusal; mixed → 250, and the author hears of the refused ones only where the return path is proven.
 */
import type { IngestAnswer } from "../../core/contract/handoff.ts";
import { type Reply, replyFor } from "../../core/reply.ts";

export type Outcome = IngestAnswer["outcomes"][number];
export type DataVerdict = { reply: Reply; notify: Outcome[] };

export function dataVerdict(answer: IngestAnswer): DataVerdict {
  const { outcomes, pathProven } = answer;
  const [deferred] = outcomes.filter((one) => one.kind === "deferred");
  if (deferred) return { reply: deferral(deferred), notify: [] };
  const refused = outcomes.filter((one) => one.kind === "refused");
  const [first] = refused;
  if (first && refused.length === outcomes.length) return { reply: refusal(first), notify: [] };
  return { reply: accepted, notify: pathProven ? refused : [] };
}

export const accepted: Reply = { code: 250, enhanced: "2.0.0", text: "Accepted" };

// The class of a deferral is always 4, whatever the edge wrote: a 5xx here would bounce mail that a retry delivers.
function deferral(outcome: Outcome): Reply {
  if (outcome.code < 400 || outcome.code > 499) return replyFor("edge-trouble");
  return { code: 451, enhanced: classed(4, outcome.enhanced), text: printable(outcome.text) };
}

function refusal(outcome: Outcome): Reply {
  const code = outcome.code >= 500 && outcome.code <= 599 ? outcome.code : 550;
  return { code, enhanced: classed(5, outcome.enhanced), text: printable(outcome.text) };
}

/** An enhanced status code in the given class (RFC 3463 §2). */
export function classed(digit: 4 | 5, enhanced: string): string {
  const match = /^[245]\.(\d{1,3}\.\d{1,3})$/.exec(enhanced);
  return match ? `${digit}.${match[1]}` : `${digit}.0.0`;
}

/** Another's words as one line of ours. */
export function printable(text: string): string {
  return (
    text
      .replace(/[^\x20-\x7e]+/g, " ")
      .trim()
      .slice(0, 400) || "No reason given"
  );
}
