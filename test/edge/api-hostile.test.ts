/** What was tried on the API by hand and was not as it should be, or must stay as it is: bodies, cursors, paths, fields. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { ApiClient } from "./api-client.ts";
import { type Edge, letter, startEdge } from "./world.ts";

let edge: Edge;
let owner: ApiClient;
let domain: string;

beforeAll(async () => {
  edge = await startEdge();
  await edge.addNode();
  owner = await ApiClient.owner(edge.url);
  domain = await owner.domain("a.test", { node: edge.node.id, active: true });
});
beforeEach(() => edge.env.DIRECTORY.exec("delete from attempt"));
afterAll(() => edge.close());

const raw = (path: string, init: RequestInit = {}) => fetch(new URL(path, edge.url), { redirect: "manual", ...init });
const problem = "application/problem+json";
const alias = (pattern: string, more: object = {}) => ({
  kind: "exact",
  pattern,
  destinations: [{ kind: "address", target: "me@x.test" }],
  ...more,
});

describe("every answer", () => {
  test("tells the pace and is not stored, also where there is nothing, by a wrong method, from another site", async () => {
    const asked: [string, RequestInit, number][] = [
      ["/api/domains", {}, 401],
      ["/api/nothing", {}, 404],
      ["/api", {}, 404],
      ["/api/", {}, 404],
      ["/api/domains/", {}, 404],
      ["/api/domains", { method: "PUT" }, 405],
      ["/api/domains", { method: "OPTIONS" }, 405],
      ["/api/session", { method: "POST", headers: { origin: "https://evil.example" } }, 403],
      ["/api/session", { method: "POST", body: "{}" }, 415],
      [`/api/${"a".repeat(8000)}`, {}, 404],
    ];
    for (const [path, init, status] of asked) {
      const answer = await raw(path, init);
      const at = `${init.method ?? "GET"} ${path.slice(0, 60)}`;
      expect({ at, status: answer.status, type: answer.headers.get("content-type") }).toEqual({
        at,
        status,
        type: problem,
      });
      expect(answer.headers.get("ratelimit"), at).toMatch(/^"minute";r=\d+;t=\d+$/);
      expect(answer.headers.get("cache-control"), at).toBe("no-store");
      expect(((await answer.json()) as { status: number }).status).toBe(status);
    }
    for (const path of ["/api/openapi.json", "/api/client.ts"])
      expect((await raw(path)).headers.get("ratelimit"), path).not.toBeNull();
  });

  test("past the pace is 429, whatever was asked for", async () => {
    await raw("/api/nothing");
    await edge.env.DIRECTORY.exec("update attempt set count = 600 where key like 'api:%'");
    for (const path of ["/api/nothing", "/api/openapi.json", "/api/domains"]) {
      const { status, headers } = await raw(path);
      expect([status, headers.get("content-type"), headers.get("retry-after")], path).toEqual([
        429,
        problem,
        expect.stringMatching(/^\d+$/),
      ]);
    }
  });
});

describe("a body", () => {
  const send = (body: string, headers: Record<string, string>) =>
    owner.send("POST", `/domains/${domain}/aliases`, body, headers);

  test("of a type that only begins like JSON's, of another charset, or packed, is 415", async () => {
    const body = JSON.stringify(alias("typed"));
    for (const headers of [
      { "content-type": "application/json-patch" },
      { "content-type": "application/json-evil" },
      { "content-type": "application/json; charset=latin1" },
      { "content-type": "application/json", "content-encoding": "gzip" },
    ] as Record<string, string>[])
      expect((await send(body, headers)).status, JSON.stringify(headers)).toBe(415);
    for (const type of ["application/json;charset=UTF-8", 'Application/JSON ; charset="utf-8"'])
      expect((await send(JSON.stringify(alias(`t${type.length}`)), { "content-type": type })).status, type).toBe(201);
  });

  test("with half a surrogate pair is 400, with a whole one or a text that looks like it is kept as it is", async () => {
    for (const note of ["\\ud800", "\\udfff", "x\\\\\\\\\\ud83d"]) {
      const text = JSON.stringify(alias("half")).replace(/}$/, `,"note":"${note}"}`);
      expect((await send(text, {})).body, note).toMatchObject({ status: 400, code: "not-unicode" });
    }
    const note = "💩 \\ud800 \\\\ud800";
    const made = await owner.post(`/domains/${domain}/aliases`, alias("pairs", { note }));
    expect(made.body["note"]).toBe(note);
    const seen = await owner.get(`/domains/${domain}/aliases/${made.body["id"]}`);
    expect([seen.body["note"], seen.headers.get("etag")]).toEqual([note, made.headers.get("etag")]);
  });

  test("nested a hundred thousand deep or with endless numbers is refused, and nothing falls over", async () => {
    const deep = `${"[".repeat(100_000)}${"]".repeat(100_000)}`;
    expect((await send(deep, {})).status).toBe(422);
    expect((await send(`{"kind":"exact","pattern":"x","destinations":${deep}}`, {})).status).toBe(422);
    for (const number of ["1e999", "-1e999", "9".repeat(400)])
      expect((await send(JSON.stringify(alias("n")).replace(/}$/, `,"disabledReply":${number}}`), {})).status).toBe(
        422,
      );
  });

  test("ends no line of a field or a letter", async () => {
    for (const target of ["me@x.test\r\nBcc: z@z.test", "\u202eme@x.test"])
      expect(
        (
          await owner.post(`/domains/${domain}/aliases`, {
            ...alias("crlf"),
            destinations: [{ kind: "address", target }],
          })
        ).status,
      ).toBe(422);
    const name = "Ana\r\nset-cookie: x=y";
    const { status, headers } = await owner.send("PATCH", "/account", { name });
    expect([status, headers.get("set-cookie")]).toEqual([200, null]);
  });
});

describe("a cursor", () => {
  test("that was tampered with is 422, not an empty page", async () => {
    const lists = [
      "/domains",
      "/activity",
      "/reports",
      "/mailboxes",
      `/domains/${domain}/aliases`,
      `/domains/${domain}/senders`,
    ];
    for (const list of [...lists, "/account/keys", `/domains/${domain}/members`, `/domains/${domain}/audit`])
      for (const after of ["';--", "%00", "%F0%9F%92%A9", "_____w", "Infinity"])
        expect((await owner.get(`${list}?after=${after}`)).status, `${list} ${after}`).toBe(422);
  });

  test("of another tenant shows what is one's own", async () => {
    const id = await edge.addAccount("other@b.test");
    await edge.env.DIRECTORY.prepare(
      "update account set password = (select password from account where email = 'owner@a.test') where id = ?",
    )
      .bind(id)
      .run();
    const other = new ApiClient(edge.url);
    await other.post("/session", { email: "other@b.test", password: "a long demo password" });
    const theirs = await edge.addDomain("b.test", id);
    for (const name of ["a", "b", "c"]) await edge.addAlias(theirs, name, [["address", "me@x.test"]]);
    for (let i = 0; i < 3; i++) await edge.deliver({ from: "x@y.test", to: ["a@b.test"], raw: letter("x@y.test") });
    const foreign = async (path: string) => String((await other.get(`${path}?limit=1`)).body["next"]);
    const activity = await owner.get(`/activity?after=${await foreign("/activity")}`);
    expect(activity.body["items"]).toEqual([]);
    const aliases = await owner.get(`/domains/${domain}/aliases?after=${await foreign(`/domains/${theirs}/aliases`)}`);
    expect(aliases.status).toBe(200);
    expect(JSON.stringify(aliases.body)).not.toContain('"pattern":"b"');
  });
});

describe("a version", () => {
  test("is told where the same thing can be read again, and only there", async () => {
    const one = `/domains/${domain}`;
    const changed = await owner.send("PATCH", one, { node: edge.node.id });
    expect(changed.headers.get("etag")).toBeNull(); // the GET shows more, so has another tag
    const tag = (await owner.get(one)).headers.get("etag") ?? "";
    expect((await owner.send("PATCH", one, { node: edge.node.id }, { "if-match": tag })).status).toBe(200);
    const made = await owner.post(`${one}/aliases`, alias("versions"));
    const at = `${one}/aliases/${made.body["id"]}`;
    const patched = await owner.send("PATCH", at, { note: "1" }, { "if-match": made.headers.get("etag") ?? "" });
    expect([patched.status, patched.headers.get("etag")]).toEqual([200, (await owner.get(at)).headers.get("etag")]);
    const { headers } = await owner.get(`${one}/mfa`);
    const put = (tags: string) => owner.send("PUT", `${one}/mfa`, { mfa: false }, { "if-match": tags });
    expect((await put('"old"')).status).toBe(412);
    expect((await put(headers.get("etag") ?? "")).status).toBe(204);
  });
});
