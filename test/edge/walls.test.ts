/**
 * The tenants' wall where ids come in by the side: things of another under one's own domain, in bodies and in queries; and the
 * wall of a domain that demands a second factor, against its own owner without one.
 */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { ApiClient } from "./api-client.ts";
import { type Sample, samplesFor } from "./api-samples.ts";
import { type Edge, startEdge } from "./world.ts";

type Operation = { name: string; method: string; path: string; who: string; body: boolean };

let edge: Edge;
let owner: ApiClient;
let stranger: ApiClient;
let operations: Operation[];
let samples: Record<string, Sample>;
let foreign = "";
let mine = "";

beforeAll(async () => {
  edge = await startEdge();
  await edge.addNode();
  owner = await ApiClient.owner(edge.url);
  const id = await edge.addAccount("owner@b.test");
  await edge.rows(
    "update account set operator = 0, password = (select password from account where email = 'owner@a.test') where id = ?",
    id,
  );
  stranger = new ApiClient(edge.url);
  await stranger.post("/session", { email: "owner@b.test", password: "a long demo password" });
  samples = await samplesFor(edge, owner, stranger);
  operations = await documented();
  foreign = samples["alias"]?.params["domain"] ?? "";
  const [own] = ((await stranger.get("/domains")).body["items"] as { id: string }[]) ?? [];
  mine = own?.id ?? "";
  expect([foreign, mine, foreign === mine]).toEqual([expect.any(String), expect.stringMatching(/./), false]);
});
beforeEach(() => edge.env.DIRECTORY.exec("delete from attempt"));
afterAll(() => edge.close());

async function documented(): Promise<Operation[]> {
  const { body } = await new ApiClient(edge.url).get("/openapi.json");
  const paths = body["paths"] as Record<string, Record<string, Record<string, unknown>>>;
  return Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, one]) => ({
      name: String(one["operationId"]),
      method: method.toUpperCase(),
      path,
      who: String(one["x-who"]),
      body: one["requestBody"] !== undefined,
    })),
  );
}

const tables = ["domain", "membership", "alias", "destination", "mailbox", "keyslot", "invitation", "sender_rule"];
const more = ["webhook_endpoint", "webhook_delivery", "vacation", "mailbox_move", "api_key", "node"];
/** Everything of the first tenant that could be changed, as one text. */
async function stateOf(): Promise<string> {
  const dumps = [...tables, ...more].map((table) => edge.rows(`select * from ${table} order by 1, 2`));
  return JSON.stringify(await Promise.all(dumps));
}

function send(client: ApiClient, operation: Operation, params: Record<string, string>, query = "") {
  const path = operation.path.replace(/\{(\w+)\}/g, (_, name: string) => params[name] ?? `no-${name}`);
  return client.send(operation.method, path + query, samples[operation.name]?.body);
}

