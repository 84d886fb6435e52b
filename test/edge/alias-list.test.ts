/** The list of aliases in each of its orders: page after page gives every alias once, whatever ties there are. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { ApiClient, passwords } from "./api-client.ts";
import { type Edge, startEdge } from "./world.ts";

let edge: Edge;
let api: ApiClient;
let domain = "";
const names = Array.from({ length: 23 }, (_, n) => `name${n}`);

beforeAll(async () => {
  edge = await startEdge({});
  api = new ApiClient(edge.url);
  const made = await api.post("/setup", {
    email: "owner@list.test",
    password: passwords.owner,
    token: "a-setup-token-for-tests",
  });
  domain = await edge.addDomain("list.test", String(made.body["id"]));
  for (const [n, name] of names.entries())
    await edge.addAlias(domain, name, [["address", "a@b.test"]], {
      created_at: 1000 + Math.floor(n / 5),
      updated_at: 99 - n,
    });
  await edge.addAlias(domain, "sales-*", [["address", "a@b.test"]], { kind: "wildcard", labels: '["Wholesale"]' });
});
afterAll(() => edge?.close());

type Page = { items: { pattern: string }[]; next: string | null; total: number };

async function walk(query: string): Promise<string[]> {
  const all: string[] = [];
  for (let after = ""; ; ) {
    const { status, body } = await api.get(`/domains/${domain}/aliases?limit=4&${query}${after}`);
    expect(status).toBe(200);
    const { items, next } = body as Page;
    all.push(...items.map(({ pattern }) => pattern));
    if (next === null) return all;
    after = `&after=${next}`;
  }
}

test("by pattern, newest, last changed", async () => {
  expect(await walk("kind=exact")).toEqual([...names].sort());
  const newest = await walk("kind=exact&sort=newest");
  expect([...newest].sort()).toEqual([...names].sort());
  const made = newest.map((name) => Math.floor(Number(name.slice(4)) / 5));
  expect(made).toEqual([...made].sort((a, b) => b - a));
  expect(await walk("kind=exact&sort=changed")).toEqual(names);
});

test("narrowed by kind, and by the words of a label", async () => {
  expect(await walk("kind=wildcard")).toEqual(["sales-*"]);
  expect(await walk("text=wholesale&sort=newest")).toEqual(["sales-*"]);
});

test("a cursor of another order, or of nobody, is refused", async () => {
  const { body } = await api.get(`/domains/${domain}/aliases?limit=4&sort=newest`);
  for (const after of [String(body["next"]), "bm9uc2Vuc2U"]) {
    const answer = await api.get(`/domains/${domain}/aliases?limit=4&sort=alias&after=${after}`);
    expect([answer.status, answer.body["code"]]).toEqual([422, "bad-cursor"]);
  }
});
