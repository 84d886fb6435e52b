/** The main thread's spreading of committed changes to whoever watches that mailbox, in commit order. */
import type { Announced, Change } from "./types.ts";

export type Heard<Origin> = Change & { origin: Origin | null };

export class Hub<Origin> {
  readonly #listeners = new Map<string, Set<(change: Heard<Origin>) => void>>();
  readonly #originOf: (session: number) => Origin | null;

  constructor(originOf: (session: number) => Origin | null) {
    this.#originOf = originOf;
  }

  watch(mailbox: string, listener: (change: Heard<Origin>) => void): () => void {
    const listeners = this.#listeners.get(mailbox) ?? new Set();
    this.#listeners.set(mailbox, listeners);
    listeners.add(listener);
    return () => {
      listeners.delete(listener);
      if (listeners.size === 0 && this.#listeners.get(mailbox) === listeners) this.#listeners.delete(mailbox);
    };
  }

  publish(mailbox: string, changes: readonly Announced[]): void {
    const listeners = this.#listeners.get(mailbox);
    if (!listeners) return;
    for (const { origin, ...change } of changes) {
      const heard = { ...change, origin: this.#originOf(origin) } as Heard<Origin>;
      for (const listener of listeners) listener(heard);
    }
  }
}
