/**
 * The live tail of a domain's activity: one Durable Object per domain holds the open event streams (SSE) of the pages that
 * watch it. An event is only a pointer into the journal, so nothing private passes through here; a page that hears of one
 * asks for the row with its own rights. Best effort by design: the journal in D1 is the truth, and a missed event is
 * found at the next reload.
 */
import { DurableObject } from "cloudflare:workers";
import { utf8 } from "../src/core/bytes.ts";

/** `message`: a new journal row. `step`: something became of one. */
export type LiveEvent = { kind: "message" | "step"; journal: string };

type Namespace = { LIVE: DurableObjectNamespace };

/** Streams of one domain; more would let one tab farm hold an isolate open for nothing. */
const maxWatchers = 100;
/** Proxies cut silent connections after a minute or so. */
const heartbeatMs = 25_000;
/** Compressing on the way would hold events back until a block is full: `no-transform` and `identity` forbid it. */
const streamHeaders = {
  "content-type": "text/event-stream; charset=utf-8",
  "cache-control": "no-store, no-transform",
  "content-encoding": "identity",
};

export class LiveTail extends DurableObject {
  #watchers = new Set<WritableStreamDefaultWriter<Uint8Array>>();
  #beat: ReturnType<typeof setInterval> | null = null;

  override async fetch(request: Request): Promise<Response> {
    if (request.method !== "POST") return this.#watch();
    this.#send(`event: journal\ndata: ${await request.text()}\n\n`);
    return new Response(null, { status: 204 });
  }

  #watch(): Response {
    if (this.#watchers.size >= maxWatchers) return new Response("too many watchers", { status: 503 });
    const { readable, writable } = new TransformStream<Uint8Array, Uint8Array>(undefined, {
      highWaterMark: 64,
    });
    this.#watchers.add(writable.getWriter());
    this.#beat ??= setInterval(() => this.#send(": here\n\n"), heartbeatMs);
    this.#send("retry: 2000\n\n");
    return new Response(readable, { headers: streamHeaders });
  }

  // A watcher that is gone, or so slow that its buffer is full, is dropped: it reconnects and reloads.
  #send(text: string): void {
    const bytes = utf8(text);
    for (const watcher of this.#watchers) {
      if ((watcher.desiredSize ?? 0) <= 0) this.#drop(watcher);
      else watcher.write(bytes).catch(() => this.#drop(watcher));
    }
  }

  #drop(watcher: WritableStreamDefaultWriter<Uint8Array>): void {
    this.#watchers.delete(watcher);
    watcher.abort().catch(() => undefined);
    if (this.#watchers.size > 0 || this.#beat === null) return;
    clearInterval(this.#beat);
    this.#beat = null;
  }
}

/** Tells the watchers of a domain. Never throws and never delays a message's fate: run it under `ctx.waitUntil`. */
export async function publish(env: Namespace, domainId: string, event: LiveEvent): Promise<void> {
  try {
    await tail(env, domainId).fetch("https://live/", { method: "POST", body: JSON.stringify(event) });
  } catch {
    // the journal has it
  }
}

/** One event stream over several domains; the caller has checked the right to each. */
export async function subscribe(env: Namespace, domainIds: readonly string[]): Promise<Response> {
  const { readable, writable } = new TransformStream<Uint8Array, Uint8Array>();
  const writer = writable.getWriter();
  for (const id of domainIds.slice(0, 20)) {
    const { body } = await tail(env, id).fetch("https://live/");
    if (body !== null) copy(body, writer).catch(() => undefined);
  }
  return new Response(readable, { headers: streamHeaders });
}

// Each write of the tail is one whole event, so chunks of several tails may be interleaved as they come.
async function copy(body: ReadableStream<Uint8Array>, writer: WritableStreamDefaultWriter<Uint8Array>): Promise<void> {
  const reader = body.getReader();
  try {
    for (let next = await reader.read(); !next.done; next = await reader.read()) await writer.write(next.value);
  } catch {
    await reader.cancel();
  }
}

function tail(env: Namespace, domainId: string): DurableObjectStub {
  return env.LIVE.get(env.LIVE.idFromName(domainId));
}
