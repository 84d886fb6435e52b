/**
 * The live tail of activity: a few Durable Objects, each for a part of all domains, hold the open event streams (SSE) of the pages
 * and programs that watch these. An event is only a pointer into the journal, so nothing private passes through here; whoever
 * hears of one asks for the row with their own rights. Every few seconds the directory is asked, once for all streams of an object,
 * who may still watch: however a right was lost, its stream ends then. Best effort by design: the journal in D1 is the truth, and a
 * missed event is found at the next reload.
 */
import { DurableObject } from "cloudflare:workers";
import { z } from "zod";
import { utf8 } from "../src/core/bytes.ts";
import { Problem } from "./directory/problem.ts";
import { type Entry, lostRights } from "./directory/watching.ts";
import { logTrouble } from "./platform.ts";
import type { Visitor } from "./sign-in/visitor.ts";

export const liveEvent = z.object({
  kind: z.enum(["message", "step"]).describe("A message came, or something became of one"),
  journal: z.string().describe("The message's id in the activity"),
  domain: z.string(),
});
export type LiveEvent = z.infer<typeof liveEvent>;

const entry = z.union([z.object({ session: z.string() }), z.object({ key: z.string() })]);
const watching = z.object({ who: z.string(), entry, domains: z.array(z.string()), seconds: z.int() });
type Watching = z.infer<typeof watching>;

type Namespace = { LIVE: DurableObjectNamespace };
type Watcher = {
  who: string;
  entry: Entry;
  domains: string[];
  hears: ReadonlySet<string>;
  writer: WritableStreamDefaultWriter<Uint8Array>;
};

/** Objects that share all domains: one stream over any number of domains asks no more than these. */
const parts = 16;
const mostWatchers = 1000;
/** Tabs and programs of one account; more would hold an isolate open for nothing. */
const mostOfOne = 30;
export const mostSeconds = 600;
/** Proxies cut silent connections after a minute or so. */
const heartbeatMs = 25_000;
/** So long at most a stream outlives the right to it. */
const lookMs = 3_000;
/** Compressing on the way would hold events back until a block is full: `no-transform` and `identity` forbid it. */
const streamHeaders = {
  "content-type": "text/event-stream; charset=utf-8",
  "cache-control": "no-store, no-transform",
  "content-encoding": "identity",
};

export class LiveTail extends DurableObject<Env> {
  #watchers = new Set<Watcher>();
  #beat: ReturnType<typeof setInterval> | null = null;
  #look: ReturnType<typeof setInterval> | null = null;
  #isLooking = false;

  override async fetch(request: Request): Promise<Response> {
    const told: unknown = await request.json();
    if (request.method === "POST") return this.#watch(watching.parse(told));
    const event = liveEvent.parse(told);
    this.#send(`event: journal\ndata: ${JSON.stringify(event)}\n\n`, event.domain);
    return new Response(null, { status: 204 });
  }

