/** Sealed messages that come in: whether they are taken at all, and what is answered once they are durable. */
import { takeIn } from "./arrival.ts";
import type { Mirrors } from "./mirrors.ts";
import type { Placements } from "./placements.ts";
import { Refusal } from "./refusal.ts";
import type { StoreThread } from "./threads.ts";

export type Arrival = { mailbox: string; epoch: number; id: string };
export type Stream = { size: number; pieces: AsyncIterable<Uint8Array> };

/**
 * `gone`: moved or deleted; `full`: past 110 % of the quota; `later`: placed here, but not known so yet, on its way to another node, or
 * on a node that was put back and has not asked the edge yet.
 */
export type Acceptance = "stored" | "duplicate" | "gone" | "full" | "later";

type Deps = {
  placements: Placements;
  mirrors: Mirrors;
  threadOf(mailbox: string): StoreThread;
  awaitsSync(): boolean;
};

export class Intake {
  readonly #deps: Deps;

  constructor(deps: Deps) {
    this.#deps = deps;
  }

  whole({ bytes, ...arrival }: Arrival & { bytes: Uint8Array }): Promise<Acceptance> {
    const { mailbox, id } = arrival;
    return this.#take(arrival, bytes.length, (thread) => thread.call("accept", { mailbox, id, bytes }));
  }

  stream({ size, pieces, ...arrival }: Arrival & Stream): Promise<Acceptance> {
    const { mailbox, id } = arrival;
    return this.#take(arrival, size, (thread) => takeIn(thread, { mailbox, id, pieces }));
  }

  async #take(
    arrival: Arrival,
    size: number,
    take: (thread: StoreThread) => Promise<{ accepted: Acceptance; waiting: number }>,
  ): Promise<Acceptance> {
    try {
      const refused = await this.#refusal(arrival, size);
      if (refused) return refused;
      const { accepted, waiting } = await take(this.#deps.threadOf(arrival.mailbox));
      this.#note(arrival.mailbox, waiting);
      return accepted;
    } catch (cause) {
      // It began to leave this node while the message came in.
      if (cause instanceof Refusal) return "later";
      throw cause;
    }
  }

  async #refusal({ mailbox, epoch }: Arrival, size: number): Promise<Acceptance | null> {
    const { placements, threadOf, awaitsSync } = this.#deps;
    const placed = placements.get(mailbox);
    if (placed?.record.state !== "active" || epoch < placed.record.epoch) return "gone";
    // What a node was put back with may have moved away since.
    if (epoch > placed.record.epoch || placed.leaving !== null || awaitsSync()) return "later";
    const { waitingBytes } = await threadOf(mailbox).call("waiting", { mailbox });
    // The edge refuses at 100 %; what it had already accepted still fits.
    return placed.usedBytes + waitingBytes + size > placed.record.quotaBytes * 1.1 + 65_536 ? "full" : null;
  }

  #note(mailbox: string, waiting: number): void {
    const placed = this.#deps.placements.get(mailbox);
    if (!placed) return;
    placed.waiting = waiting;
    this.#deps.mirrors.waiting(mailbox, placed);
  }
}
