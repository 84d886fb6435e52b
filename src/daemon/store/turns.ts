/**
 * Large changes: a flag on ten thousand messages, their copy or their end. Made in steps of one transaction, with rests between them in
 * which the thread serves other mailboxes. Whoever reads this mailbox waits for the end: nobody sees a change that is half made.
 */
import { type Steps, whole } from "./changing.ts";
import { pause } from "./keeper.ts";
import type { Mailbox, Write } from "./mailbox.ts";
import { Pace } from "./search/pace.ts";

/** So many messages share a commit with whatever else is waiting: a millisecond or two. */
const fewEnough = 300;

/** `messages`: how many are looked at. Resolves when all of it is durable; where it is refused, nothing of it is. */
export function change<T>(
  mailbox: Mailbox,
  origin: number,
  messages: number,
  steps: (write: Write) => Steps<T>,
): Promise<T> {
  if (messages <= fewEnough) return mailbox.write(origin, (write) => whole(steps(write)));
  const make = async (write: Write, rest: () => Promise<void>): Promise<T> => {
    write.origin = origin;
    const pace = new Pace(rest);
    const work = steps(write);
    for (;;) {
      const step = work.next();
      if (step.done) return step.value;
      await pace.rest();
    }
  };
  return mailbox.writeInTurns(make, (_, made) => made, pause, true);
}

/** A rest for long reading of a mailbox: it never goes on in the middle of somebody's change. */
export function restIn(mailbox: Mailbox): () => Promise<void> {
  return async () => {
    await pause();
    while (mailbox.unsettled) await mailbox.unsettled;
  };
}
