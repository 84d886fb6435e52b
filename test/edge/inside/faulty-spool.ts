/**
 * The Worker with trouble in its spool made to order, whatever event it is in: an operation on keys under a prefix fails, before it
 * is done or after, or is held up until the test lets it go. Counts what became of the bells.
 */
import worker from "../../../workers/index.ts";

export { LiveTail } from "../../../workers/live.ts";

export type SpoolOp = "put" | "get" | "delete" | "list";
/** `times`: the first so many that match. */
export type SpoolFault = { op: SpoolOp; under: string; when: "before" | "after"; does: "fail" | "hold"; times: number };
export type Seen = { met: number; held: number; retried: number; acked: number };

let faults: SpoolFault[] = [];
let seen: Seen = { met: 0, held: 0, retried: 0, acked: 0 };
let round = 0;

async function meet(op: SpoolOp, key: string, when: "before" | "after"): Promise<void> {
  const due = faults.find((one) => one.op === op && one.when === when && one.times > 0 && key.startsWith(one.under));
  if (due === undefined) return;
  due.times--;
  seen.met++;
  if (due.does === "fail") throw new Error(`${op} fails on purpose, ${when} it is done`);
  const mine = round;
  seen.held++;
  while (round === mine) await scheduler.wait(20);
}

function troubled(bucket: R2Bucket): R2Bucket {
  const watched = async <T>(op: SpoolOp, key: string, work: () => Promise<T>): Promise<T> => {
    await meet(op, key, "before");
    const done = await work();
    await meet(op, key, "after");
    return done;
  };
  const operations = {
    put: (...args: Parameters<R2Bucket["put"]>) => watched("put", args[0], () => bucket.put(...args)),
    get: (key: string) => watched("get", key, () => bucket.get(key)),
    list: (options: R2ListOptions) => watched("list", options.prefix ?? "", () => bucket.list(options)),
    delete: (keys: string | string[]) => {
      const [first = ""] = [keys].flat();
      return watched("delete", first, () => bucket.delete(keys));
    },
  };
  return new Proxy(bucket, {
    get: (target, name) => Reflect.get(operations, name) ?? Reflect.get(target, name).bind(target),
  });
}

function watchedBell(message: Message<unknown>): Message<unknown> {
  return new Proxy(message, {
    get: (target, name) => {
      const member = Reflect.get(target, name);
      if (typeof member !== "function") return member;
      if (name === "retry") seen.retried++;
      if (name === "ack") seen.acked++;
      return member.bind(target);
    },
  });
}

const within = (env: Env): Env => ({ ...env, SPOOL: troubled(env.SPOOL) });

export default {
  ...worker,
  async fetch(request, env, context) {
    const { pathname } = new URL(request.url);
    if (pathname === "/seen") return Response.json(seen);
    if (pathname !== "/faults") return worker.fetch(request, within(env), context);
    faults = await request.json();
    seen = { met: 0, held: 0, retried: 0, acked: 0 };
    round++;
    return new Response();
  },
  email: (message, env, context) => worker.email(message, within(env), context),
  scheduled: (event, env, context) => worker.scheduled(event, within(env), context),
  queue: (batch, env, context) => {
    const messages = batch.messages.map(watchedBell);
    return worker.queue({ ...batch, messages } as MessageBatch<unknown>, within(env), context);
  },
} satisfies ExportedHandler<Env>;
