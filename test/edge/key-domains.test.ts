/**
 * An API key for one domain of an account that has two: every operation of the document, asked about the other domain, finds
 * nothing and changes nothing; lists hold its own domain's alone; what is about the whole account refuses it.
 */
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { scopes } from "../../workers/sign-in/api-key.ts";
import { ApiClient } from "./api-client.ts";
import { type Sample, samplesFor } from "./api-samples.ts";
import { type Edge, letter, startEdge } from "./world.ts";

type Operation = { name: string; method: string; path: string; who: string; scope: string | null; byDomain: boolean };

let edge: Edge;
let owner: ApiClient;
let samples: Record<string, Sample>;
let operations: Operation[];
let mine: string;
let key: ApiClient;

class KeyClient extends ApiClient {
  readonly #key: string;
  constructor(origin: URL, text: string) {
    super(origin);
    this.#key = text;
  }
  override send(method: string, path: string, body?: unknown, headers: Record<string, string> = {}) {
    return super.send(method, path, body, { authorization: `Bearer ${this.#key}`, ...headers });
  }
}

beforeAll(async () => {
  edge = await startEdge();
  await edge.addNode();
  owner = await ApiClient.owner(edge.url);
  const stranger = new ApiClient(edge.url);
  samples = await samplesFor(edge, owner, stranger);
  const added = await owner.post("/domains", { name: "mine.test", node: edge.node.id, active: true });
  mine = String(added.body["id"]);
  key = await keyFor({ domains: [mine] });
  const { body } = await owner.get("/openapi.json");
  operations = Object.entries(body["paths"] as Record<string, Record<string, Record<string, unknown>>>).flatMap(
    ([path, methods]) =>
      Object.entries(methods).map(([method, one]) => ({
        name: String(one["operationId"]),
        method: method.toUpperCase(),
        path,
        who: String(one["x-who"]),
        scope: one["x-scope"] as string | null,
        byDomain: one["x-by-domain"] === true,
      })),
  );
});
beforeEach(() => edge.env.DIRECTORY.exec("delete from attempt"));
afterAll(() => edge.close());

async function keyFor(more: Record<string, unknown>): Promise<ApiClient> {
  const made = await owner.post("/account/keys", { name: "k", scopes, ...more });
  expect(made.status, JSON.stringify(made.body)).toBe(201);
  return new KeyClient(edge.url, String(made.body["text"]));
}

const alias = (to: [kind: string, target: string]) => ({
  kind: "exact",
  pattern: `to-${to[0]}-${edge.newId().toLowerCase()}`,
  destinations: [{ kind: to[0], target: to[1] }],
});
const theirs = (): Record<string, string> => ({ ...samples["alias"]?.params, ...samples["mailbox"]?.params });
const label = ({ method, path }: Operation): string => `${method} ${path}`;

function ask(client: ApiClient, operation: Operation) {
  const { params, body, query = "" } = samples[operation.name] ?? { params: {} };
  const path = operation.path.replace(/\{(\w+)\}/g, (_, name: string) => params[name] ?? "none");
  return client.send(operation.method, path + query, body);
}

async function stateOf(): Promise<string> {
  const tables = await edge.rows<{ name: string }>(
    "select name from sqlite_master where type = 'table' and name not like '\\_cf%' escape '\\' and name not in ('attempt', 'api_key', 'd1_migrations')",
  );
  expect(tables.length).toBeGreaterThan(20);
  return JSON.stringify(await Promise.all(tables.map(({ name }) => edge.rows(`select * from ${name} order by 1, 2`))));
}

test("every operation on the account's other domain answers as if it were not there, and changes nothing", async () => {
  const before = await stateOf();
  const walled = operations.filter(
    ({ who, scope, name }) => scope !== null && (["member", "admin", "owner"].includes(who) || name === "message"),
  );
  expect(walled.length).toBeGreaterThan(40);
  for (const operation of walled) {
    const { status, body } = await ask(key, operation);
    // What needs a session is refused to every key.
    expect([404, 403], `${label(operation)} ${JSON.stringify(body)}`).toContain(status);
    if (status === 403) expect(body["code"], label(operation)).toBe("prove-again");
  }
  expect(await stateOf()).toBe(before);
});

