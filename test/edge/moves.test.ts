/** Moves at the edge: who may ask, what each node is told, one end for each, and what follows the mailbox. */
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { toBase64, utf8 } from "../../src/core/bytes.ts";
import { checkCall, signCall } from "../../src/core/contract/call.ts";
import { edgePaths, type HeartbeatAnswer, nodePaths } from "../../src/core/contract/handoff.ts";
import type { MoveAnswer, MoveNews } from "../../src/core/contract/move.ts";
import { ulid } from "../../src/core/ulid.ts";
import { ed25519PublicOf, nodeCrypto, random } from "../../src/daemon/platform.ts";
import { ApiClient } from "./api-client.ts";
import { type Edge, letter, startEdge, type TestMailbox } from "./world.ts";

const patient = { timeout: 30_000, interval: 300 };
const password = "a long demo password";

let edge: Edge;
let owner: ApiClient;
let domain: string;
let box: TestMailbox;
let n = 0;
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
});
afterAll(() => edge.close());
beforeEach(async () => {
  await edge.env.DIRECTORY.exec("delete from attempt; delete from mailbox_move");
  await beat();
  box = await edge.addMailbox(domain, `box${n++}@here.test`);
});

async function call<T>(path: string, asked: unknown, from = target): Promise<T> {
  const body = utf8(JSON.stringify(asked));
  const manifest = { audience: "edge", method: "POST" as const, path, id: ulid(Date.now, random) };
  const headers = await signCall(manifest, body, { name: from.id, seed: from.seed }, Date.now(), nodeCrypto);
  const response = await fetch(new URL(path, edge.url), { method: "POST", headers: { ...headers }, body });
  expect(response.status).toBe(200);
  return (await response.json()) as T;
}

function beat(
  more: Record<string, unknown> = {},
  from: { id: string; seed: Uint8Array } = target,
): Promise<HeartbeatAnswer> {
  const transit = { publicKey: toBase64(edge.node.transit.publicKey), keyId: edge.node.transit.keyId };
  const facts = { node: from.id, time: Date.now(), version: "test", relayWaiting: 0, diskFreeBytes: 1 };
  return call(edgePaths.heartbeat, { ...facts, transit, mailboxes: [], ...more }, from);
}
const source = () => ({ id: edge.node.id, seed: edge.node.seed });
const tell = (news: MoveNews, from = target): Promise<MoveAnswer> => call(edgePaths.move, news, from);

async function ask(address = box.address, node = target.id): Promise<string> {
  const { status, body } = await owner.post("/moves", { address, node });
  expect(status, JSON.stringify(body)).toBe(201);
  return String(body["id"]);
}
const stateOf = async (move: string) => (await owner.get(`/moves/${move}`)).body;
const placed = async () =>
  (await edge.rows<{ node: string; epoch: number }>("select node, epoch from mailbox where id = ?", box.mailboxId))[0];
const keysUnder = async (prefix: string) => (await edge.env.SPOOL.list({ prefix })).objects.map(({ key }) => key);

test("only to a node that is active, heard of lately and another; once at a time; operators, and with a proof", async () => {
  const refused = async (node: string, address = box.address) => {
    const { status, body } = await owner.post("/moves", { address, node });
    return `${status} ${String(body["code"])}`;
  };
  expect(await refused(edge.node.id)).toBe("422 there-already");
  expect(await refused("nowhere")).toBe("422 no-such-node");
  expect(await refused(target.id, "nobody@here.test")).toBe("404 not-found");
  await edge.rows("update node set last_seen_at = ? where id = ?", Date.now() - 130_000, target.id);
  expect(await refused(target.id)).toBe("422 node-away");
  await beat();
  await edge.rows("update node set state = 'draining' where id = ?", target.id);
  expect(await refused(target.id)).toBe("422 node-away");
  await edge.rows("update node set state = 'active' where id = ?", target.id);
  await ask();
  expect(await refused(target.id)).toBe("409 moves-already");
  await edge.rows("update session set proved_at = 1");
  expect(await refused(target.id)).toBe("403 prove-again");
  await owner.post("/session/proof", { password });
});

test("the new node is given a call that the old one believes, for this mailbox and move alone", async () => {
  const move = await ask();
  const { incoming = [] } = await beat();
  expect(incoming).toMatchObject([
    { move, mailbox: box.mailboxId, epoch: 0, from: { node: edge.node.id, origin: edge.node.origin } },
  ]);
  const headers = new Map(Object.entries(incoming[0]?.call.headers ?? {}));
  const asked = { method: "POST", path: nodePaths.leave, header: (name: string) => headers.get(name) ?? null };
  const edgeKey = ed25519PublicOf(edge.seed);
  const publicKeyOf = (sender: string) => (sender === "edge" ? edgeKey : null);
  const check = await checkCall(asked, { audience: edge.node.id, publicKeyOf }, Date.now(), nodeCrypto);
  expect(check).toMatchObject({ ok: true, manifest: { id: move, mailbox: box.mailboxId, epoch: 0 } });
  const later = await checkCall(asked, { audience: edge.node.id, publicKeyOf }, Date.now() + 301_000, nodeCrypto);
  expect(later).toMatchObject({ ok: false, why: "stale" });
  expect(await beat({}, source())).not.toHaveProperty("incoming");
});

