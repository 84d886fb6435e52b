/**
 * The Worker with trouble made to order: the nth call to D1, to R2's put or to Cloudflare's forward() fails, before it is done
 * or after (done, but the answer is lost). Only what a message's own event does is troubled, not the hand-off behind it.
 */
import worker from "../../../workers/index.ts";

export { LiveTail } from "../../../workers/live.ts";

export type Act = "d1" | "put" | "forward";
export type Fault = { act: Act; nth: number; when: "before" | "after" };

let faults: Fault[] = [];
let counts: Record<Act, number> = { d1: 0, put: 0, forward: 0 };

/** Two faults of one event may be due: a forward() that fails and its fallback. */
async function troubled<T>(act: Act, work: () => Promise<T>): Promise<T> {
  const nth = ++counts[act];
  const due = faults.find((fault) => fault.act === act && fault.nth === nth);
  if (due?.when === "before") throw new Error(`${act} fails on purpose`);
  const result = await work();
  if (due !== undefined) throw new Error(`the answer of ${act} is lost on purpose`);
  return result;
}

function faulty(env: Env): Env {
  const DIRECTORY = new Proxy(env.DIRECTORY, {
    get: (database, name) => {
      if (name === "batch")
        return (given: D1PreparedStatement[]) => troubled("d1", () => database.batch(given.map(real)));
      return name === "prepare" ? (sql: string) => statement(database.prepare(sql)) : Reflect.get(database, name);
    },
  });
  const SPOOL = new Proxy(env.SPOOL, {
    get: (bucket, name) => {
      if (name === "put") return (...args: Parameters<R2Bucket["put"]>) => troubled("put", () => bucket.put(...args));
      const member = Reflect.get(bucket, name);
      return typeof member === "function" ? member.bind(bucket) : member;
    },
  });
  return { ...env, DIRECTORY, SPOOL };
}

const reals = new WeakMap<D1PreparedStatement, D1PreparedStatement>();

function real(one: D1PreparedStatement): D1PreparedStatement {
  return reals.get(one) ?? one;
}

function statement(of: D1PreparedStatement): D1PreparedStatement {
  const proxy = new Proxy(of, {
    get: (target, name) => {
      const member = Reflect.get(target, name);
      if (typeof member !== "function") return member;
      if (name === "bind") return (...values: unknown[]) => statement(target.bind(...values));
      return (...args: unknown[]) => troubled("d1", () => member.apply(target, args));
    },
  });
  reals.set(proxy, of);
  return proxy;
}

function withFaults(message: ForwardableEmailMessage): ForwardableEmailMessage {
  return new Proxy(message, {
    get: (target, name) => {
      if (name === "forward")
        return (to: string, headers?: Headers) => troubled("forward", () => target.forward(to, headers));
      const member = Reflect.get(target, name);
      return typeof member === "function" ? member.bind(target) : member;
    },
  });
}

export default {
  ...worker,
  async fetch(request, env, context) {
    const { pathname } = new URL(request.url);
    if (pathname !== "/faults") return worker.fetch(request, pathname === "/node/ingest" ? faulty(env) : env, context);
    const before = counts;
    counts = { d1: 0, put: 0, forward: 0 };
    faults = await request.json();
    return Response.json(before);
  },
  email: (message, env, context) => worker.email(withFaults(message), faulty(env), context),
} satisfies ExportedHandler<Env>;
