/** Somebody with more domains, and more ticked boxes, than D1 binds parameters in one statement (100). */
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Edge, startEdge } from "./world.ts";

const how = { "content-type": "application/json" };
const admin = { email: "owner@many.test", password: "a long demo password" };
let edge: Edge;
let cookie = "";
let last = "";

beforeAll(async () => {
  edge = await startEdge({});
  const made = await fetch(new URL("/api/setup", edge.url), {
    method: "POST",
    headers: how,
    body: JSON.stringify({ ...admin, token: "a-setup-token-for-tests" }),
  });
  cookie = made.headers.getSetCookie()[0]?.split(";")[0] ?? "";
  const { id: account } = (await made.json()) as { id: string };
  for (let n = 0; n < 130; n++) last = await edge.addDomain(`d${n}.test`, account);
  for (let n = 0; n < 130; n++) await edge.addAlias(last, `a${n}`, [["address", "ann@elsewhere.test"]]);
});
afterAll(() => edge?.close());

const call = (method: string, path: string, body?: unknown): Promise<Response> =>
  fetch(new URL(path, edge.url), {
    method,
    headers: { ...how, cookie, origin: edge.url.origin },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });

test.each(["/", "/domains", "/mailboxes", "/activity", "/charts", "/reports"])("the page %s", async (path) => {
  const response = await call("GET", path);
  const html = await response.text();
  expect([response.status, html]).toEqual([200, expect.stringContaining("</html>")]);
  expect(html.length).toBeLessThan(60 * 1024);
});

test("the list of domains goes on over pages, each domain on one of them, and is narrowed by name", async () => {
  const named = async (query: string): Promise<string[]> => {
    const html = await (await call("GET", `/domains${query}`)).text();
    return [...html.matchAll(/<a class="strong" href="[^"]*">([^<]*)</g)].map(([, name = ""]) => name);
  };
  const all = [...(await named("")), ...(await named("?from=60")), ...(await named("?from=120"))];
  expect([all.length, new Set(all).size]).toEqual([130, 130]);
  expect(await named("?text=d12")).toEqual(["d12.test", ...Array.from({ length: 10 }, (_, n) => `d12${n}.test`)]);
});

test.each(["/api/domains", "/api/mailboxes", "/api/activity"])("GET %s", async (path) => {
  expect((await call("GET", path)).status).toBe(200);
});

test("130 aliases in one act", async () => {
  const rows = await edge.rows<{ id: string }>("select id from alias where domain = ?", last);
  const ids = rows.map(({ id }) => id);
  const response = await call("POST", `/api/domains/${last}/aliases/bulk`, { act: "disable", ids });
  expect([response.status, await response.json()]).toEqual([200, { changed: 130 }]);
});
