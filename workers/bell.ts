/** The Queue's consumer. A bell is only a hint: each message is acknowledged by itself, and a lost one costs five minutes. */
import { handOff } from "./handoff.ts";
import { type Edge, logTrouble } from "./platform.ts";
import { bellSchema } from "./spool.ts";

/** Seconds until the next try, by number of tries so far; the last one repeats. */
const backoff = [2, 5, 15, 60, 300, 900, 3600];

/** The Queue's own bound, seconds. What is due later is rung by the sweep. */
const longestDelay = 43_200;

function backoffAfter(attempts: number): number {
  return backoff[Math.min(attempts, backoff.length) - 1] ?? 3600;
}

export async function answerBells(batch: MessageBatch<unknown>, edge: Edge): Promise<void> {
  for (const message of batch.messages) await answerBell(message, edge);
}

async function answerBell(message: Message<unknown>, edge: Edge): Promise<void> {
  const bell = bellSchema.safeParse(message.body);
  if (!bell.success) return message.ack();
  const later = (seconds?: number): void =>
    bell.data.once
      ? message.ack()
      : message.retry({ delaySeconds: Math.min(seconds ?? backoffAfter(message.attempts), longestDelay) });
  try {
    const outcome = await handOff(edge, bell.data.key, bell.data.byHand);
    if (outcome === "silent" || outcome === "held") later();
    else if (typeof outcome === "object") later(outcome.later);
    else message.ack();
  } catch (error) {
    logTrouble("bell", error);
    later();
  }
}
