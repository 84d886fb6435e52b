/** The pages of aliases, automatic answers and TXT rules, as forms that work without JavaScript. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { ApiClient } from "./api-client.ts";
import { type Edge, startEdge } from "./world.ts";

let edge: Edge;
let client: ApiClient;
let domain: string;
let alias: string;

beforeAll(async () => {
  edge = await startEdge({ "a.test": { TXT: ["forward-email=extra:me@else.test,broken:"] } });
  await edge.addNode();
  client = await ApiClient.owner(edge.url);
  domain = await client.domain("a.test", { node: edge.node.id, active: true });
  const destinations = [{ kind: "address", target: "me@else.test" }];
  const added = await client.post(`/domains/${domain}/aliases`, { kind: "exact", pattern: "me", destinations });
  alias = String(added.body["id"]);
});
afterAll(() => edge.close());

async function open(path: string): Promise<string> {
  const response = await fetch(new URL(path, edge.url), { headers: { cookie: client.cookie } });
  expect(response.status).toBe(200);
  return response.text();
}

async function submit(path: string, page: string, fields: Record<string, string>): Promise<Response> {
  const token = /name="token" value="([^"]+)"/.exec(await open(page))?.[1] ?? "";
  const headers = { cookie: client.cookie, origin: edge.url.origin };
  const body = new URLSearchParams({ token, ...fields });
  return fetch(new URL(path, edge.url), { method: "POST", headers, body, redirect: "manual" });
}

test("an alias means what was typed, an edit loses nothing, a paused destination is resumed on its page", async () => {
  const list = `/domains/${domain}`;
  const rows = () =>
    edge.rows<{ id: string; kind: string; pattern: string }>(
      "select id, kind, pattern from alias where pattern <> 'me' order by created_at, id",
    );
  const to = "Me@a.test, you@else.test>mx.else.test:2525, @else.test, you@else.test";
  for (const pattern of ["sales-*", "/^t-(.*)$/", "*", "Whole@A.test"])
    expect((await submit(`${list}/aliases`, list, { pattern, kind: "exact", to })).status).toBe(303);
  expect((await submit(`${list}/aliases`, list, { pattern: "x@b.test", kind: "exact", to })).status).toBe(422);
  expect((await rows()).map(({ kind, pattern }) => `${kind} ${pattern}`)).toEqual([
    "wildcard sales-*",
    "regex ^t-(.*)$",
    "catch-all *",
    "exact whole",
  ]);
  const { id = "" } = (await rows()).at(-1) ?? {};
  const page = `${list}/aliases/${id}`;
  const destinations = () =>
    edge.rows("select kind, target, route, paused_at from destination where alias = ? order by position", id);
  const before = await destinations();
  expect(before).toMatchObject([
    { kind: "alias", target: "me@a.test" },
    { kind: "address", route: "mx.else.test:2525" },
    { kind: "domain", target: "else.test" },
    { kind: "address", route: null },
  ]);
  const [, shown = ""] = /name="to"[^>]*value="([^"]*)"/.exec(await open(page)) ?? [];
  const saved = { pattern: "whole", kind: "exact", to: shown.replaceAll("&gt;", ">"), state: "active", note: "kept" };
  expect((await submit(page, page, saved)).status).toBe(303);
  expect(await destinations()).toEqual(before);
  await edge.rows("update destination set paused_at = 1, trouble = '550 gone' where kind = 'domain' and alias = ?", id);
  const paused = await open(page);
  expect(paused).toContain("550 gone");
  const [, destination = ""] = /name="destination" value="(\w+)"/.exec(paused) ?? [];
  expect((await submit(`${page}/resume`, page, { destination })).status).toBe(303);
  expect(await destinations()).toEqual(before);
  await edge.rows("delete from alias where pattern <> 'me'");
});

test("an answer is written, shown again, switched off and removed", async () => {
  const path = `/domains/${domain}/aliases/${alias}/answer`;
  const fields = { subject: "", text: "Back <soon>", startsAt: "2026-01-02", endsAt: "2026-01-01", everyDays: "3" };
  expect((await submit(path, path, { ...fields, act: "save" })).status).toBe(422);
  expect((await submit(path, path, { ...fields, endsAt: "2026-12-31", act: "save" })).status).toBe(303);
  const [row] = await edge.rows("select text, every_days, ends_at, enabled from vacation where alias = ?", alias);
  const lastMoment = Date.parse("2027-01-01") - 1;
  expect(row).toEqual({ text: "Back <soon>", every_days: 3, ends_at: lastMoment, enabled: 1 });
  const page = await open(path);
  expect(page).toContain("Back &lt;soon&gt;");
  expect(page).toContain('value="2026-12-31"');
  await submit(path, path, { ...fields, endsAt: "", act: "off" });
  expect(await edge.rows("select enabled from vacation")).toEqual([{ enabled: 0 }]);
  await submit(path, path, { ...fields, endsAt: "", act: "remove" });
  expect(await edge.rows("select enabled from vacation")).toEqual([]);
});

test("TXT rules are shown with their mistakes, let count, and sealed", async () => {
  const path = `/domains/${domain}/txt`;
  const page = await open(path);
  expect(page).toContain("me@else.test");
  expect(page).toContain("They do not count");
  expect(page).toMatch(/Record 1: .*broken/s);
  expect((await submit(path, path, { enabled: "yes" })).status).toBe(303);
  expect(await open(path)).toContain("They count for this domain");
  const sealed = await (await submit(`${path}/seal`, path, { rules: "hidden:me@else.test" })).text();
  const record = /postern=sealed:[A-Za-z0-9_-]+/.exec(sealed)?.[0] ?? "";
  expect(record).not.toBe("");
  edge.dns.set("a.test", { TXT: [record] });
  edge.dns.set("b.test", { TXT: [record] });
  const made = await client.post("/txt/seal", { domain: "a.test", rules: "x:me@else.test" });
  expect(String(made.body["record"])).toMatch(/^postern=sealed:/);
});

test("somebody else's pages are not there", async () => {
  const other = edge.newId();
  for (const path of [`/domains/${other}/txt`, `/domains/${domain}/aliases/${other}/answer`]) {
    const response = await fetch(new URL(path, edge.url), { headers: { cookie: client.cookie } });
    expect(response.status).toBe(404);
  }
});