test("told that it is here, the placement changes once; the old node hears it, whoever else asks does not", async () => {
  const move = await ask();
  expect((await beat({ leaving: [move] }, source())).leaving).toEqual([{ move, state: "asked", epoch: 1 }]);
  // Not the new node, not this move.
  expect(await tell({ kind: "here", move }, source())).toEqual({ state: "cancelled", mailbox: null });
  expect(await tell({ kind: "here", move: edge.newId() })).toEqual({ state: "cancelled", mailbox: null });
  expect(await placed()).toEqual({ node: edge.node.id, epoch: 0 });
  for (let i = 0; i < 2; i++) {
    const { state, mailbox } = await tell({ kind: "here", move });
    expect([state, mailbox?.epoch, mailbox?.revision]).toEqual(["moved", 1, 2]);
  }
  expect(await placed()).toEqual({ node: target.id, epoch: 1 });
  // It erases what it has only when the new node serves it.
  expect((await beat({ leaving: [move] }, source())).leaving).toEqual([{ move, state: "asked", epoch: 1 }]);
  const served = { id: box.mailboxId, revision: 2, usedBytes: 0, waiting: 0, generation: 0, lastUse: {} };
  await beat({ mailboxes: [served] }, source());
  expect((await beat({ leaving: [move] }, source())).leaving).toEqual([{ move, state: "asked", epoch: 1 }]);
  await beat({ mailboxes: [served] });
  expect((await beat({ leaving: [move] }, source())).leaving).toEqual([{ move, state: "moved", epoch: 1 }]);
  expect(await beat({ leaving: [move] })).not.toHaveProperty("leaving");
  expect((await beat({ unlisted: [box.mailboxId] }, source())).elsewhere).toEqual([{ id: box.mailboxId, epoch: 1 }]);
  expect(await beat({ unlisted: [box.mailboxId] })).not.toHaveProperty("elsewhere");
  expect((await owner.post(`/moves/${move}/cancel`, {})).status).toBe(409);
  const log = (await owner.get(`/domains/${domain}/audit`)).body["items"] as { act: string; subject: string }[];
  const about = log.filter(({ subject }) => subject === box.address).map(({ act }) => act);
  expect(about).toEqual(["mailbox.moved", "move.asked"]);
});

test("cancelled and moved are exclusive, however they race", async () => {
  const ends: Record<string, number> = {};
  for (let i = 0; i < 20; i++) {
    const fresh = await edge.addMailbox(domain, `race${i}@here.test`);
    const move = await ask(fresh.address);
    const [told, cancelled] = await Promise.all([
      tell({ kind: "here", move }),
      owner.post(`/moves/${move}/cancel`, {}),
    ]);
    const { state } = await stateOf(move);
    const [row] = await edge.rows<{ node: string; epoch: number }>(
      "select node, epoch from mailbox where id = ?",
      fresh.mailboxId,
    );
    expect([told.state, cancelled.status === 200, row]).toEqual(
      state === "moved"
        ? ["moved", false, { node: target.id, epoch: 1 }]
        : ["cancelled", true, { node: edge.node.id, epoch: 0 }],
    );
    ends[String(state)] = (ends[String(state)] ?? 0) + 1;
  }
  console.log("races", ends);
});

test("told after it was cancelled, nothing changes, and the next move is another", async () => {
  const move = await ask();
  await owner.post(`/moves/${move}/cancel`, {});
  expect(await tell({ kind: "here", move })).toEqual({ state: "cancelled", mailbox: null });
  expect(await placed()).toEqual({ node: edge.node.id, epoch: 0 });
  const next = await ask();
  expect(await tell({ kind: "here", move })).toEqual({ state: "cancelled", mailbox: null });
  expect(await placed()).toEqual({ node: edge.node.id, epoch: 0 });
  expect(await tell({ kind: "here", move: next })).toMatchObject({ state: "moved" });
  expect(await stateOf(move)).toMatchObject({ state: "cancelled", trouble: "" });
});

test("trouble is shown until it is over, and is nobody's but the new node's to tell", async () => {
  const move = await ask();
  await tell({ kind: "trouble", move, text: "the disk is full" }, source());
  expect(await stateOf(move)).toMatchObject({ state: "asked", trouble: "" });
  await tell({ kind: "trouble", move, text: "the disk is full" });
  expect(await stateOf(move)).toMatchObject({ state: "asked", trouble: "the disk is full" });
  const page = await fetch(new URL("/moves", edge.url), { headers: { cookie: owner.cookie } });
  expect(await page.text()).toContain("The disk is full. It is tried again");
  const owners = await fetch(new URL(`/mailboxes/${box.mailboxId}`, edge.url), { headers: { cookie: owner.cookie } });
  expect(await owners.text()).toContain("moving to another node");
  await tell({ kind: "here", move });
  expect(await stateOf(move)).toMatchObject({ state: "moved", trouble: "" });
});

