/**
 * Signed calls between the halves, from the edge's side: `callNode` makes one, `admitNode` checks one. Both stand on
 * `core/contract/call.ts`. A node's public key is kept for a minute per isolate, so a node taken out is believed that long.
 */
import { eq } from "drizzle-orm";
import { fromBase64 } from "../src/core/bytes.ts";
import { bodyMatches, checkCall, signCall } from "../src/core/contract/call.ts";
import { limits } from "../src/core/limits.ts";
import { node } from "./directory/schema.ts";
import type { Edge } from "./platform.ts";

export type NodeCall = {
  node: { id: string; origin: string };
  path: string;
  /** Idempotency id: the same for every try of the same thing. */
  id: string;
  mailbox?: { id: string; epoch: number };
  body: Uint8Array<ArrayBuffer>;
};

/** A node that does not answer within this is called again later. */
const timeoutMs = 30_000;

/** Throws when the node can't be reached; any HTTP answer is an answer. */
export async function callNode(edge: Edge, call: NodeCall): Promise<Response> {
  const about = call.mailbox === undefined ? {} : { mailbox: call.mailbox.id, epoch: call.mailbox.epoch };
  const manifest = { audience: call.node.id, method: "POST" as const, path: call.path, id: call.id, ...about };
  const identity = { name: "edge", seed: edge.config.edgeSeed };
  const headers = await signCall(manifest, call.body, identity, edge.clock(), edge.crypto);
  return fetch(new URL(call.path, call.node.origin), {
    method: "POST",
    headers: { ...headers, "content-type": "application/octet-stream" },
    body: call.body,
    redirect: "manual",
    signal: AbortSignal.timeout(timeoutMs),
  });
}

/** Larger than any message with its envelope. */
const maxBody = limits.messageBytes + limits.callBytes;

export type Admission =
  | { ok: true; node: string; body: Uint8Array<ArrayBuffer> }
  | { ok: false; status: 401 | 413; why: string };

/** Who calls is checked before the body is read, the body against what was signed before anybody acts on it. */
export async function admitNode(edge: Edge, request: Request): Promise<Admission> {
  const call = {
    method: request.method,
    path: new URL(request.url).pathname,
    header: (name: string) => request.headers.get(name),
  };
  const expect = { audience: "edge", publicKeyOf: (sender: string) => publicKeyOf(edge, sender) };
  const check = await checkCall(call, expect, edge.clock(), edge.crypto);
  if (!check.ok) return { ok: false, status: 401, why: check.why };
  if (check.manifest.size > maxBody) return { ok: false, status: 413, why: "too-big" };
  const body = await readExactly(request, check.manifest.size);
  if (body === null || !bodyMatches(check.manifest, body, edge.crypto))
    return { ok: false, status: 401, why: "bad-body" };
  return { ok: true, node: check.sender, body };
}

/** The signed size is the buffer's: a body that is longer or shorter is none of the signer's. */
async function readExactly(request: Request, size: number): Promise<Uint8Array<ArrayBuffer> | null> {
  const whole = new Uint8Array(size);
  let at = 0;
  const body: ReadableStream<Uint8Array> | null = request.body;
  if (body === null) return size === 0 ? whole : null;
  for await (const chunk of body) {
    if (at + chunk.length > size) return null;
    whole.set(chunk, at);
    at += chunk.length;
  }
  return at === size ? whole : null;
}

const keepKeyMs = 60_000;
const keys = new WeakMap<D1Database, Map<string, { key: Uint8Array | null; until: number }>>();

async function publicKeyOf(edge: Edge, sender: string): Promise<Uint8Array | null> {
  const known = keys.get(edge.env.DIRECTORY) ?? new Map<string, { key: Uint8Array | null; until: number }>();
  keys.set(edge.env.DIRECTORY, known);
  const cached = known.get(sender);
  if (cached !== undefined && cached.until > edge.clock()) return cached.key;
  const [row] = await edge.db
    .select({ publicKey: node.publicKey, state: node.state })
    .from(node)
    .where(eq(node.id, sender))
    .limit(1);
  const key = row === undefined || row.state === "gone" ? null : fromBase64(row.publicKey);
  // An unknown sender is asked for each time: it may be enrolled the next second, and junk names would fill the map.
  if (key !== null) known.set(sender, { key, until: edge.clock() + keepKeyMs });
  return key;
}
