/** The entry of a store thread: takes calls, answers them in its own time, and tells what happened. Never started by hand. */
import { parentPort, workerData } from "node:worker_threads";
import { Damaged, named } from "../sqlite/trouble.ts";
import { type Call, Outbox, type Reply, type Said, type Start } from "./crossing.ts";
import { Keeper } from "./keeper.ts";
import { Staging } from "./moving/staging.ts";
import { NodeState } from "./node-state.ts";
import { type Context, type Operation, operations } from "./operations.ts";
import { Refusal } from "./refusal.ts";

const port = parentPort;
if (!port) throw new Error("a store thread is started by the store");
const start = workerData as Start;

const outbox = new Outbox<Said>((items, transfer) => port.postMessage(items, transfer));
const commits: (() => void)[] = [];

/** Commits run after everything that is already here was taken in: writers of one turn share a sync. */
function soon(work: () => void): void {
  if (commits.length === 0) setImmediate(runCommits);
  commits.push(work);
}

function runCommits(): void {
  for (const work of commits.splice(0)) work();
  // Promises of what was just committed settle first, then their answers go out together.
  setImmediate(() => outbox.flush());
}

const node = start.ownsNode ? new NodeState(start.dir, start.nodeKey) : null;
let asked = 0;
const keeper = new Keeper(
  start,
  (news) => outbox.push({ news }),
  soon,
  () => asked,
);
const context: Context = { keeper, node, staging: new Staging(start) };

port.on("message", (calls: Call[] | "close") => {
  if (calls === "close") {
    keeper.close();
    node?.close();
    outbox.flush();
    port.close();
    return;
  }
  asked += calls.length;
  for (const call of calls) void answer(call);
});

async function answer({ id, op, args }: Call): Promise<void> {
  try {
    for (let wait = keeper.settled(args); wait; wait = keeper.settled(args)) await wait;
    outbox.push({ id, ok: true, value: await run(op, args) });
  } catch (cause) {
    outbox.push(failure(id, cause));
  }
}

async function run(op: string, args: unknown): Promise<unknown> {
  const work = operations[op as Operation] as (context: Context, args: unknown) => unknown;
  try {
    return await work(context, args);
  } catch (cause) {
    if (!(named("a database", cause) instanceof Damaged) || !keeper.mend(args)) throw cause;
    return work(context, args);
  }
}

function failure(id: number, thrown: unknown): Reply {
  const cause = named("a database", thrown);
  const expected = cause instanceof Damaged ? new Refusal("CORRUPTION", "This mail is damaged") : cause;
  const refusal = expected instanceof Refusal ? { code: expected.code, text: expected.message } : null;
  return { id, ok: false, refusal, cause: cause instanceof Error ? (cause.stack ?? cause.message) : String(cause) };
}
