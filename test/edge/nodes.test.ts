/** How nodes fare, as their operator sees it: by API, on the page, and on the overview when something needs a look. */
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { toBase64 } from "../../src/core/bytes.ts";
import { edgePaths } from "../../src/core/contract/handoff.ts";
import { ApiClient } from "./api-client.ts";
import { type Edge, startEdge } from "./world.ts";

const minute = 60_000;
let edge: Edge;
let owner: ApiClient;

beforeAll(async () => {
  edge = await startEdge();
  await edge.addNode();
  owner = await ApiClient.owner(edge.url);
  await owner.post("/domains", { name: "a.test", node: edge.node.id, active: true });
});
beforeEach(() => edge.env.DIRECTORY.exec("delete from attempt"));
afterAll(() => edge.close());

async function beat(more: Record<string, unknown>): Promise<Record<string, unknown>> {
  const transit = { publicKey: toBase64(edge.node.transit.publicKey), keyId: edge.node.transit.keyId };
  const facts = { node: edge.node.id, time: Date.now(), version: "1.2.3", relayWaiting: 4, diskFreeBytes: 5e9 };
  const response = await edge.ask(edgePaths.heartbeat, { ...facts, transit, mailboxes: [], ...more });
  expect(response.status).toBe(200);
  return (await response.json()) as Record<string, unknown>;
}

type Shown = Record<string, unknown> & { troubles: { says: string }[] };
const node = async () => (await owner.get(`/nodes/${edge.node.id}`)).body as Shown;
const troubles = async () => (await node()).troubles.map(({ says }) => says);
const pageAs = async (client: ApiClient, path: string) => {
  const response = await fetch(new URL(path, edge.url), { headers: { cookie: client.cookie } });
  return { status: response.status, text: await response.text() };
};

test("one that is well says what it holds, how far copies reach and how its clock stands", async () => {
  const until = Date.now() - 60 * minute;
  const answer = await beat({ time: Date.now() + 2500, backup: { since: 1, until } });
  expect(Number(answer["clockSkewMs"])).toBeGreaterThan(1500);
  expect(await node()).toMatchObject({
    version: "1.2.3",
    relayWaiting: 4,
    diskFreeBytes: 5e9,
    clockSkewMs: answer["clockSkewMs"],
    backup: { since: 1, until },
    kept: null,
    troubles: [],
  });
  expect((await pageAs(owner, "/nodes")).text).toContain("ahead of the edge");
  expect((await pageAs(owner, "/")).text).not.toContain("How the nodes fare");
});

test("what the edge keeps for it is counted by the sweep, and the node hears of it", async () => {
  for (const [id, size] of [
    ["one", 1000],
    ["two", 500],
    ["old", 70],
  ] as const) {
    const handed = String(Date.now() - (id === "old" ? 240 : 1) * minute);
    const customMetadata = { journal: "none", at: handed, handed };
    await edge.env.SPOOL.put(`.kept/${edge.node.id}/${edge.newId()}/${id}`, "x".repeat(size), { customMetadata });
  }
  await edge.worker.scheduled({}); // a copy holds the old one
  expect((await node())["kept"]).toMatchObject({ count: 2, bytes: 1500 });
  expect((await beat({ backup: { since: 1, until: Date.now() } }))["kept"]).toMatchObject({ count: 2, bytes: 1500 });
  expect((await pageAs(owner, "/nodes")).text).toContain("2 messages, 1.5 KB");
});

test("what needs a look is named: no copies lately, a clock that is off, a full disk, silence", async () => {
  await beat({ backup: { since: 1, until: 0 } });
  expect(await troubles()).toEqual(["No copy has been made yet"]);
  const long = Date.now() - 30 * 60 * minute;
  await beat({ backup: { since: 1, until: long }, time: Date.now() - 40_000, diskFreeBytes: 1000 });
  expect(await troubles()).toEqual([
    "The newest copy is of",
    expect.stringMatching(/^Its clock is off by (39|40)\.\d s$/),
    "Its disk is nearly full",
  ]);
  await edge.env.DIRECTORY.exec(`update node set last_seen_at = ${long}, unreachable_since = ${long}`);
  const overview = await pageAs(owner, "/");
  expect(overview.text).toContain("Not heard of since");
  expect(overview.text).toContain("How the nodes fare");
  expect((await pageAs(owner, "/nodes")).text).toContain("Hand-offs find it silent since");
  await edge.env.DIRECTORY.exec("update node set state = 'gone'");
  expect(await troubles()).toEqual([]);
  await edge.env.DIRECTORY.exec("update node set state = 'active'");
});

test("one is enrolled on the page by what its machine printed, and watched by an operator's key", async () => {
  const page = (await pageAs(owner, "/nodes")).text;
  const token = /name="token" value="([^"]+)"/.exec(page)?.[1] ?? "";
  const post = async (node: string) => {
    const body = new URLSearchParams({ token, node });
    const init = { method: "POST", redirect: "manual", headers: { cookie: owner.cookie }, body } as const;
    return fetch(new URL("/nodes", edge.url), init);
  };
  expect((await post("{}")).status).toBe(422);
  const input = { id: "n2", name: "two", origin: "https://127.0.0.1:1", mxHost: "mx2.test" };
  const enrolled = await post(JSON.stringify({ ...input, publicKey: `${"A".repeat(43)}=` }));
  expect([enrolled.status, enrolled.headers.get("location")]).toEqual([303, "/nodes?done=node-enrolled"]);
  const { body } = await owner.post("/account/keys", { name: "ops", scopes: ["nodes:read"] });
  const headers = { authorization: `Bearer ${body["text"]}` };
  const seen = await new ApiClient(edge.url).get("/nodes/n2", headers);
  expect(seen.body).toMatchObject({ id: "n2", troubles: [{ says: "Not heard of yet", since: null }] });
});

test("none of it is anybody else's business", async () => {
  const id = await edge.addAccount("guest@a.test");
  await edge.env.DIRECTORY.prepare(
    "update account set password = (select password from account where email = 'owner@a.test') where id = ?",
  )
    .bind(id)
    .run();
  const guest = new ApiClient(edge.url);
  await guest.post("/session", { email: "guest@a.test", password: "a long demo password" });
  await edge.addDomain("guest.test", id);
  expect((await pageAs(guest, "/nodes")).status).toBe(404);
  const key = await guest.post("/account/keys", { name: "k", scopes: ["nodes:read"] });
  const asked = await new ApiClient(edge.url).get("/nodes", { authorization: `Bearer ${key.body["text"]}` });
  expect(asked.body).toMatchObject({ status: 403, code: "operator-only" });
  const overview = await pageAs(guest, "/");
  expect([overview.status, /node-1|\/nodes/.test(overview.text)]).toEqual([200, false]);
  expect((await pageAs(new ApiClient(edge.url), "/nodes")).text).not.toContain("node-1");
});
