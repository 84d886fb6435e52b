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

test.each(["/", "/domains", "/mailboxes", "/activity", "/charts"])("the page %s", async (path) => {
  const response = await call("GET", path);
  expect([response.status, await response.text()]).toEqual([200, expect.stringContaining("</html>")]);
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
