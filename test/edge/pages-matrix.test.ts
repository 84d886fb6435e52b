/**
 * The dashboard's own wall: every page and every form that is about somebody's thing, found in the sources, asked for by nobody,
 * by a stranger, by a member and without the form's token. A page that is new is in it by itself.
 */
import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { ApiClient } from "./api-client.ts";
import { samplesFor } from "./api-samples.ts";
import { type Edge, root, startEdge } from "./world.ts";

type Route = { method: "GET" | "POST"; path: string };

let edge: Edge;
let ids: Record<string, string>;
let owner: ApiClient;
let stranger: ApiClient;
let member: ApiClient;

const routes = routesOf();
const walled = routes.filter(({ path }) => /:(domain|mailbox|message|alias|hook)\b/.test(path));

function routesOf(): Route[] {
  const files = globSync("workers/dashboard/pages/**/*.tsx", { cwd: root });
  return files.flatMap((file) => {
    const text = readFileSync(join(root, file), "utf8");
    const named = new Map([...text.matchAll(/^const (\w+) = "([^"]+)";$/gm)].map(([, name, path]) => [name, path]));
    return [...text.matchAll(/\w+Pages?\.(get|post)\(\s*(?:"([^"]+)"|(\w+))/g)].map(([, method, path, name]) => ({
      method: method === "get" ? ("GET" as const) : ("POST" as const),
      path: path ?? named.get(name) ?? "",
    }));
  });
}

beforeAll(async () => {
  edge = await startEdge();
  await edge.addNode();
  owner = await ApiClient.owner(edge.url);
  [stranger, member] = await Promise.all([account("owner@b.test"), account("member@a.test")]);
  const samples = await samplesFor(edge, owner, stranger);
  const of = (name: string): Record<string, string> => samples[name]?.params ?? {};
  const { webhook = "" } = of("changeWebhook");
  ids = { ...of("alias"), ...of("mailbox"), ...of("message"), hook: webhook };
  const [row] = await edge.rows<{ id: string }>("select id from account where email = 'member@a.test'");
  await edge.insert("membership", {
    account: row?.id ?? "",
    domain: ids["domain"] ?? "",
    role: "member",
    created_at: Date.now(),
  });
});
beforeEach(() => edge.env.DIRECTORY.exec("delete from attempt"));
afterAll(() => edge.close());

async function account(email: string): Promise<ApiClient> {
  const id = await edge.addAccount(email);
  await edge.env.DIRECTORY.prepare(
    "update account set password = (select password from account where email = 'owner@a.test') where id = ?",
  )
    .bind(id)
    .run();
  const client = new ApiClient(edge.url);
  expect((await client.post("/session", { email, password: "a long demo password" })).status).toBe(200);
  return client;
}

/** With the token that the visitor's own pages carry, unless another is given. */
async function ask(
  client: ApiClient,
  { method, path }: Route,
  token?: string,
): Promise<{ status: number; to: string; text: string }> {
  const url = new URL(
    path.replace(/:(\w+)(?:\{[^}]*\})?/g, (_, name: string) => ids[name] ?? "none"),
    edge.url,
  );
  const body = new URLSearchParams({ token: token ?? (await tokenOf(client)) });
  const how = method === "POST" ? { body } : {};
  const response = await fetch(url, { method, redirect: "manual", headers: { cookie: client.cookie }, ...how });
  return { status: response.status, to: response.headers.get("location") ?? "", text: await response.text() };
}

const tokens = new Map<ApiClient, string>();
async function tokenOf(client: ApiClient): Promise<string> {
  if (!tokens.has(client)) {
    const page = await (await fetch(new URL("/security", edge.url), { headers: { cookie: client.cookie } })).text();
    tokens.set(client, /name="token" value="([^"]+)"/.exec(page)?.[1] ?? "");
  }
  return tokens.get(client) ?? "";
}

async function stateOf(): Promise<string> {
  const tables = [
    "domain",
    "membership",
    "alias",
    "destination",
    "mailbox",
    "keyslot",
    "invitation",
    "sender_rule",
    "webhook_endpoint",
    "vacation",
  ];
  return JSON.stringify(await Promise.all(tables.map((table) => edge.rows(`select * from ${table} order by 1, 2`))));
}

