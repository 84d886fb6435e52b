/**
 * The Worker with a stopwatch: `receive()` as it stands, in workerd, with D1's answers from memory and R2 swallowing what it
 * is given, so that the clock sees the Worker's own work and no waiting. For `bench/edge.ts`.
 */
import { fromBase64 } from "../../../src/core/bytes.ts";
import { lookUp } from "../../../workers/directory/routes.ts";
import worker from "../../../workers/index.ts";
import type { Incoming } from "../../../workers/mail.ts";
import { type Edge, openEdge } from "../../../workers/platform.ts";
import { receive } from "../../../workers/receive.ts";
import { routeOf } from "../../../workers/route.ts";

export { LiveTail } from "../../../workers/live.ts";

/** The whole of `receive()`, or the look-up and resolution of the recipient alone. */
export type Order = {
  what: "receive" | "resolve";
  node: string;
  recipient: string;
  mailFrom: string;
  raw: string;
  times: number;
};
/** How each message ended; calls to D1 for one. */
export type Measured = { kind: string; calls: number };

/** The real database the first time, its recorded answers after that: ids differ from message to message, answers don't. */
class Recorded {
  calls = 0;
  readonly #real: D1Database;
  readonly #answers = new Map<string, unknown>();

  constructor(real: D1Database) {
    this.#real = real;
  }

  get database(): D1Database {
    return new Proxy(this.#real, {
      get: (real, name) => {
        if (name === "batch") return (given: Statement[]) => this.#batch(given);
        return name === "prepare" ? (sql: string) => this.#statement(sql, real.prepare(sql)) : Reflect.get(real, name);
      },
    });
  }

  #batch(given: readonly Statement[]): Promise<unknown> {
    const real = given.map((one) => one.real);
    return this.#once(given.map((one) => one.sql).join(";"), () => this.#real.batch(real));
  }

  #statement(sql: string, real: D1PreparedStatement): Statement {
    const run = (how: "all" | "run" | "first" | "raw") => () =>
      this.#once(`${how} ${sql}`, () => (real[how] as () => Promise<unknown>)());
    const bind = (...values: unknown[]) => this.#statement(sql, real.bind(...values));
    return { sql, real, bind, all: run("all"), run: run("run"), first: run("first"), raw: run("raw") };
  }

  async #once(key: string, ask: () => Promise<unknown>): Promise<unknown> {
    this.calls++;
    if (!this.#answers.has(key)) this.#answers.set(key, await ask());
    return structuredClone(this.#answers.get(key));
  }
}

type Statement = {
  sql: string;
  real: D1PreparedStatement;
  bind(...values: unknown[]): Statement;
} & Record<"all" | "run" | "first" | "raw", () => Promise<unknown>>;

function swallowing(bucket: R2Bucket): R2Bucket {
  const put = async (_: string, body: ReadableStream<Uint8Array>): Promise<null> => {
    for await (const chunk of body) if (chunk.length < 0) throw new Error("never");
    return null;
  };
  return new Proxy(bucket, { get: (real, name) => (name === "put" ? put : Reflect.get(real, name)) });
}

async function measure(order: Order, env: Env, context: ExecutionContext): Promise<Measured> {
  const recorded = new Recorded(env.DIRECTORY);
  const quiet = { waitUntil: (work: Promise<unknown>) => context.waitUntil(work.catch(() => undefined)) };
  const unlimited: RateLimit = { limit: async () => ({ success: true }) };
  const free = { RATE_SENDER: unlimited, RATE_RECIPIENT: unlimited };
  const own = { ...env, ...free, DIRECTORY: recorded.database, SPOOL: swallowing(env.SPOOL) };
  const edge = openEdge(own, quiet);
  const raw = fromBase64(order.raw);
  const mail = (): Incoming => ({
    envelope: {
      entrance: "door",
      assertedBy: order.node,
      mailFrom: order.mailFrom,
      ip: "192.0.2.1",
      helo: "mx.sender.test",
      tls: null,
      smtputf8: false,
      receivedAt: edge.clock(),
      vouched: false,
    },
    recipients: [order.recipient],
    raw,
    below: raw,
    cloudflare: null,
    forward: null,
  });
  const once = order.what === "receive" ? () => received(mail(), edge) : () => resolved(recorded.database, order);
  const kind = await once();
  const before = recorded.calls;
  for (let i = 0; i < order.times; i++) await once();
  return { kind, calls: (recorded.calls - before) / order.times };
}

async function received(mail: Incoming, edge: Edge): Promise<string> {
  const { outcomes } = await receive(mail, edge);
  return outcomes[0]?.kind ?? "";
}

async function resolved(database: D1Database, { recipient, mailFrom, node }: Order): Promise<string> {
  const [found] = await lookUp(database, [recipient], [mailFrom]);
  return found === undefined ? "" : routeOf(found, node).kind;
}

export default {
  ...worker,
  async fetch(request, env, context) {
    if (new URL(request.url).pathname !== "/measure") return worker.fetch(request, env, context);
    return Response.json(await measure(await request.json(), env, context));
  },
} satisfies ExportedHandler<Env>;
