/** What an attempt's ending means for its job: pure, so that five days pass in a test. */
import type { RelayJob } from "../../core/contract/handoff.ts";
import type { Ending } from "./ending.ts";
import type { Result } from "./port.ts";
import { day, hour, type Waiting } from "./schedule.ts";

/** Five days of trying, counted from when the sender was told 250 (O3). */
export const life = 5 * day;
/** After this long the edge hears that it takes time, once. */
const delayToldAfter = 4 * hour;

export type Conclusion =
  | { kind: "again"; tellDelay: boolean; hostDown: boolean }
  | { kind: "over"; result: "delivered" | "failed"; ending: Ending };

export function conclude(waiting: Waiting, job: RelayJob, ending: Ending, now: number): Conclusion {
  if (ending.kind !== "tempfail")
    return { kind: "over", result: ending.kind === "delivered" ? "delivered" : "failed", ending };
  // RFC 3463 §3.5: x.4.7 is "delivery time expired"; what was wrong at last stays in the text.
  if (now >= waiting.deadline)
    return { kind: "over", result: "failed", ending: { ...ending, kind: "permfail", enhanced: "5.4.7", code: null } };
  const tellDelay = !waiting.delayTold && now - job.receivedAt >= delayToldAfter;
  return { kind: "again", tellDelay, hostDown: ending.hostDown };
}

/** For the edge, as JSON; null for mail of the node's own making, which no journal lists. */
export function resultOf(job: RelayJob, kind: Result["kind"], ending: Ending, at: number): string | null {
  if (job.journalId === "") return null;
  const { code, enhanced, detail, host } = ending;
  const said = (code === null ? `${enhanced} ${detail}` : detail).slice(0, 500);
  const { id, journalId, recipient } = job;
  return JSON.stringify({ job: id, journalId, recipient, at, kind, detail: said, host } satisfies Result);
}