const label = ({ method, path }: Route): string => `${method} ${path}`;
/** Streams its answer for ever to whoever may see it. */
const quick = walled.filter(({ path }) => !path.includes("stream"));

test("the pages were found", () => {
  expect(routes.length).toBeGreaterThan(80);
  expect(walled.length).toBeGreaterThan(40);
});

test("who is not signed in is sent to sign in, and sees nothing", async () => {
  const nobody = new ApiClient(edge.url);
  for (const route of walled) {
    const { status, to, text } = await ask(nobody, route, "none");
    expect({ status, to: to.split("?")[0], text }, label(route)).toEqual({ status: 303, to: "/sign-in", text: "" });
  }
});

test("a stranger is told that there is nothing, on every page and form, and changes nothing", async () => {
  const before = await stateOf();
  for (const route of walled) {
    const { status, text } = await ask(stranger, route);
    expect(status, label(route)).toBe(404);
    expect(text, label(route)).not.toContain("a.test");
  }
  expect(await stateOf()).toBe(before);
});

test("a member sees what is a member's; no form of theirs changes anything", async () => {
  const before = await stateOf();
  // What these forms ask they may know: how mail would go, and a sealed value of their own words.
  const theirs = ["/domains/:domain/explain", "/domains/:domain/txt/seal"];
  const leaving = "/domains/:domain/team/leave"; // dangerous.test.ts
  for (const route of quick.filter(({ method, path }) => method === "POST" && path !== leaving)) {
    const { status } = await ask(member, route);
    const right = theirs.includes(route.path) ? [200, 422] : [403];
    expect(right, `${label(route)} ${status}`).toContain(status);
  }
  for (const route of quick.filter(({ method }) => method === "GET")) {
    expect([200, 403], label(route)).toContain((await ask(member, route)).status);
  }
  expect(await stateOf()).toBe(before);
});

test("a form without this session's token does nothing, its owner's too", async () => {
  const before = await stateOf();
  const forms = quick.filter(({ method }) => method === "POST");
  for (const route of forms) {
    const { status } = await ask(owner, route, await tokenOf(stranger));
    expect(status, label(route)).toBe(403);
  }
  expect(await stateOf()).toBe(before);
});

test("a form that another site sends is refused before anything is looked at", async () => {
  for (const route of routes.filter(({ method }) => method === "POST")) {
    const url = new URL(
      route.path.replace(/:(\w+)/g, (_, name: string) => ids[name] ?? "none"),
      edge.url,
    );
    const headers = { cookie: owner.cookie, origin: "https://evil.example" };
    const response = await fetch(url, {
      method: "POST",
      headers,
      body: new URLSearchParams({ token: await tokenOf(owner) }),
    });
    expect(response.status, label(route)).toBe(403);
  }
});

test("forms that strangers may send are bounded, and nonsense in them is no fault of ours", async () => {
  const verify = `/verify/${"A".repeat(32)}`; // regression: read whole, however long
  const reset = `/reset/${"x".repeat(43)}`;
  const undo = `/undo/${"0".repeat(26)}-${"x".repeat(43)}`;
  const open = ["/sign-in", "/sign-in/code", "/set-up", "/sign-up", "/forgotten", reset, undo, "/theme", verify];
  const urlencoded = "application/x-www-form-urlencoded";
  const bodies: [string, string, number[]][] = [
    [urlencoded, `email=${"x".repeat(300_000)}`, [413]],
    [
      urlencoded,
      `email=${"x".repeat(500)}&password=${"y".repeat(500)}&code=${"z".repeat(500)}&theme=${"t".repeat(50)}`,
      [422],
    ],
    [urlencoded, "email=a&email=b&password=c&password=d&challenge=e&challenge=f&theme=g&theme=h", [422]],
    ["multipart/form-data; boundary=x", "--x\r\nnothing", [400]],
    ["application/json", '{"email":"a"}', [400]],
  ];
  for (const path of open) {
    for (const [type, body, right] of bodies) {
      const init = { method: "POST", redirect: "manual", headers: { "content-type": type }, body } as const;
      const { status } = await fetch(new URL(path, edge.url), init);
      expect(right, `${path} ${type} ${status}`).toContain(status);
    }
    const foreign = { method: "POST", headers: { origin: "https://evil.example" }, body: new URLSearchParams() };
    expect((await fetch(new URL(path, edge.url), foreign)).status, path).toBe(403);
  }
});