test("what is about the whole account refuses the key; what holds only its domains' does not", async () => {
  const personal = operations.filter(({ who, scope }) => (who === "account" || who === "operator") && scope !== null);
  const refused = personal.filter(({ byDomain }) => !byDomain);
  expect(refused.map(({ name }) => name)).toEqual(expect.arrayContaining(["addDomain", "nodes"]));
  for (const operation of refused)
    expect((await ask(key, operation)).body, label(operation)).toMatchObject({ status: 403, code: "key-of-domains" });
  const secrets = [theirs()["domain"], theirs()["mailbox"], samples["message"]?.params["message"]];
  for (const operation of personal.filter(({ byDomain, name }) => byDomain && name !== "message")) {
    const { status, body } = await ask(key, operation);
    expect(status, label(operation)).toBe(200);
    for (const secret of secrets) expect(JSON.stringify(body), label(operation)).not.toContain(secret);
    const whole = await ask(owner, operation);
    if (["domains", "mailboxes", "activity"].includes(operation.name))
      expect(JSON.stringify(whole.body), `${label(operation)} would show it`).toMatch(new RegExp(secrets.join("|")));
  }
});

test("it does the work of its own domain", async () => {
  const { body } = await key.get("/domains");
  expect((body["items"] as { name: string }[]).map(({ name }) => name)).toEqual(["mine.test"]);
  const made = await key.post(`/domains/${mine}/aliases`, alias(["address", "me@x.test"]));
  expect(made.status, JSON.stringify(made.body)).toBe(201);
  await edge.deliver({ from: "bob@friendly.test", to: ["x@mine.test"], raw: letter("bob@friendly.test") });
  const seen = (await key.get("/activity")).body["items"] as { domain: string }[];
  expect(seen.map(({ domain }) => domain)).toEqual([mine]);
  const other = theirs()["domain"] ?? "";
  for (const path of ["/activity", "/stats", "/reports"])
    expect((await key.get(`${path}?domain=${other}`)).status, path).toBe(404);
});

test("an alias of its domain files into no mailbox of another", async () => {
  const into = alias(["mailbox", theirs()["mailbox"] ?? ""]);
  expect((await key.post(`/domains/${mine}/aliases`, into)).body).toMatchObject({ code: "bad-destination" });
  expect((await owner.post(`/domains/${mine}/aliases`, into)).status).toBe(201);
  const list = JSON.stringify([{ ...into, pattern: "in", destinations: [{ kind: "mailbox", target: "ana@a.test" }] }]);
  const read = await key.post(`/domains/${mine}/import`, { source: "postern", text: list, apply: false });
  expect(read.body["ready"], JSON.stringify(read.body)).not.toBe(true);
});

test("only one's own domains can be named, and a key keeps to them when they are gone", async () => {
  for (const domains of [[], [edge.newId()], [mine, edge.newId()]])
    expect((await owner.post("/account/keys", { name: "k", scopes, domains })).status).toBe(422);
  const gone = await owner.domain("gone.test", { active: true });
  const last = await keyFor({ domains: [gone] });
  expect((await owner.delete(`/domains/${gone}`)).status).toBe(204);
  expect((await last.get("/domains")).body["items"]).toEqual([]);
  expect((await last.get(`/domains/${mine}`)).status).toBe(404);
  const listed = (await owner.get("/account/keys")).body["items"] as { domains: string[] | null }[];
  expect(listed.map(({ domains }) => domains)).toEqual([[gone], [mine], null]);
});

test("the page makes one by names, and refuses a name that is not one's own", async () => {
  const page = await (await fetch(new URL("/security", edge.url), { headers: { cookie: owner.cookie } })).text();
  const token = /name="token" value="([^"]+)"/.exec(page)?.[1] ?? "";
  const make = async (names: string) => {
    const form = { token, name: "by page", days: "30", scopes: "aliases:read", reach: "some", names };
    const init = { method: "POST", headers: { cookie: owner.cookie }, body: new URLSearchParams(form) };
    return (await fetch(new URL("/security/keys", edge.url), init)).text();
  };
  expect(await make("other.test")).toContain("“other.test” is none of your domains.");
  expect(await make(" ")).toContain("Name at least one domain");
  const text = /pst_[0-9A-Z]{26}_[\w-]{43}/.exec(await make("A.test, mine.test"))?.[0] ?? "";
  const { body } = await new KeyClient(edge.url, text).get(`/domains/${mine}/aliases`);
  expect(body["total"]).toBeGreaterThan(0);
  const shown = await (await fetch(new URL("/security", edge.url), { headers: { cookie: owner.cookie } })).text();
  expect(shown).toContain("only a.test, mine.test");
});
