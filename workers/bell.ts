/** The Queue's consumer. A bell is only a hint: each message is acknowledged by itself, and a lost one costs five minutes. */
import { handOff } from "./handoff.ts";
import { type Edge, logTrouble } from "./platform.ts";
import { bellSchema } from "./spool.ts";

/** Seconds until the next try, by number of tries so far; the last one repeats. */
const backoff = [2, 5, 15, 60, 300, 900, 3600];

export async function answerBells(batch: MessageBatch<unknown>, edge: Edge): Promise<void> {
  for (const message of batch.messages) await answerBell(message, edge);
}

async function answerBell(message: Message<unknown>, edge: Edge): Promise<void> {
  const bell = bellSchema.safeParse(message.body);
  if (!bell.success) return message.ack();
  const later = (): void =>
    message.retry({ delaySeconds: backoff[Math.min(message.attempts, backoff.length) - 1] ?? 3600 });
  try {
    if ((await handOff(edge, bell.data.key)) === "later") later();
    else message.ack();
  } catch (error) {
    logTrouble("bell", error);
    later();
  }
}
