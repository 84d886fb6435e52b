/**
 * The edge's own transit key: webhook bodies that wait for a retry are sealed to it. A new random seed a day, kept in R2 under
 * the edge's key and destroyed after six days; nothing sealed to it can be opened after that.
 */
import { concat, hex, utf8 } from "../src/core/bytes.ts";
import { keyIdOf } from "../src/core/seal/format.ts";
import { labels } from "../src/core/seal/labels.ts";
import { openBytes, openerOf } from "../src/core/seal/open.ts";
import type { Recipient } from "../src/core/seal/seal.ts";
import type { Edge } from "./platform.ts";

const dayMs = 86_400_000;
const keepDays = 6;
/** What was sealed longer ago may not open any more. */
export const transitLifeMs = keepDays * dayMs;
const prefix = ".transit/";

/** Seeds by day, per isolate: they are public in effect to nobody but this Worker. */
const seeds = new Map<string, Uint8Array>();

export function dayOf(at: number): string {
  return new Date(at).toISOString().slice(0, 10);
}

/** The key to seal to today. */
export async function transitKey(edge: Edge): Promise<{ day: string; recipient: Recipient }> {
  const day = dayOf(edge.clock());
  const publicKey = edge.seal.kemPublicKey(await seedOf(edge, day, true));
  return { day, recipient: { publicKey, keyId: hex(keyIdOf(publicKey, edge.seal)) } };
}

/** Throws where that day's seed is destroyed. */
export async function openTransit(
  edge: Edge,
  day: string,
  sealed: Uint8Array,
): Promise<{ head: unknown; raw: Uint8Array }> {
  return openBytes(sealed, openerOf(await seedOf(edge, day, false), edge.seal));
}

/** Part of the sweep. */
export async function destroyOldSeeds(edge: Edge): Promise<void> {
  const oldest = dayOf(edge.clock() - keepDays * dayMs);
  const { objects } = await edge.env.SPOOL.list({ prefix });
  const old = objects.map(({ key }) => key).filter((key) => key.slice(prefix.length) < oldest);
  if (old.length > 0) await edge.env.SPOOL.delete(old);
  for (const day of seeds.keys()) if (day < oldest) seeds.delete(day);
}

async function seedOf(edge: Edge, day: string, make: boolean): Promise<Uint8Array> {
  const known = seeds.get(day) ?? (await stored(edge, day)) ?? (make ? await fresh(edge, day) : null);
  if (known === null) throw new Error("that day's transit seed is gone");
  seeds.set(day, known);
  return known;
}

async function stored(edge: Edge, day: string): Promise<Uint8Array | null> {
  const object = await edge.env.SPOOL.get(prefix + day);
  if (object === null) return null;
  const bytes = new Uint8Array(await object.arrayBuffer());
  return edge.seal.unwrap(wrappingKey(edge), bytes.subarray(0, 24), utf8(day), bytes.subarray(24));
}

/** Two isolates may try at once: the first put stands, both read it back. */
async function fresh(edge: Edge, day: string): Promise<Uint8Array | null> {
  const nonce = edge.random(24);
  const wrapped = concat(nonce, edge.seal.wrap(wrappingKey(edge), nonce, utf8(day), edge.random(32)));
  await edge.env.SPOOL.put(prefix + day, wrapped, { onlyIf: { etagDoesNotMatch: "*" } });
  return stored(edge, day);
}

function wrappingKey(edge: Edge): Uint8Array {
  return derivedKey(edge, labels.edgeTransit);
}

/** A key of the edge's own for one purpose. */
export function derivedKey(edge: Edge, label: string): Uint8Array {
  return edge.seal.hkdf(edge.config.edgeSeed, new Uint8Array(0), utf8(label), 32);
}
