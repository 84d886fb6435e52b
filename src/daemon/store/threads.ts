/** The main thread's side of the store threads: typed calls, and news as they come. */
import { Worker } from "node:worker_threads";
import { type Call, Outbox, type Reply, type Said, type Start } from "./crossing.ts";
import type { Answered, Asked, Operation } from "./operations.ts";
import { Refusal } from "./refusal.ts";
import type { News } from "./unlock.ts";

type Pending = { resolve: (value: unknown) => void; reject: (cause: unknown) => void };

export class StoreThread {
  readonly #worker: Worker;
  readonly #outbox: Outbox<Call>;
  readonly #pending = new Map<number, Pending>();
  readonly #exited: Promise<void>;
  readonly #onTrouble: (cause: string) => void;
  #next = 1;
  #ended: Error | null = null;

  /** `onTrouble` hears of failures that are nobody's expectation: a bug, a damaged page, the end of the thread. */
  constructor(start: Start, onNews: (news: News) => void, onTrouble: (cause: string) => void) {
    this.#onTrouble = onTrouble;
    this.#worker = new Worker(new URL("./thread.ts", import.meta.url), { workerData: start });
    this.#outbox = new Outbox((calls, transfer) => this.#worker.postMessage(calls, transfer));
    this.#worker.on("message", (said: Said[]) => {
      for (const one of said) {
        if ("news" in one) onNews(one.news);
        else this.#settle(one);
      }
    });
    this.#worker.on("error", (cause: unknown) => {
      const error = cause instanceof Error ? cause : new Error(String(cause));
      onTrouble(`a store thread ended: ${error.message}`);
      this.#end(error);
    });
    this.#exited = new Promise((resolve) => this.#worker.once("exit", () => resolve()));
  }

  call<K extends Operation>(op: K, args: Asked<K>): Promise<Answered<K>> {
    if (this.#ended) return Promise.reject(this.#ended);
    return new Promise((resolve, reject) => {
      const id = this.#next++;
      this.#pending.set(id, { resolve: resolve as (value: unknown) => void, reject });
      this.#outbox.push({ id, op, args });
    });
  }

  #settle(reply: Reply): void {
    const pending = this.#pending.get(reply.id);
    this.#pending.delete(reply.id);
    if (reply.ok) pending?.resolve(reply.value);
    else {
      const { refusal, cause } = reply;
      if (refusal === null || refusal.code === "CORRUPTION") this.#onTrouble(cause);
      pending?.reject(refusal ? new Refusal(refusal.code, refusal.text) : new Error("the store failed", { cause }));
    }
  }

  #end(cause: Error): void {
    this.#ended = cause;
    for (const pending of this.#pending.values()) pending.reject(cause);
    this.#pending.clear();
  }

  /** Finishes what was asked, closes every database, ends the thread. */
  async close(): Promise<void> {
    this.#outbox.flush();
    this.#worker.postMessage("close");
    await this.#exited;
    this.#end(new Error("the store is closed"));
  }
}
