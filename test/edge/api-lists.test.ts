/** Lists in pages, whatever is added or taken out between two of them; domains proven and set up through the API. */
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { LoopbackCloudflare } from "../../src/cli/world/cloudflare.ts";
import { ulid } from "../../src/core/ulid.ts";
import { random } from "../../src/daemon/platform.ts";
import { ApiClient } from "./api-client.ts";
import { type Edge, startEdge } from "./world.ts";

const cf = new LoopbackCloudflare("zone.test", "a-cloudflare-token-for-tests");
let edge: Edge;
let owner: ApiClient;

beforeAll(async () => {
  await cf.start();
  edge = await startEdge({}, { CLOUDFLARE_API: cf.url });
  await edge.addNode();
  owner = await ApiClient.owner(edge.url);
});
beforeEach(() => edge.env.DIRECTORY.exec("delete from attempt"));
afterAll(async () => {
  await edge?.close();
  await cf.close();
});

type Page = { items: Record<string, unknown>[]; next: string | null };

async function pageOf(path: string, after: string | null, limit = 2): Promise<Page> {
  const mark = path.includes("?") ? "&" : "?";
  const cursor = after === null ? "" : `&after=${encodeURIComponent(after)}`;
  const { status, body } = await owner.get(`${path}${mark}limit=${limit}${cursor}`);
  expect(status, JSON.stringify(body)).toBe(200);
  return body as Page;
}

async function walk(path: string, field: string, between: (pages: number) => Promise<unknown>): Promise<unknown[]> {
  const seen: unknown[] = [];
  let pages = 0;
  for (let after: string | null = null; ; ) {
    const { items, next }: Page = await pageOf(path, after);
    expect(items.length).toBeLessThanOrEqual(2);
    seen.push(...items.map((item) => item[field]));
    if (next === null) return seen;
    after = next;
    await between(++pages);
  }
}

test("domains: one that comes in front repeats none, one that goes skips none", async () => {
  const ids = new Map<string, string>();
  const add = async (name: string) => ids.set(name, String((await owner.post("/domains", { name })).body["id"]));
  for (const name of ["c.test", "e.test", "g.test", "i.test", "k.test"]) await add(name);
  const seen = await walk("/domains", "name", async (pages) => {
    if (pages === 1) await add("a.test"); // before what was seen: not seen any more
    if (pages === 1) await owner.delete(`/domains/${ids.get("e.test")}`); // the very one that the cursor names
    if (pages === 2) await add("j.test"); // still to come
  });
  expect(seen).toEqual(["c.test", "e.test", "g.test", "i.test", "j.test", "k.test"]);
});

test("keys: newest first; new ones do not push seen ones onto the next page", async () => {
  const add = async (name: string): Promise<unknown> => owner.post("/account/keys", { name, scopes: ["domains:read"] });
  for (const name of ["k1", "k2", "k3", "k4", "k5"]) await add(name);
  const seen = await walk("/account/keys", "name", () => add("late"));
  expect(seen).toEqual(["k5", "k4", "k3", "k2", "k1"]);
});

test("aliases, senders, sessions and the log come in pages too", async () => {
  const [first] = (await owner.get("/domains")).body["items"] as { id: string }[];
  const at = `/domains/${first?.id}`;
  for (const value of ["s1.test", "s2.test", "s3.test"]) await owner.post(`${at}/senders`, { act: "deny", value });
  expect(await walk(`${at}/senders`, "value", async () => undefined)).toEqual(["s1.test", "s2.test", "s3.test"]);
  for (let i = 0; i < 3; i++)
    await new ApiClient(edge.url).post("/session", { email: "owner@a.test", password: "a long demo password" });
  const sessions = await walk("/account/sessions", "id", async () => undefined);
  expect(new Set(sessions).size).toBe(sessions.length);
  expect(sessions.length).toBeGreaterThanOrEqual(4);
  // Those of one moment too, which a time alone does not tell apart.
  await edge.env.DIRECTORY.exec("update session set created_at = 5");
  expect(new Set(await walk("/account/sessions", "id", async () => undefined))).toEqual(new Set(sessions));
  const log = (await walk("/account/audit", "seq", async () => undefined)) as number[];
  expect(log).toEqual([...log].sort((a, b) => b - a));
  expect((await owner.get("/account/audit/check")).body).toMatchObject({ ok: true, rows: log.length });
});

test("people and invitations come in pages, and who is invited twice or a member already is known on every page", async () => {
  const [first] = (await owner.get("/domains")).body["items"] as { id: string }[];
  const at = `/domains/${first?.id}`;
  const names = ["p1@a.test", "p2@a.test", "p3@a.test", "p4@a.test", "p5@a.test"];
  for (const email of names) {
    const account = await edge.addAccount(email);
    await edge.insert("membership", { account, domain: first?.id ?? "", role: "member", created_at: 1 });
    await owner.post(`${at}/invitations`, { email: `asked-${email}`, role: "member" });
  }
  expect(await walk(`${at}/members`, "email", async () => undefined)).toEqual(["owner@a.test", ...names]);
  const asked = names.map((email) => `asked-${email}`);
  expect(await walk(`${at}/invitations`, "email", async () => undefined)).toEqual(asked);
  expect((await owner.post(`${at}/invitations`, { email: "p5@a.test", role: "member" })).body).toMatchObject({
    code: "member-exists",
  });
  for (const url of ["https://h1.test/a", "https://h2.test/b", "https://h3.test/c"])
    await owner.post(`${at}/webhooks`, { url });
  expect(await walk(`${at}/webhooks`, "url", async () => undefined)).toHaveLength(3);
});

