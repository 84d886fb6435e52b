/**
 * Sealed mail on its way, in R2: the only truth of what still has to go. Keys are `node/box/hand-off id`; a box is a mailbox
 * id, or `relay` for jobs that the node sends out. What a hand-off needs is in the object's metadata, so the Queue may lose
 * a bell and D1 a row without losing mail. No address is in either: whose a copy is says the step that D1 has of it.
 */
import { z } from "zod";
import type { Sealed } from "../src/core/seal/seal.ts";
import type { Edge } from "./platform.ts";

export const relayBox = "relay";

const factsSchema = z.object({
  journal: z.string(),
  /** UTC ms when it was accepted. */
  at: z.coerce.number(),
  /** Day of the edge's transit key, for webhooks. */
  day: z.string().optional(),
});
export type SpoolFacts = z.infer<typeof factsSchema>;
export type SpoolPlace = { node: string; box: string; id: string };
/**
 * What the Queue carries: a pointer, never mail. `byHand`: somebody asked for it, so what is parked is tried too. `once`: the sweep
 * rang and will ring again, so a failure does not; else the bells of what is stuck would multiply with every round.
 */
const howRung = { byHand: z.literal(true).optional(), once: z.literal(true).optional() };
export const bellSchema = z.strictObject({ key: z.string().max(200), ...howRung });
export type Bell = z.infer<typeof bellSchema>;

/** After so long the edge stops trying by itself (RFC 5321 §4.5.4.1); the mail stays and can be re-driven. */
export const parkAfterMs = 5 * 86_400_000;

export function keyOf({ node, box, id }: SpoolPlace): string {
  return `${node}/${box}/${id}`;
}

export function placeOf(key: string): SpoolPlace | null {
  const [node, box, id, ...rest] = key.split("/");
  return node && box && id && rest.length === 0 ? { node, box, id } : null;
}

/**
 * Writes the sealed object unless it is there already: a retry of the same message lands on the same key. Answers the key, to be rung
 * for once its step is written.
 */
export async function spool(edge: Edge, place: SpoolPlace, facts: SpoolFacts, sealed: Sealed): Promise<string> {
  const key = keyOf(place);
  const { readable, writable } = new FixedLengthStream(sealed.size);
  const pumped = pump(sealed, writable.getWriter());
  await edge.env.SPOOL.put(key, readable, {
    onlyIf: { etagDoesNotMatch: "*" },
    customMetadata: metadataOf(facts),
  });
  await pumped;
  return key;
}

// R2 stops reading where the key exists already: that ends the pump and is no trouble. A real failure throws from put().
async function pump(sealed: Sealed, writer: WritableStreamDefaultWriter<Uint8Array>): Promise<void> {
  try {
    for (const chunk of sealed.chunks()) await writer.write(chunk);
    await writer.close();
  } catch {
    await writer.abort().catch(() => undefined);
  }
}

/** Best effort: what is not heard is found by the sweep. */
export function ring(edge: Edge, keys: readonly string[], how: Omit<Bell, "key"> = {}): void {
  for (let at = 0; at < keys.length; at += 100) {
    const bells = keys.slice(at, at + 100).map((key) => ({ body: { key, ...how } satisfies Bell }));
    edge.later(edge.env.BELL.sendBatch(bells));
  }
}

export function metadataOf({ journal, at, day }: SpoolFacts): Record<string, string> {
  return { journal, at: String(at), ...(day === undefined ? {} : { day }) };
}

export function factsOf(object: R2Object): SpoolFacts | null {
  const parsed = factsSchema.safeParse(object.customMetadata);
  return parsed.success ? parsed.data : null;
}

export function isParked(facts: SpoolFacts, now: number): boolean {
  return now - facts.at > parkAfterMs;
}

export type Waiting = { key: string; facts: SpoolFacts | null; uploaded: number; size: number };

export function waitingOf(object: R2Object): Waiting {
  const { key, size } = object;
  return { key, size, facts: factsOf(object), uploaded: object.uploaded.getTime() };
}

/** What waits under a prefix, page by page, at most `pages` of 1,000. */
export async function* waitingFor(edge: Edge, prefix: string, pages = 30): AsyncGenerator<Waiting> {
  let cursor: string | undefined;
  for (let page = 0; page < pages; page++) {
    const more = cursor === undefined ? {} : { cursor };
    const listed = await edge.env.SPOOL.list({ prefix, include: ["customMetadata"], ...more });
    for (const object of listed.objects) yield waitingOf(object);
    if (!listed.truncated) return;
    cursor = listed.cursor;
  }
}