  #watch({ who, entry, domains, seconds }: Watching): Response {
    const own = [...this.#watchers].filter((one) => one.who === who).length;
    if (own >= mostOfOne || this.#watchers.size >= mostWatchers) return new Response(null, { status: 503 });
    const { readable, writable } = new TransformStream<Uint8Array, Uint8Array>(undefined, {
      highWaterMark: 64,
    });
    const watcher = { who, entry, domains, hears: new Set(domains), writer: writable.getWriter() };
    this.#watchers.add(watcher);
    this.#beat ??= setInterval(() => this.#send(": here\n\n"), heartbeatMs);
    this.#look ??= setInterval(() => this.#endLost(), lookMs);
    setTimeout(() => this.#end(watcher), Math.min(seconds, mostSeconds) * 1000);
    this.#write(watcher, utf8("retry: 2000\n\n"));
    return new Response(readable, { headers: streamHeaders });
  }

  /** What the directory can't answer now it is asked again. */
  async #endLost(): Promise<void> {
    if (this.#isLooking) return;
    this.#isLooking = true;
    try {
      for (const lost of await lostRights(this.env.DIRECTORY, [...this.#watchers], Date.now())) this.#end(lost);
    } catch (error) {
      logTrouble("live", error);
    } finally {
      this.#isLooking = false;
    }
  }

  #send(text: string, domain: string | null = null): void {
    const bytes = utf8(text);
    for (const watcher of this.#watchers) if (domain === null || watcher.hears.has(domain)) this.#write(watcher, bytes);
  }

  // A watcher that is gone, or so slow that its buffer is full, is dropped: it reconnects and reloads.
  #write(watcher: Watcher, bytes: Uint8Array): void {
    if ((watcher.writer.desiredSize ?? 0) <= 0) this.#drop(watcher);
    else watcher.writer.write(bytes).catch(() => this.#drop(watcher));
  }

  #end(watcher: Watcher): void {
    if (!this.#watchers.has(watcher)) return;
    watcher.writer.close().catch(() => undefined);
    this.#forget(watcher);
  }

  #drop(watcher: Watcher): void {
    watcher.writer.abort().catch(() => undefined);
    this.#forget(watcher);
  }

  #forget(watcher: Watcher): void {
    this.#watchers.delete(watcher);
    if (this.#watchers.size > 0) return;
    for (const timer of [this.#beat, this.#look]) if (timer !== null) clearInterval(timer);
    [this.#beat, this.#look] = [null, null];
  }
}

/** Tells the watchers of a domain. Never throws and never delays a message's fate: run it under `ctx.waitUntil`. */
export async function publish(env: Namespace, event: LiveEvent): Promise<void> {
  try {
    await tail(env, partOf(event.domain)).fetch("https://live/", { method: "PUT", body: JSON.stringify(event) });
  } catch {
    // the journal has it
  }
}

export type Subscription = {
  visitor: Pick<Visitor, "account" | "session" | "key">;
  domains: readonly string[];
  seconds?: number;
};

/** One event stream over several domains; the caller has checked the right to each. */
export async function subscribe(env: Namespace, of: Subscription): Promise<Response> {
  const { visitor, seconds = mostSeconds } = of;
  const { account, session, key } = visitor;
  const who = account.id;
  const entry = session === null ? { key: key ?? "" } : { session: session.id };
  const byPart = Map.groupBy(of.domains, partOf);
  const opened = await Promise.all(
    [...byPart].map(([part, domains]) => {
      const body = JSON.stringify({ who, entry, domains, seconds } satisfies Watching);
      return tail(env, part).fetch("https://live/", { method: "POST", body });
    }),
  );
  const bodies = opened.flatMap(({ ok, body }) => (ok && body !== null ? [body] : []));
  if (bodies.length < opened.length) {
    await Promise.all(bodies.map((body) => body.cancel()));
    throw new Problem(503, "too-many-watchers", "Too many streams are open. Close some, or come back.", {
      retryAfter: 60,
    });
  }
  return new Response(merged(bodies), { headers: streamHeaders });
}

// Each write of a tail is one whole event, so chunks of several tails may be interleaved as they come. One's end is the end of all: who
// lost one domain opens the stream anew and hears of the others.
function merged(bodies: readonly ReadableStream<Uint8Array>[]): ReadableStream<Uint8Array> {
  const { readable, writable } = new TransformStream<Uint8Array, Uint8Array>();
  const writer = writable.getWriter();
  const readers = bodies.map((body) => body.getReader());
  const copying = readers.map(async (reader) => {
    for (let next = await reader.read(); !next.done; next = await reader.read()) await writer.write(next.value);
  });
  Promise.race(copying)
    .catch(() => undefined)
    .then(() => Promise.allSettled([writer.close(), ...readers.map((reader) => reader.cancel())]))
    .catch(() => undefined);
  for (const one of copying) one.catch(() => undefined);
  return readable;
}

/** FNV-1a: the ids of one account begin alike. */
function partOf(domain: string): number {
  let hash = 0x811c9dc5;
  for (const byte of utf8(domain)) hash = Math.imul(hash ^ byte, 0x01000193) >>> 0;
  return hash % parts;
}

function tail(env: Namespace, part: number): DurableObjectStub {
  return env.LIVE.get(env.LIVE.idFromName(`part-${part}`));
}
