/**
 * How long the work of a thread waits for its turn: the delay of its event loop. Watched only once somebody has asked, and then at
 * the cost of a timer a millisecond.
 */
import { monitorEventLoopDelay } from "node:perf_hooks";

const everyMs = 1;
let histogram: ReturnType<typeof monitorEventLoopDelay> | null = null;

/** Milliseconds, since this was last asked in the calling thread; the first answer is empty. */
export type LoopDelay = { p50: number; p99: number; max: number };

export function loopDelay(): LoopDelay {
  const asked = histogram;
  histogram ??= monitorEventLoopDelay({ resolution: everyMs });
  histogram.enable();
  const answer = asked
    ? { p50: over(asked.percentile(50)), p99: over(asked.percentile(99)), max: over(asked.max) }
    : { p50: 0, p99: 0, max: 0 };
  histogram.reset();
  return answer;
}

/** What the histogram holds is from tick to tick, in nanoseconds. */
function over(nanoseconds: number): number {
  return Math.max(0, nanoseconds / 1e6 - everyMs);
}
