/**
 * What crosses between the main thread and a store thread. Both sides gather what they have to say in one turn of their event loop
 * and post it at once, so that a hundred sessions cost one message, not a hundred.
 */

import type { Code } from "./refusal.ts";
import type { News } from "./unlock.ts";

export type Start = { dir: string; nodeKey: Uint8Array; graceMs: number; restMs: number; ownsNode: boolean };
export type Call = { id: number; op: string; args: unknown };
export type Reply =
  | { id: number; ok: true; value: unknown }
  | { id: number; ok: false; refusal: { code: Code; text: string } | null; cause: string };
export type Said = Reply | { news: News };

/** Buffers inside `value` that nobody else uses, to be transferred. Looks a few levels deep, where results carry bytes. */
export function ownBuffers(value: unknown, into: Set<ArrayBuffer> = new Set(), depth = 0): Set<ArrayBuffer> {
  if (value === null || typeof value !== "object" || depth > 8) return into;
  if (ArrayBuffer.isView(value)) {
    // A view of a part (Node's small Buffers share a pool) is copied instead.
    if (value.buffer instanceof ArrayBuffer && value.byteLength === value.buffer.byteLength) into.add(value.buffer);
  } else if (value instanceof Map) return into;
  else if (Array.isArray(value)) {
    if (typeof value[0] === "object") for (const one of value) ownBuffers(one, into, depth + 1);
  } else for (const one of Object.values(value)) ownBuffers(one, into, depth + 1);
  return into;
}

/** Calls `post` once per turn with all that was pushed in it. */
export class Outbox<T> {
  #items: T[] = [];
  readonly #post: (items: T[], transfer: ArrayBuffer[]) => void;

  constructor(post: (items: T[], transfer: ArrayBuffer[]) => void) {
    this.#post = post;
  }

  push(item: T): void {
    if (this.#items.length === 0) setImmediate(() => this.flush());
    this.#items.push(item);
  }

  flush(): void {
    const items = this.#items;
    if (items.length === 0) return;
    this.#items = [];
    try {
      this.#post(items, [...ownBuffers(items)]);
    } catch {
      // A buffer whose memory is not V8's own can't be transferred: copy all of them.
      this.#post(items, []);
    }
  }
}
