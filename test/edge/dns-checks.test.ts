/** What a node says of its ports and its key, and what the domain's DNS page makes of it. */
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { toBase64 } from "../../src/core/bytes.ts";
import { edgePaths } from "../../src/core/contract/handoff.ts";
import { ApiClient } from "./api-client.ts";
import { type Edge, startEdge } from "./world.ts";

type Check = { id: string; type: string; name: string; value: string; state: string; found: string[]; todo: string };

const shown = (letter: string) => ({ sha256: letter.repeat(64), sha512: letter.repeat(128) });
const chain = [{ cert: shown("a"), key: shown("b") }];
const ours = `3 1 1 ${"b".repeat(64)}`;
let edge: Edge;
let owner: ApiClient;
let domain = "";

beforeAll(async () => {
  edge = await startEdge({
    "shop.test": { MX: [{ priority: 10, exchange: "mx.test" }] },
    "mx.test": { DS: ["1 13 2 ab"] },
  });
  await edge.addNode();
  owner = await ApiClient.owner(edge.url);
  domain = await owner.domain("shop.test", { node: edge.node.id });
});
beforeEach(() => edge.env.DIRECTORY.exec("delete from attempt"));
afterAll(() => edge.close());

async function beat(more: Record<string, unknown>): Promise<number> {
  const transit = { publicKey: toBase64(edge.node.transit.publicKey), keyId: edge.node.transit.keyId };
  const facts = { node: edge.node.id, time: Date.now(), version: "1", relayWaiting: 0, diskFreeBytes: 5e9 };
  return (await edge.ask(edgePaths.heartbeat, { ...facts, transit, mailboxes: [], ...more })).status;
}

async function check(id: string): Promise<Check | undefined> {
  const { body } = await owner.get(`/domains/${domain}/checks`);
  return (body["items"] as Check[]).find((one) => one.id === id);
}
const publish = (text: string): void => edge.dns.set("_25._tcp.mx.test", { TLSA: [text] });

test("a node of an older version: no service is promised, and its key can't be compared", async () => {
  expect(await beat({})).toBe(200);
  publish(ours);
  expect(await check("imaps")).toBeUndefined();
  expect(await check("dane")).toMatchObject({ state: "warn", todo: expect.stringContaining("can't be said") });
});

test("one that tells them: records to set, in the zone file too, and its key compared", async () => {
  expect(await beat({ ports: { imaps: 993, pop3s: 995 }, chain })).toBe(200);
  const service = { type: "SRV", name: "_imaps._tcp.shop.test", value: "1 993 mx.test" };
  expect(await check("imaps")).toMatchObject({ ...service, state: "missing" });
  expect(await check("submissions")).toBeUndefined();
  const { text } = (await owner.get(`/domains/${domain}/zone-file`)).body;
  expect(text).toContain("_imaps._tcp.shop.test. 3600 IN SRV 0 1 993 mx.test.");
  edge.dns.set("_imaps._tcp.shop.test", { SRV: [{ priority: 0, weight: 1, port: 993, target: "mx.test" }] });
  expect(await check("imaps")).toMatchObject({ state: "pass", found: ["0 1 993 mx.test"] });
  expect(await check("dane")).toMatchObject({ state: "pass", value: ours });
});

test("another key, after a renewal say, is said at once; a node that tells nothing any more takes it back", async () => {
  expect(await beat({ chain: [{ cert: shown("c"), key: shown("d") }] })).toBe(200);
  expect(await check("dane")).toMatchObject({ state: "wrong", value: `3 1 1 ${"d".repeat(64)}`, found: [ours] });
  const page = await fetch(new URL(`/domains/${domain}/setup`, edge.url), { headers: { cookie: owner.cookie } });
  expect(await page.text()).toContain("The mail server has another key");
  expect(await beat({})).toBe(200);
  expect(await check("dane")).toMatchObject({ state: "warn" });
});

test("a chain that is none is refused", async () => {
  for (const wrong of [[], [{}], [{ cert: shown("a"), key: { sha256: "x", sha512: "y" } }], Array(9).fill(chain[0])])
    expect(await beat({ chain: wrong }), JSON.stringify(wrong).slice(0, 60)).toBeGreaterThanOrEqual(400);
});
