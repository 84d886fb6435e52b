/** What of moves an operator has to look into is told of both nodes; and a directory that was put back is mended by asking again. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { toBase64, utf8 } from "../../src/core/bytes.ts";
import { signCall } from "../../src/core/contract/call.ts";
import { edgePaths, type HeartbeatAnswer, nodePaths } from "../../src/core/contract/handoff.ts";
import type { MoveAnswer, MoveNews } from "../../src/core/contract/move.ts";
import { ulid } from "../../src/core/ulid.ts";
import { ed25519PublicOf, nodeCrypto, random } from "../../src/daemon/platform.ts";
import { ApiClient } from "./api-client.ts";
import { type Edge, letter, startEdge } from "./world.ts";

const patient = { timeout: 60_000, interval: 300 };

let edge: Edge;
let owner: ApiClient;
let domain: string;
/** The new node, of which only the voice is there. */
const target = { id: "node-2", seed: random(32) };

beforeAll(async () => {
  edge = await startEdge({});
  await edge.addNode();
  const key = toBase64(ed25519PublicOf(target.seed));
  const place = { origin: "https://127.0.0.1:1", mx_host: "mx2.test", public_key: key, state: "active" };
  await edge.insert("node", { id: target.id, name: "two", ...place, created_at: 1 });
  owner = await ApiClient.owner(edge.url, "owner@here.test");
  domain = await owner.domain("here.test", { node: edge.node.id, active: true });
  await beat();
});
afterAll(() => edge?.close());

async function call<T>(path: string, asked: unknown, from = target): Promise<T> {
  const body = utf8(JSON.stringify(asked));
  const manifest = { audience: "edge", method: "POST" as const, path, id: ulid(Date.now, random) };
  const headers = await signCall(manifest, body, { name: from.id, seed: from.seed }, Date.now(), nodeCrypto);
  const response = await fetch(new URL(path, edge.url), { method: "POST", headers: { ...headers }, body });
  expect(response.status).toBe(200);
  return (await response.json()) as T;
}

function beat(more: object = {}, from: { id: string; seed: Uint8Array } = target): Promise<HeartbeatAnswer> {
  const transit = { publicKey: toBase64(edge.node.transit.publicKey), keyId: edge.node.transit.keyId };
  const facts = { node: from.id, time: Date.now(), version: "test", relayWaiting: 0, diskFreeBytes: 1e12 };
  return call(edgePaths.heartbeat, { ...facts, transit, mailboxes: [], ...more }, from);
}
const tell = (news: MoveNews): Promise<MoveAnswer> => call(edgePaths.move, news);
const ask = async (address: string): Promise<string> =>
  String((await owner.post("/moves", { address, node: target.id })).body["id"]);
const keysUnder = async (prefix: string) => (await edge.env.SPOOL.list({ prefix })).objects.map(({ key }) => key);

/** Of moves, by node. */
async function troubles(): Promise<Record<string, string[]>> {
  await beat({}, { id: edge.node.id, seed: edge.node.seed });
  const items = (await owner.get("/nodes")).body["items"] as { id: string; troubles: { says: string }[] }[];
  const about = (one: { says: string }) => one.says.includes("@");
  return Object.fromEntries(items.map(({ id, troubles: all }) => [id, all.filter(about).map(({ says }) => says)]));
}
const page = async (path: string): Promise<string> =>
  (await fetch(new URL(path, edge.url), { headers: { cookie: owner.cookie } })).text();

test("a move that does not get on is told of both nodes, with its reason, until it is over", async () => {
  const box = await edge.addMailbox(domain, "stuck@here.test");
  const move = await ask(box.address);
  expect(await troubles()).toEqual({ "node-1": [], "node-2": [] });
  await tell({ kind: "trouble", move, text: "the new node's disk became full on the way" });
  const says = expect.stringMatching(
    /^stuck@here.test can't move from node-1 to node-2 yet: the new node's disk became full/,
  );
  expect(await troubles()).toEqual({ "node-1": [says], "node-2": [says] });
  const one = (await owner.get("/nodes/node-2")).body["troubles"] as { since: number }[];
  expect(one.at(-1)?.since).toBeGreaterThan(Date.now() - 600_000);
  for (const path of ["/nodes", "/"]) expect(await page(path)).toContain("disk became full on the way");
  await owner.post(`/moves/${move}/cancel`, {});
  expect(await troubles()).toEqual({ "node-1": [], "node-2": [] });
});

test("put back to a time before a move: told of both nodes, nothing is let go, mail waits; asked again, it is mended and mail follows", async () => {
  const box = await edge.addMailbox(domain, "back@here.test");
  const { mailboxId: id } = box;
  edge.node.answer = ({ path, manifest }) => (path === nodePaths.message && manifest.mailbox === id ? 410 : 200);
  // Twice, as far as the new node knows.
  const held = { unlisted: [{ id, epoch: 2 }] };
  expect(await beat(held)).not.toHaveProperty("elsewhere");
  const says = expect.stringMatching(
    /^back@here.test lives at node-2.* says node-1.* postern mailbox move back@here.test node-2 --edge/,
  );
  expect(await troubles()).toEqual({ "node-1": [says], "node-2": [says] });
  expect(await page("/nodes")).toContain("postern mailbox move back@here.test node-2");
  await edge.deliver({ from: "ada@plain.test", to: [box.address], raw: letter("ada@plain.test", "waits") });
  await expect.poll(() => edge.rows("select 1 from journal_step where kind = 'seal'"), patient).toHaveLength(1);
  await edge.worker.scheduled({});
  expect(await keysUnder(`node-1/${id}/`)).toHaveLength(1);

  const move = await ask(box.address);
  expect((await beat(held)).incoming).toMatchObject([{ move, mailbox: id, epoch: 0 }]);
  const landed = await tell({ kind: "here", move, epoch: 2 });
  expect([landed.state, landed.mailbox?.epoch]).toEqual(["moved", 2]);
  expect(await tell({ kind: "here", move, epoch: 2 })).toMatchObject({ state: "moved", mailbox: { epoch: 2 } });
  expect(await edge.rows("select node, epoch from mailbox where id = ?", id)).toEqual([{ node: "node-2", epoch: 2 }]);
  expect(await troubles()).toEqual({ "node-1": [], "node-2": [] });
  await expect
    .poll(async () => {
      await edge.worker.scheduled({});
      return [(await keysUnder(`node-1/${id}/`)).length, (await keysUnder(`node-2/${id}/`)).length];
    }, patient)
    .toEqual([0, 1]);
});

test("a node that holds an old copy is told to let it go, as ever; an earlier version says ids alone", async () => {
  const { mailboxId: id } = await edge.addMailbox(domain, "old@here.test");
  await edge.rows("update mailbox set epoch = 3 where id = ?", id);
  const told = [{ id, epoch: 3 }];
  expect((await beat({ unlisted: [{ id, epoch: 2 }] })).elsewhere).toEqual(told);
  expect((await beat({ unlisted: [id] })).elsewhere).toEqual(told);
  expect(await troubles()).toEqual({ "node-1": [], "node-2": [] });
});
