/** The API's manners, on the wire: methods, bodies, fields, conditions, repetitions, pace. */
import { request as plainRequest } from "node:http";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { ApiClient } from "./api-client.ts";
import { type Edge, startEdge } from "./world.ts";

let edge: Edge;
let owner: ApiClient;
let domain: string;

beforeAll(async () => {
  edge = await startEdge();
  owner = await ApiClient.owner(edge.url);
  domain = await owner.domain("a.test", { active: true });
});
beforeEach(() => edge.env.DIRECTORY.exec("delete from attempt"));
afterAll(() => edge.close());

const alias = (pattern: string) => ({
  kind: "exact",
  pattern,
  destinations: [{ kind: "address", target: "me@x.test" }],
});
const problem = "application/problem+json";
const raw = (path: string, init: RequestInit) => fetch(new URL(path, edge.url), init);

describe("what is not there", () => {
  test("a path of nothing is a 404 of the API, for every method", async () => {
    for (const method of ["GET", "POST", "PUT", "PATCH", "DELETE"]) {
      const { status, body, headers } = await owner.send(method, "/nothing/here");
      expect({ status, code: body["code"] }).toEqual({ status: 404, code: "no-such-operation" });
      expect(headers.get("content-type")).toBe(problem);
    }
  });

  test("a wrong method says which are right", async () => {
    const { status, body, headers } = await owner.send("PUT", "/domains", {});
    expect([status, body["code"], headers.get("allow")]).toEqual([405, "wrong-method", "HEAD, GET, POST"]);
    expect(headers.get("content-type")).toBe(problem);
    const one = await owner.send("POST", `/domains/${domain}/aliases/${edge.newId()}`, {});
    expect(one.headers.get("allow")).toBe("HEAD, GET, PATCH, DELETE");
  });

  test("HEAD is GET without a body", async () => {
    const head = await raw("/api/domains", { method: "HEAD", headers: { cookie: owner.cookie } });
    const get = await owner.get("/domains");
    expect([head.status, await head.text(), head.headers.get("etag")]).toEqual([200, "", get.headers.get("etag")]);
  });
});

test("no other origin is let in, asked first or not", async () => {
  const headers = { origin: "https://evil.example", "access-control-request-method": "POST" };
  const asked = await raw("/api/domains", { method: "OPTIONS", headers });
  const read = await raw("/api/domains", { headers: { origin: "https://evil.example", cookie: owner.cookie } });
  expect(asked.status).toBe(405);
  for (const answer of [asked, read])
    expect([...answer.headers.keys()].filter((name) => name.startsWith("access-control"))).toEqual([]);
});

test("every answer carries its guards, errors too", async () => {
  const answers = [await owner.get("/account"), await owner.get("/nothing"), await owner.send("PUT", "/domains", {})];
  for (const { headers } of answers)
    expect(Object.fromEntries(headers)).toMatchObject({
      "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
      "x-content-type-options": "nosniff",
      "cross-origin-resource-policy": "same-origin",
    });
  expect(answers[0]?.headers.get("cache-control")).toBe("no-store");
});

describe("a body", () => {
  const path = () => `/domains/${domain}/aliases`;

  test("too long is 413, by its told length and by its bytes", async () => {
    const long = JSON.stringify({ ...alias("long"), note: "x".repeat(600_000) });
    expect((await owner.post(path(), long)).body).toMatchObject({ status: 413, code: "too-large" });
    const many = "ü".repeat(300_000); // fewer characters than the bound, more bytes
    expect((await owner.post(path(), JSON.stringify({ note: many }))).status).toBe(413);
  });

  test("that comes in pieces and never says how long it is, is cut off", async () => {
    const status = await new Promise((resolve, reject) => {
      const headers = { "content-type": "application/json", "transfer-encoding": "chunked", cookie: owner.cookie };
      const request = plainRequest(new URL(`/api${path()}`, edge.url), { method: "POST", headers }, (response) => {
        response.resume();
        resolve(response.statusCode);
      });
      request.on("error", reject);
      for (let i = 0; i < 12; i++) request.write("x".repeat(65_536));
      request.end();
    });
    expect(status).toBe(413);
  });

  test("that is no UTF-8, no JSON or nothing is 400", async () => {
    for (const body of [new Uint8Array([0x22, 0xff, 0x22]), "{", "", '{"kind":'])
      expect(
        (
          await raw(`/api${path()}`, {
            method: "POST",
            body,
            headers: { "content-type": "application/json", cookie: owner.cookie },
          })
        ).status,
      ).toBe(400);
  });

  test("adds no property by a side door", async () => {
    const sent =
      '{"kind":"exact","pattern":"proto","destinations":[{"kind":"address","target":"me@x.test"}],"__proto__":{"state":"disabled"},"id":"x","domain":"y"}';
    const made = await owner.post(path(), sent);
    expect(made.body).toMatchObject({ pattern: "proto", state: "active" });
    expect(made.body["id"]).not.toBe("x");
  });
});

