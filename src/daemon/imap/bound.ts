/**
 * MESSAGELIMIT: one command works on so many messages at most; of a larger set those with the highest UIDs are taken, and the code
 * says down to which. What must be whole is refused instead. RFC 9738 §3.
 */
import { type Code, No, type Ok, ok } from "./answers.ts";
import type { Reply, Selected } from "./command.ts";
import type { Query, UidRanges } from "./port.ts";
import { intersection } from "./wire/sets.ts";

/** `limit`: what the client must hear where some were left out. */
export type Bounded = { ranges: UidRanges; limit: Code | null };

export function bounded({ session, view }: Selected, ranges: UidRanges): Bounded {
  const most = session.server.limits.messages;
  if (view.numbers.countIn(ranges) <= most) return { ranges, limit: null };
  const lowest = view.numbers.uidsIn(ranges).at(-most) ?? 1;
  return { ranges: intersection(ranges, [[lowest, 0xffffffff]]), limit: `MESSAGELIMIT ${most} ${lowest}` };
}

/** COPY is all or none, SORT and THREAD mean nothing in part (RFC 9738 §3.1, §3.3). */
export function mustFit(s: Selected, ranges: UidRanges): void {
  const { limit } = bounded(s, ranges);
  if (limit !== null) throw new No(limit, "Too many messages for one command, try a smaller set");
}

/** A search counts the messages it looks at: those that its outermost sets name, else all (RFC 9738 §3.1). */
export function looksAt(s: Selected, query: Query): UidRanges {
  const whole: UidRanges = [[1, Math.max(1, s.view.numbers.lastUid)]];
  if (query.kind === "uids") return intersection(whole, query.ranges);
  if (query.kind !== "and") return whole;
  return query.of.reduce((left, one) => (one.kind === "uids" ? intersection(left, one.ranges) : left), whole);
}

/** The tagged OK; where it has a code of its own, the limit goes before it in an untagged NO (RFC 9738 §3.1). */
export function* ended(limit: Code | null, code: Code | null): Generator<Reply, Ok> {
  if (limit === null) return ok(code);
  if (code === null) return ok(limit);
  yield `* NO [${limit}] Only the messages with the highest UIDs were taken\r\n`;
  return ok(code);
}
