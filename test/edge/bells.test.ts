/** Bells of what is stuck do not multiply: each sweep tries each object once, and no try of a sweep's rings again by itself. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { nodePaths } from "../../src/core/contract/handoff.ts";
import type { Seen } from "./inside/faulty-spool.ts";
import { configWith, type Edge, startEdge, type TestMailbox } from "./world.ts";

const patient = { timeout: 60_000, interval: 200 };
let edge: Edge;
let box: TestMailbox;

beforeAll(async () => {
  edge = await startEdge({}, {}, undefined, configWith("test/edge/inside/faulty-spool.ts"));
  await edge.addNode();
  const account = await edge.addAccount("owner@here.test", true);
  box = await edge.addMailbox(await edge.addDomain("here.test", account), "box@here.test");
});
afterAll(() => edge.close());

const seen = async (): Promise<Seen> => (await (await fetch(new URL("/seen", edge.url))).json()) as Seen;

/** With an age that sweeps drive, and no bell of its own. */
async function stuck(ids: readonly string[]): Promise<void> {
  const customMetadata = { journal: "none", at: String(Date.now() - 60_000) };
  for (const id of ids)
    await edge.env.SPOOL.put(`${edge.node.id}/${box.mailboxId}/${id}`, "sealed", { customMetadata });
}

test("ten sweeps over what a node does not take are ten tries of each, and no bell is rung again", async () => {
  const ids = ["a", "b", "c", "d"];
  const tries = new Map<string, number>();
  edge.node.answer = ({ path, manifest }) => {
    if (path === nodePaths.message) tries.set(manifest.id, (tries.get(manifest.id) ?? 0) + 1);
    return 507;
  };
  await stuck(ids);
  const young = 5_000;
  const uploaded = async () => (await edge.env.SPOOL.list()).objects.map((one) => one.uploaded.getTime());
  await expect.poll(async () => Date.now() - Math.max(...(await uploaded())), patient).toBeGreaterThan(young);
  for (let sweeps = 1; sweeps <= 10; sweeps++) {
    await edge.rows("update node set redriven_at = 0");
    await edge.worker.scheduled({});
    const all = (): number => [...tries.values()].reduce((sum, one) => sum + one, 0);
    await expect.poll(all, patient).toBe(sweeps * ids.length);
    // The first is tried by the sweep itself.
    await expect.poll(async () => (await seen()).acked, patient).toBe(sweeps * (ids.length - 1));
  }
  expect([...tries.entries()].sort()).toEqual(ids.map((id) => [id, 10]));
  expect((await seen()).retried).toBe(0);
});
