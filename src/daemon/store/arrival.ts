/** A sealed message that comes in piece by piece: each is on disk before the next is asked for, and it counts once the last one is. */
import type { Accepted } from "./inbox.ts";
import type { StoreThread } from "./threads.ts";

export async function takeIn(
  thread: StoreThread,
  { mailbox, id, pieces }: { mailbox: string; id: string; pieces: AsyncIterable<Uint8Array> },
): Promise<{ accepted: Accepted; waiting: number }> {
  let arrival: number | null = null;
  try {
    for await (const bytes of pieces) arrival = await thread.call("takePiece", { mailbox, arrival, bytes });
  } catch (cause) {
    // A leftover that this can't reach goes when the inbox is next opened.
    if (arrival !== null) await thread.call("dropArrival", { mailbox, arrival }).catch(() => undefined);
    throw cause;
  }
  if (arrival === null) throw new RangeError("an empty message");
  return thread.call("finishArrival", { mailbox, arrival, id });
}
