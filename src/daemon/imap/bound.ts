/**
 * MESSAGELIMIT: one command works on so many messages at most; of a larger set those with the highest UIDs are taken, and the code
 * says down to which. RFC 9738 §3.
 */
import type { Code } from "./answers.ts";
import type { Selected } from "./command.ts";
import type { UidRanges } from "./port.ts";

export type Bounded = { ranges: UidRanges; code: Code | null };

export function bounded({ session, view }: Selected, ranges: UidRanges): Bounded {
  const most = session.server.limits.messages;
  if (view.numbers.countIn(ranges) <= most) return { ranges, code: null };
  const lowest = view.numbers.uidsIn(ranges).at(-most) ?? 1;
  const kept = ranges.flatMap(([first, last]): [number, number][] =>
    last < lowest ? [] : [[Math.max(first, lowest), last]],
  );
  return { ranges: kept, code: `MESSAGELIMIT ${most} ${lowest}` };
}
