/**
 * When a message has been forwarded enough. Our own marks tell (`contract/trace.ts`): one that names this very address, or three
 * of any: an alias whose destinations come back under ever new names would otherwise multiply with every turn.
 */
import { hasLooped } from "../contract/trace.ts";
import { limits } from "../limits.ts";

/** `marks` are the values of the message's mark fields, `address` the recipient, folded. */
export function goesRound(marks: readonly string[], address: string): boolean {
  return marks.length >= limits.forwards || hasLooped(marks, address);
}