describe("If-Match", () => {
  test("of two edits of one version in the same moment, one is refused", async () => {
    const made = await owner.post(`/domains/${domain}/aliases`, alias("race"));
    const one = `/domains/${domain}/aliases/${made.body["id"]}`;
    const etag = (await owner.get(one)).headers.get("etag") ?? "";
    const edit = (note: string) => owner.send("PATCH", one, { note }, { "if-match": etag });
    const answers = await Promise.all(["a", "b", "c"].map(edit));
    expect(answers.map(({ status }) => status).sort()).toEqual([200, 412, 412]);
    const [won] = answers.filter(({ status }) => status === 200);
    expect((await owner.get(one)).body["note"]).toBe(won?.body["note"]);
    const next = (await owner.get(one)).headers.get("etag") ?? "";
    expect((await owner.send("PATCH", one, { note: "d" }, { "if-match": next })).status).toBe(200);
  });

  test("a refused edit does not stand in the way of the next", async () => {
    const made = await owner.post(`/domains/${domain}/aliases`, alias("again"));
    const one = `/domains/${domain}/aliases/${made.body["id"]}`;
    const etag = (await owner.get(one)).headers.get("etag") ?? "";
    const wrong = { kind: "exact", pattern: "a b" };
    expect((await owner.send("PATCH", one, wrong, { "if-match": etag })).status).toBe(422);
    expect((await owner.send("PATCH", one, { note: "x" }, { "if-match": etag })).status).toBe(200);
  });

  test("is never ignored where there is nothing to compare with", async () => {
    const name = { email: "new@a.test" };
    const put = await owner.send("PUT", "/account/email", name, { "if-match": '"x"' });
    expect(put.body).toMatchObject({ status: 412, code: "no-version" });
  });

  test("a domain that another sees is not deleted on an old view of it", async () => {
    const stale = await owner.send("DELETE", `/domains/${domain}`, undefined, { "if-match": '"old"' });
    expect(stale.body).toMatchObject({ status: 412, code: "changed-meanwhile" });
  });
});

describe("an Idempotency-Key", () => {
  test("carries concurrent twins out once", async () => {
    const headers = { "idempotency-key": "twins" };
    const answers = await Promise.all(
      [1, 2, 3, 4].map(() => owner.post(`/domains/${domain}/aliases`, alias("twin"), headers)),
    );
    expect(answers.filter(({ status }) => status === 201).length).toBeGreaterThanOrEqual(1);
    for (const { status, body } of answers) expect([201, 409], JSON.stringify(body)).toContain(status);
    const ids = new Set(answers.flatMap(({ status, body }) => (status === 201 ? [body["id"]] : [])));
    expect(ids.size).toBe(1);
    expect(await edge.rows("select 1 from alias where pattern = 'twin'")).toHaveLength(1);
    const late = await owner.post(`/domains/${domain}/aliases`, alias("twin"), headers);
    expect([late.status, late.body["id"]]).toEqual([201, [...ids][0]]);
  });

  test("is of one account, one operation and one day; a failure may be tried again", async () => {
    const headers = { "idempotency-key": "shared" };
    const first = await owner.post(`/domains/${domain}/aliases`, alias("mine"), headers);
    const id = await edge.addAccount("other@b.test");
    await edge.env.DIRECTORY.prepare(
      "update account set password = (select password from account where email = 'owner@a.test') where id = ?",
    )
      .bind(id)
      .run();
    const other = new ApiClient(edge.url);
    await other.post("/session", { email: "other@b.test", password: "a long demo password" });
    const theirs = String((await other.post("/domains", { name: "b.test" }, headers)).body["id"]);
    const second = await other.post(`/domains/${theirs}/aliases`, alias("mine"), headers);
    expect(second.status).toBe(201);
    expect(second.body["id"]).not.toBe(first.body["id"]);
    const failing = { "idempotency-key": "failing" };
    expect((await owner.post(`/domains/${domain}/aliases`, alias("a b"), failing)).status).toBe(422);
    expect((await owner.post(`/domains/${domain}/aliases`, alias("fine"), failing)).status).toBe(201);
    await edge.env.DIRECTORY.exec(`update idempotency set expires_at = ${Date.now() - 1}`);
    expect((await owner.post(`/domains/${domain}/aliases`, alias("mine"), headers)).body).toMatchObject({
      code: "alias-exists",
    });
  });

  test("gives a key's text again, and keeps it where a copy of D1 does not show it", async () => {
    const headers = { "idempotency-key": "a-key-please" };
    const body = { name: "k", scopes: ["domains:read"] };
    const first = await owner.post("/account/keys", body, headers);
    const again = await owner.post("/account/keys", body, headers);
    expect(again.body["text"]).toBe(first.body["text"]);
    expect(JSON.stringify(await edge.rows("select * from idempotency"))).not.toContain("pst_");
    expect(await edge.rows("select 1 from api_key")).toHaveLength(1);
  });

  test("may not be empty or endless", async () => {
    for (const key of ["x".repeat(201)])
      expect((await owner.post("/domains", { name: "c.test" }, { "idempotency-key": key })).status).toBe(400);
  });
});

test("pace is told, and too much of it refused with the time to wait", async () => {
  const calm = await owner.get("/account");
  expect(calm.headers.get("ratelimit-policy")).toBe('"minute";q=600;w=60');
  expect(calm.headers.get("ratelimit")).toMatch(/^"minute";r=599;t=\d+$/);
  await edge.env.DIRECTORY.exec("update attempt set count = 600 where key like 'api:%'");
  const fast = await owner.get("/account");
  expect(fast.body).toMatchObject({ status: 429, code: "too-many" });
  expect(fast.headers.get("ratelimit")).toMatch(/^"minute";r=0;t=\d+$/);
  expect(Number(fast.headers.get("retry-after"))).toBeGreaterThan(0);
});

test("an IPv6 customer's whole /64 is one client", async () => {
  const from = (ip: string) => new ApiClient(edge.url).get("/account", { "cf-connecting-ip": ip });
  const counts = async () => (await edge.rows("select count from attempt where key like 'api:%'")).length;
  await from("2001:db8:1:1::1");
  await from("2001:db8:1:1:ffff::2");
  expect(await counts()).toBe(1);
  await from("2001:db8:1:2::1");
  expect(await counts()).toBe(2);
});
