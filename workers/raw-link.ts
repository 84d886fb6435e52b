/**
 * Short-lived links to raw messages that are too large for a webhook's body: `/raw/{id}?until=…&key=…`, signed by HMAC. What
 * they serve is a sealed copy in R2 of its own, since the spool's goes with the receiver's 2xx; the sweep deletes it.
 */
import { createHmac } from "node:crypto";
import { Hono } from "hono";
import { equalConstantTime, fromHex } from "../src/core/bytes.ts";
import { labels } from "../src/core/seal/labels.ts";
import { type Edge, openEdge } from "./platform.ts";
import { edgeOrigin } from "./post.ts";
import type { SpoolPlace } from "./spool.ts";
import { derivedKey, openTransit } from "./transit.ts";
import { installationPublicKey } from "./webhook-key.ts";

const lifeMs = 60 * 60 * 1000;
const prefix = ".raw/";

/** Null where the edge does not know its own address yet: the raw message then goes in the body after all. */
export async function rawLink(
  edge: Edge,
  { id }: SpoolPlace,
  day: string,
  sealed: Uint8Array,
): Promise<{ url: string; expiresAt: number } | null> {
  const origin = await edgeOrigin(edge);
  if (origin === null) return null;
  const expiresAt = edge.clock() + lifeMs;
  await edge.env.SPOOL.put(prefix + id, sealed, { customMetadata: { day, until: String(expiresAt) } });
  return { url: `${origin}/raw/${id}?until=${expiresAt}&key=${sign(edge, id, expiresAt)}`, expiresAt };
}

/** Part of the sweep. */
export async function deleteOldRaw(edge: Edge): Promise<void> {
  const { objects } = await edge.env.SPOOL.list({ prefix, include: ["customMetadata"] });
  const old = objects.filter(({ customMetadata }) => Number(customMetadata?.["until"] ?? 0) < edge.clock());
  if (old.length > 0) await edge.env.SPOOL.delete(old.map(({ key }) => key));
}

export function rawRoutes(): Hono<{ Bindings: Env }> {
  const app = new Hono<{ Bindings: Env }>();
  app.get("/raw/:id{[0-9a-f]{40}}", async (c) => {
    const edge = openEdge(c.env, c.executionCtx);
    const id = c.req.param("id");
    const until = Number(c.req.query("until") ?? "0");
    if (!(until > edge.clock()) || !isSigned(edge, id, until, c.req.query("key") ?? "")) return c.notFound();
    const object = await edge.env.SPOOL.get(prefix + id);
    const day = object?.customMetadata?.["day"];
    if (object === null || day === undefined) return c.notFound();
    const { raw } = await openTransit(edge, day, new Uint8Array(await object.arrayBuffer()));
    const headers = {
      "content-type": "message/rfc822",
      "cache-control": "no-store",
      "x-content-type-options": "nosniff",
    };
    return new Response(raw, { headers: { ...headers, "content-disposition": 'attachment; filename="message.eml"' } });
  });
  app.get("/webhook-key", async (c) => c.text(await installationPublicKey(openEdge(c.env, c.executionCtx))));
  return app;
}

function sign(edge: Edge, id: string, until: number): string {
  return createHmac("sha256", derivedKey(edge, labels.rawLink)).update(`${id}.${until}`).digest("hex");
}

function isSigned(edge: Edge, id: string, until: number, key: string): boolean {
  return /^[0-9a-f]{64}$/.test(key) && equalConstantTime(fromHex(key), fromHex(sign(edge, id, until)));
}