describe("of another tenant", () => {
  test("nothing is found under one's own domain", async () => {
    const before = await stateOf();
    const nested = operations.filter(
      ({ path }) => path.startsWith("/domains/{domain}/") && /\{\w+\}.*\{\w+\}/.test(path),
    );
    expect(nested.length).toBeGreaterThan(20);
    for (const operation of nested) {
      const params = { ...samples[operation.name]?.params, domain: mine };
      const { status, body } = await send(stranger, operation, params);
      expect([operation.name, status], JSON.stringify(body)).toEqual([operation.name, 404]);
    }
    expect(await stateOf()).toBe(before);
  });

  test("no domain can be asked for by a query", async () => {
    const asked = operations.filter(({ method, path }) => method === "GET" && !path.includes("{"));
    for (const operation of asked) {
      const { status, body } = await send(stranger, operation, {}, `?domain=${foreign}&seconds=1`);
      const text = JSON.stringify(body);
      expect([operation.name, status < 500], text).toEqual([operation.name, true]);
      if (operation.name !== "openapi") expect(text, operation.name).not.toContain("ana@a.test");
      expect(text, operation.name).not.toContain(samples["message"]?.params["message"]);
    }
  });

  test("nothing can be named in a body", async () => {
    const box = samples["mailbox"]?.params["mailbox"] ?? "";
    const hook = samples["webhook"]?.params["webhook"] ?? "";
    const alias = samples["alias"]?.params["alias"] ?? "";
    const message = samples["message"]?.params["message"] ?? "";
    const made = await stranger.post(`/domains/${mine}/aliases`, {
      kind: "exact",
      pattern: "own",
      destinations: [{ kind: "address", target: "x@elsewhere.test" }],
    });
    const own = String(made.body["id"]);
    const ownHook = String(
      (await stranger.post(`/domains/${mine}/webhooks`, { url: "https://hooks.example/b" })).body["id"],
    );
    const before = await stateOf();
    const to = (kind: string, target: string) => ({
      kind: "exact",
      pattern: "other",
      destinations: [{ kind, target }],
    });
    const tried: [string, string, unknown][] = [
      ["POST", `/domains/${mine}/aliases`, to("mailbox", box)],
      ["POST", `/domains/${mine}/aliases`, to("webhook", hook)],
      ["PATCH", `/domains/${mine}/aliases/${own}`, { destinations: [{ kind: "mailbox", target: box }] }],
      ["PATCH", `/domains/${mine}/aliases/${own}`, { destinations: [{ kind: "webhook", target: hook }] }],
      ["PUT", `/domains/${mine}/aliases`, { aliases: [to("mailbox", "ana@a.test")] }],
      ["PUT", `/domains/${mine}/aliases`, { aliases: [to("mailbox", box)] }],
      ["PUT", `/domains/${mine}/aliases`, { aliases: [to("webhook", hook)] }],
      ["POST", "/mailboxes", samples["addMailbox"]?.body],
      ["POST", "/moves", samples["askMove"]?.body],
      ["POST", "/account/keys", { name: "k", scopes: ["domains:read"], domains: [foreign] }],
      ["POST", "/account/keys", { name: "k", scopes: ["domains:read"], domains: [mine, foreign] }],
    ];
    for (const [method, path, body] of tried) {
      const { status, body: answer } = await stranger.send(method, path, body);
      expect([path, status >= 400 && status < 500], `${JSON.stringify(body)} ${JSON.stringify(answer)}`).toEqual([
        path,
        true,
      ]);
    }
    const replayed = await stranger.post(`/domains/${mine}/webhooks/${ownHook}/replay`, { message });
    expect(replayed.body).toEqual({ outcome: "gone" });
    const text = JSON.stringify([to("mailbox", "ana@a.test"), to("mailbox", box), to("webhook", hook)]);
    await stranger.post(`/domains/${mine}/import`, { source: "postern", text, mode: "add", apply: true });
    expect(await stateOf()).toBe(before);
    const mixed = await stranger.post(`/domains/${mine}/aliases/bulk`, { ids: [own, alias], act: "disable" });
    expect(mixed.body).toEqual({ changed: 1 });
    expect(await edge.rows("select state from alias where id = ?", alias)).toEqual([{ state: "active" }]);
    await stranger.post(`/domains/${mine}/aliases/bulk`, { ids: [alias], act: "delete" });
    expect(await edge.rows("select state from alias where id = ?", alias)).toEqual([{ state: "active" }]);
  });

  test("nothing is explained", async () => {
    const known = { local: "hello", mailFrom: "bob@friendly.test" };
    expect((await owner.post(`/domains/${foreign}/explain`, known)).status).toBe(200);
    for (const local of [
      "hello@a.test",
      "hello@a.test@b.test",
      "hello%a.test",
      '"hello@a.test"',
      "hello@a.test\0",
      "hello@a.test ",
    ]) {
      const { body } = await stranger.post(`/domains/${mine}/explain`, { ...known, local });
      expect(JSON.stringify(body), local).not.toMatch(/me@elsewhere\.test/);
    }
  });
});

test("a domain that demands a second factor is closed to its own owner without one, in every operation, list and stream", async () => {
  await edge.rows("update domain set mfa = 1 where id = ?", foreign);
  const before = await stateOf();
  const walled = operations.filter(
    ({ who, name }) => ["member", "admin", "owner"].includes(who) && name !== "leaveDomain",
  );
  for (const operation of walled) {
    const { status, body } = await send(owner, operation, samples[operation.name]?.params ?? {});
    expect([operation.name, status], JSON.stringify(body)).toEqual([operation.name, 403]);
  }
  expect(await stateOf()).toBe(before);
  const lists = operations.filter(
    ({ method, path, who }) => method === "GET" && who === "account" && !path.includes("{"),
  );
  const told = ["message", "mailbox", "alias"].map((name) => samples[name]?.params[name] ?? "-");
  for (const operation of lists) {
    for (const query of ["?seconds=1", `?domain=${foreign}&seconds=1`]) {
      const { body } = await send(owner, operation, {}, query);
      for (const id of told) expect(JSON.stringify(body), operation.name + query).not.toContain(id);
    }
  }
  const message = await owner.get(`/activity/${samples["message"]?.params["message"]}`);
  expect(message.status).toBeGreaterThanOrEqual(403);
});
