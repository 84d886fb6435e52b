/** Letters that the edge writes: a node with a way out, and what it was given to send, opened with its transit key. */
import { expect, vi } from "vitest";
import { toBase64, utf8Decode } from "../../src/core/bytes.ts";
import { edgePaths, nodePaths } from "../../src/core/contract/handoff.ts";
import { letterText } from "../letter-text.ts";
import { type Edge, openFor } from "./world.ts";

/** A node that was heard of: letters leave by it, and their links begin with the origin that it calls. */
export async function withWayOut(edge: Edge): Promise<void> {
  await edge.addNode();
  const transit = { publicKey: toBase64(edge.node.transit.publicKey), keyId: edge.node.transit.keyId };
  const facts = { node: edge.node.id, time: Date.now(), version: "test", relayWaiting: 0, diskFreeBytes: 1 };
  await edge.ask(edgePaths.heartbeat, { ...facts, transit, mailboxes: [] });
  await vi.waitUntil(async () => (await edge.rows("select value from setting")).length > 0, { timeout: 20_000 });
}

export type Letter = { subject: string; text: string };

export function lettersTo(edge: Edge, address: string): Letter[] {
  const jobs = edge.node.taken.filter(({ path }) => path === nodePaths.relay);
  return jobs.flatMap(({ body }) => {
    const { head, raw } = openFor(edge.node.transit, body);
    if ((head as { recipient: string }).recipient !== address) return [];
    const text = utf8Decode(raw);
    return [{ subject: /^Subject: (.*)$/m.exec(text)?.[1] ?? "", text: letterText(text) }];
  });
}

/** Waits until so many letters have come for an address; answers the last. */
export async function letterTo(edge: Edge, address: string, nth = 1): Promise<Letter> {
  await expect.poll(() => lettersTo(edge, address).length, { timeout: 30_000 }).toBeGreaterThanOrEqual(nth);
  const found = lettersTo(edge, address)[nth - 1];
  if (found === undefined) throw new Error("no letter");
  return found;
}

/** The last part of the link in a letter. */
export function tokenIn(letter: Letter, path: string): string {
  return new RegExp(`http\\S+/${path}/([\\w-]{43,70})\\s`).exec(letter.text)?.[1] ?? "";
}