test("a deletion ends the move, and nothing that is told afterwards brings the mailbox back", async () => {
  const move = await ask();
  expect((await owner.delete(`/mailboxes/${box.mailboxId}?address=${box.address}`)).status).toBe(200);
  expect(await stateOf(move)).toMatchObject({ state: "cancelled", trouble: "The mailbox was deleted." });
  expect(await tell({ kind: "here", move })).toEqual({ state: "cancelled", mailbox: null });
  expect((await beat({ leaving: [move] }, source())).leaving).toEqual([{ move, state: "cancelled", epoch: 1 }]);
  expect(await placed()).toEqual({ node: edge.node.id, epoch: 0 });
});

test("a node that was put back from a copy ends the moves from it: what it gave out is not what it holds", async () => {
  const move = await ask();
  await beat({ restored: { id: "r1", from: 1, mailboxes: null } }, source());
  expect(await stateOf(move)).toMatchObject({ state: "cancelled" });
  expect(await tell({ kind: "here", move })).toEqual({ state: "cancelled", mailbox: null });
});

test("what waits for it and what is kept of it follow, also what was given up", async () => {
  edge.node.answer = ({ manifest }) => (manifest.mailbox === box.mailboxId ? 503 : 200);
  await edge.deliver({ from: "ada@plain.test", to: [box.address], raw: letter("ada@plain.test", "waits") });
  const [waits = ""] = await keysUnder(`${edge.node.id}/${box.mailboxId}/`);
  const facts = { journal: "none" };
  const old = String(Date.now() - 6 * 86_400_000);
  await edge.env.SPOOL.put(`${edge.node.id}/${box.mailboxId}/parked`, "sealed", {
    customMetadata: { ...facts, at: old },
  });
  await edge.env.SPOOL.put(`.kept/${edge.node.id}/${box.mailboxId}/held`, "sealed", {
    customMetadata: { ...facts, at: old, handed: old },
  });
  const before = Date.now();
  await tell({ kind: "here", move: await ask() });
  const id = waits.slice(waits.lastIndexOf("/") + 1);
  await expect.poll(() => keysUnder(`${edge.node.id}/${box.mailboxId}/`), patient).toEqual([]);
  expect((await keysUnder(`${target.id}/${box.mailboxId}/`)).sort()).toEqual(
    [id, "parked"].map((one) => `${target.id}/${box.mailboxId}/${one}`).sort(),
  );
  await expect.poll(() => keysUnder(`.kept/${edge.node.id}/${box.mailboxId}/`), patient).toEqual([]);
  const kept = await edge.env.SPOOL.head(`.kept/${target.id}/${box.mailboxId}/held`);
  expect(Number(kept?.customMetadata?.["handed"])).toBeGreaterThanOrEqual(before);
  await edge.worker.scheduled({});
  const [row] = await edge.rows<{ followed_at: number | null }>("select followed_at from mailbox_move");
  expect(row?.followed_at).not.toBe(null);
  edge.node.answer = () => 200;
});

test("mail programs are sent to the new node, and so is a login's question", async () => {
  await tell({ kind: "here", move: await ask() });
  const asked = { address: box.address };
  expect(await call(edgePaths.mailbox, asked)).toMatchObject({ mailbox: { id: box.mailboxId, epoch: 1 } });
  expect(await call(edgePaths.mailbox, asked, source())).toEqual({ mailbox: null });
});

test("the operator's page asks and cancels; nobody else sees it", async () => {
  const id = await edge.addAccount("other@here.test");
  await edge.rows(
    "update account set password = (select password from account where email = 'owner@here.test') where id = ?",
    id,
  );
  const other = new ApiClient(edge.url);
  await other.post("/session", { email: "other@here.test", password });
  const at = (client: ApiClient, path: string, fields: Record<string, string> = {}) => {
    const how = { method: "POST", redirect: "manual", body: new URLSearchParams(fields) } as const;
    return fetch(new URL(path, edge.url), {
      headers: { cookie: client.cookie },
      ...(Object.keys(fields).length > 0 ? how : {}),
    });
  };
  expect((await at(other, "/moves")).status).toBe(404);
  const page = await (await at(owner, "/moves?address=a%40b.test")).text();
  expect(page).toContain('value="a@b.test"');
  const token = /name="token" value="([^"]+)"/.exec(page)?.[1] ?? "";
  const there = { token, node: target.id, address: box.address };
  expect((await at(other, "/moves", there)).status).toBe(404);
  expect((await at(owner, "/moves", { ...there, token: "x" })).status).toBe(403);
  const wrong = await at(owner, "/moves", { ...there, node: edge.node.id });
  expect([wrong.status, await wrong.text()]).toEqual([422, expect.stringContaining("on this node already")]);
  expect((await at(owner, "/moves", there)).status).toBe(303);
  const [move] = await edge.rows<{ id: string }>("select id from mailbox_move where state = 'asked'");
  expect((await at(other, `/moves/${move?.id}/cancel`, { token })).status).toBe(404);
  expect((await at(owner, `/moves/${move?.id}/cancel`, { token })).status).toBe(303);
  expect(await stateOf(move?.id ?? "")).toMatchObject({ state: "cancelled" });
});
