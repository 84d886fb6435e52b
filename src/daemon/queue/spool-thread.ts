/**
 * The spool's thread. Calls that arrive together share one transaction and one fsync, and are answered after it: a busy
 * minute costs a fraction of a sync a message, and "stored" is never said before it is so.
 */
import { isMarkedAsUntransferable, parentPort, workerData } from "node:worker_threads";
import { Database } from "../sqlite/database.ts";
import type { SpoolAnswer, SpoolRequest, SpoolStart } from "./spool.ts";
import { type SpoolCall, SpoolFile } from "./spool-file.ts";

const port = parentPort;
if (port === null) throw new Error("this module is a thread's");
const { file, key } = workerData as SpoolStart;
// 16 MiB of log: with the default every fourth message of 1 MB would wait for a checkpoint.
const db = Database.open(file, Buffer.from(key.buffer), "queue", { cacheKiB: 4000, checkpointPages: 4000 });
const spool = new SpoolFile(db);
let waiting: SpoolRequest[] = [];

port.on("message", (request: SpoolRequest) => {
  if (request.call === "close") return shut();
  waiting.push(request);
  if (waiting.length === 1) setImmediate(flush);
});

function flush(): void {
  const batch = waiting;
  waiting = [];
  for (const answer of together(batch)) port?.postMessage(answer, movable(answer));
}

/** A job's bytes change hands instead of being copied. */
function movable(answer: SpoolAnswer): ArrayBuffer[] {
  const value = "value" in answer ? answer.value : null;
  const whole = value instanceof Uint8Array && value.buffer.byteLength === value.length;
  return whole && value.buffer instanceof ArrayBuffer && !isMarkedAsUntransferable(value.buffer) ? [value.buffer] : [];
}

/** All in one transaction; where that fails, each by itself, so that one bad call spoils no other. */
function together(batch: SpoolRequest[]): SpoolAnswer[] {
  try {
    return db.transaction(() => batch.map((request) => ({ id: request.id, value: run(request) })));
  } catch (error) {
    if (batch.length === 1) return batch.map(({ id }) => ({ id, error: message(error) }));
    return batch.flatMap((request) => together([request]));
  }
}

function run({ call }: SpoolRequest): unknown {
  if (call === "close") return undefined;
  const { method, args } = call;
  const bound = spool[method] as (...args: SpoolCall["args"]) => unknown;
  const value = bound.apply(spool, args);
  if (method === "rotate") afterCommit();
  return value;
}

// The destroyed seed's old page leaves the log too.
function afterCommit(): void {
  setImmediate(() => db.checkpoint());
}

function shut(): void {
  flush();
  db.close();
  port?.close();
}

function message(error: unknown): string {
  return error instanceof Error ? error.message : "unknown trouble";
}
