/**
 * The product's Worker with a watched world: before and after each thing that its events do to R2, D1, the Queue or a node, a test
 * is asked over HTTP whether it goes on, fails, or (no answer) whether the process is killed there. The product knows nothing of it.
 */
import worker, { LiveTail } from "../../../workers/index.ts";

export { LiveTail };

let url = "";
const realFetch = globalThis.fetch;
const realNow = Date.now;
let skewMs = 0;
Date.now = () => realNow() + skewMs;

/** `go`, or throws. */
async function ask(event, what, when) {
  const response = await realFetch(`${url}/at?${new URLSearchParams({ point: `${event}: ${when} ${what}` })}`);
  const { act, skew } = await response.json();
  skewMs = skew;
  if (act === "fail") throw new Error(`made to fail: ${when} ${what}`);
  return act;
}

async function watched(event, what, work) {
  await ask(event, what, "before");
  const done = await work();
  await ask(event, what, "after");
  return done;
}

globalThis.fetch = (input, init) => {
  const { pathname } = new URL(input instanceof Request ? input.url : input);
  if (!pathname.startsWith("/handoff/message")) return realFetch(input, init);
  return watched("bell", "node", () => realFetch(input, init));
};

/** Verb and table: `insert journal`. */
function named(sql) {
  const found = /^\s*(insert(?: or \w+)? into|update|delete from|select.*?\sfrom)\s+"?(\w+)"?/is.exec(sql);
  return found === null ? "D1" : `D1 ${found[1].split(/\s/)[0].toLowerCase()} ${found[2]}`;
}

class Statement {
  constructor(real, sql, event) {
    Object.assign(this, { real, sql, event });
  }
  bind(...values) {
    return new Statement(this.real.bind(...values), this.sql, this.event);
  }
  all() {
    return watched(this.event, named(this.sql), () => this.real.all());
  }
  run() {
    return watched(this.event, named(this.sql), () => this.real.run());
  }
  raw(options) {
    return watched(this.event, named(this.sql), () => this.real.raw(options));
  }
  first(column) {
    return watched(this.event, named(this.sql), () => this.real.first(column));
  }
}

function database(real, event) {
  return {
    prepare: (sql) => new Statement(real.prepare(sql), sql, event),
    batch: (statements) =>
      watched(event, `${named(statements[0].sql)} …`, () => real.batch(statements.map((one) => one.real))),
    exec: (sql) => real.exec(sql),
  };
}

function bucket(real, event) {
  const ops = ["put", "get", "delete", "list"].map((op) => [
    op,
    (...args) => watched(event, `R2 ${op}`, () => real[op](...args)),
  ]);
  return { ...Object.fromEntries(ops), head: (key) => real.head(key) };
}

/** `lose`: nobody is rung. `twice`: each bell twice, the later ones first. */
function bell(real, event) {
  return {
    async sendBatch(bells) {
      const act = await ask(event, "bell", "before");
      if (act === "twice") await real.sendBatch([...bells, ...bells].reverse().map(unordered));
      else if (act !== "lose") await real.sendBatch(bells);
      await ask(event, "bell", "after");
    },
  };
}

let count = 0;
const unordered = (one) => ({ ...one, delaySeconds: count++ % 3 });

const worlds = new Map();

/** One world an event and isolate: the product keeps things by its bindings. */
function watch(env, event) {
  url = env.FAULTS;
  const known = worlds.get(event);
  if (known !== undefined) return known;
  const { DIRECTORY, SPOOL, BELL } = env;
  const faulty = { DIRECTORY: database(DIRECTORY, event), SPOOL: bucket(SPOOL, event), BELL: bell(BELL, event) };
  const made = { ...env, ...faulty };
  worlds.set(event, made);
  return made;
}

export default {
  email: (message, env, context) => worker.email(message, watch(env, "receive"), context),
  queue: (batch, env, context) => worker.queue(batch, watch(env, "bell"), context),
  scheduled: (event, env, context) => worker.scheduled(event, watch(env, "sweep"), context),
  fetch: (request, env, context) => worker.fetch(request, env, context),
};
