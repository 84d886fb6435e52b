/** The queue's file from the thread that serves sockets: the same calls, as promises. Resolved means on disk, fsynced. */
import { Worker } from "node:worker_threads";
import type { Method, SpoolCall, SpoolFile } from "./spool-file.ts";

export type SpoolStart = { file: string; key: Uint8Array };
export type SpoolRequest = { id: number; call: SpoolCall | "close" };
export type SpoolAnswer = { id: number; value: unknown } | { id: number; error: string };

export type Spool = {
  [M in Method]: (...args: Parameters<SpoolFile[M]>) => Promise<ReturnType<SpoolFile[M]>>;
} & { close(): Promise<void> };

type Pending = { done: (value: unknown) => void; fail: (error: Error) => void };

/** `key` is 32 bytes; the caller's copy is zeroed. */
export function openSpool(file: string, key: Uint8Array): Spool {
  const own = new Uint8Array(key);
  key.fill(0);
  const worker = new Worker(new URL("./spool-thread.ts", import.meta.url), {
    workerData: { file, key: own } satisfies SpoolStart,
    transferList: [own.buffer],
  });
  const caller = new Caller(worker);
  const methods: Method[] = [
    "add",
    "waiting",
    "sealed",
    "postpone",
    "end",
    "results",
    "heard",
    "forgetDone",
    "transit",
    "rotate",
    "signer",
    "keepSigner",
  ];
  const calls = methods.map((method) => [method, (...args: unknown[]) => caller.call(method, args)]);
  return { ...Object.fromEntries(calls), close: () => caller.close() } as Spool;
}

class Caller {
  readonly #worker: Worker;
  readonly #pending = new Map<number, Pending>();
  #next = 1;
  #over: Error | null = null;

  constructor(worker: Worker) {
    this.#worker = worker;
    worker.on("message", (answer: SpoolAnswer) => this.#answered(answer));
    worker.on("error", (error) => this.#end(error instanceof Error ? error : new Error("the queue's thread failed")));
    worker.on("exit", () => this.#end(new Error("the queue is closed")));
  }

  call(method: Method, args: unknown[]): Promise<unknown> {
    if (this.#over !== null) return Promise.reject(this.#over);
    const id = this.#next++;
    return new Promise((done, fail) => {
      this.#pending.set(id, { done, fail });
      this.#worker.postMessage({ id, call: { method, args } });
    });
  }

  async close(): Promise<void> {
    const gone = new Promise<void>((done) => this.#worker.once("exit", () => done()));
    if (this.#over !== null) return;
    this.#worker.postMessage({ id: 0, call: "close" });
    await gone;
  }

  #answered(answer: SpoolAnswer): void {
    const pending = this.#pending.get(answer.id);
    this.#pending.delete(answer.id);
    if ("error" in answer) pending?.fail(new Error(answer.error));
    else pending?.done(answer.value);
  }

  #end(error: Error): void {
    this.#over ??= error;
    for (const { fail } of this.#pending.values()) fail(this.#over);
    this.#pending.clear();
  }
}