test("a webhook's log comes in pages without an empty last one, and is kept as long as the journal", async () => {
  const [first] = (await owner.get("/domains")).body["items"] as { id: string }[];
  const { body } = await owner.post(`/domains/${first?.id}/webhooks`, { url: "https://log.test/" });
  const tried = { endpoint: String(body["id"]), journal: "j", status: 200, latency_ms: 1, answer: "", ok: 1 };
  const add = (id: string, attempt: number, at: number) =>
    edge.insert("webhook_delivery", { id, ...tried, message: `m${attempt}`, attempt, at });
  const old = Date.now() - 31 * 86_400_000;
  await add(
    ulid(() => old, random),
    9,
    old,
  );
  for (const attempt of [1, 2, 3, 4]) await add(edge.newId(), attempt, Date.now());
  await edge.worker.scheduled({});
  const log = `/domains/${first?.id}/webhooks/${body["id"]}/deliveries`;
  expect(new Set(await walk(log, "attempt", async () => undefined))).toEqual(new Set([1, 2, 3, 4]));
  const last = await owner.get(`${log}?limit=4`);
  expect(last.body["next"]).toBeNull();
});

test("a cursor that is none, and bounds of a page", async () => {
  expect((await owner.get("/domains?after=%00")).body).toMatchObject({ status: 422, errors: [{ field: "after" }] });
  for (const limit of ["0", "101", "x"]) expect((await owner.get(`/domains?limit=${limit}`)).status).toBe(422);
});

test("a domain is proven by its record, found when it is asked for", async () => {
  const { body } = await owner.post("/domains", { name: "prove.test", node: edge.node.id });
  const id = String(body["id"]);
  const prove = () => owner.post(`/domains/${id}/prove`, {});
  expect((await prove()).body).toMatchObject({ status: 409, code: "not-proven" });
  const { ownership } = (await owner.get(`/domains/${id}`)).body as { ownership: { name: string; value: string } };
  edge.dns.set(ownership.name, { TXT: [ownership.value] });
  expect((await prove()).body).toMatchObject({ name: "prove.test", state: "active" });
  const zone = String((await owner.get(`/domains/${id}/zone-file`)).body["text"]);
  expect(zone).toContain("mx.test");
  const moved = await owner.send("PATCH", `/domains/${id}`, { node: null });
  expect(moved.body).toMatchObject({ node: null });
  expect((await owner.send("PATCH", `/domains/${id}`, { node: "nowhere" })).body).toMatchObject({
    code: "no-such-node",
  });
});

test("a Cloudflare token: first what it would change, then the change, then nothing left", async () => {
  const { body } = await owner.post("/domains", { name: "zone.test", node: edge.node.id });
  const set = (apply: boolean, token = cf.token) => owner.post(`/domains/${body["id"]}/cloudflare`, { token, apply });
  const planned = await set(false);
  expect(planned.body).toMatchObject({ lacks: [], applied: false });
  expect((planned.body["changes"] as unknown[]).length).toBeGreaterThan(2);
  expect(cf.records).toEqual([]);
  expect((await set(true)).body).toMatchObject({ applied: true });
  expect(cf.records.map(({ type }) => type)).toContain("MX");
  expect((await set(false)).body).toMatchObject({ changes: [] });
  // The node says by and by what it offers to mail programs.
  await edge.rows("update node set facts = json_set(coalesce(facts, '{}'), '$.ports', json('{\"imaps\":993}'))");
  const service = { name: "_imaps._tcp.zone.test", data: { priority: 0, weight: 1, port: 993, target: "mx.test" } };
  expect((await set(true)).body["changes"]).toMatchObject([{ kind: "add" }]);
  expect(cf.records).toContainEqual(expect.objectContaining({ type: "SRV", ...service }));
  expect((await set(false)).body).toMatchObject({ changes: [] });
  const old = { ...service.data, port: 1993, target: "imap.old.test" };
  cf.keep(cf.records.map((one) => (one.type === "SRV" ? { ...one, data: old, content: "1 1993 imap.old.test" } : one)));
  expect((await set(true)).body["changes"]).toMatchObject([{ kind: "change" }]);
  expect(cf.records.filter(({ type }) => type === "SRV")).toMatchObject([service]);
  expect((await set(false, "a-wrong-cloudflare-token")).status).toBeGreaterThanOrEqual(400);
  expect(JSON.stringify(await edge.rows("select * from audit"))).not.toContain(cf.token);
});
