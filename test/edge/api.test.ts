/** The API as programs meet it: set-up, sessions, rights, aliases, ETags, idempotency, limits. */
import { randomBytes } from "node:crypto";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { toBase64 } from "../../src/core/bytes.ts";
import { makeAppPassword, newMailbox, wrapKey } from "../../src/core/seal/keys.ts";
import { random } from "../../src/daemon/platform.ts";
import { ApiClient, passwords } from "./api-client.ts";
import { type Edge, startEdge } from "./world.ts";

let edge: Edge;
let owner: ApiClient;
let stranger: ApiClient;
let domain: string;

beforeAll(async () => {
  edge = await startEdge();
  owner = new ApiClient(edge.url);
  stranger = new ApiClient(edge.url);
});
afterAll(() => edge.close());
beforeEach(() => edge.env.DIRECTORY.exec("delete from attempt"));

describe("set-up", () => {
  test("takes the token once and makes the operator", async () => {
    const account = { email: "Owner@Demo.test", password: passwords.owner };
    expect((await owner.post("/setup", { ...account, token: "wrong" })).status).toBe(403);
    expect(
      (await owner.post("/setup", { ...account, password: "short", token: "a-setup-token-for-tests" })).body,
    ).toMatchObject({
      code: "weak-password",
    });
    const made = await owner.post("/setup", { ...account, token: "a-setup-token-for-tests" });
    expect(made.status).toBe(201);
    const shown = { email: "owner@demo.test", emailVerified: false, name: "", operator: true };
    expect(made.body).toEqual({ id: expect.any(String), ...shown });
    expect(made.headers.get("set-cookie")).toMatch(
      /^postern=[\w-]{43}; Max-Age=5184000; Path=\/; HttpOnly; SameSite=Lax$/i,
    );
    expect(
      (await stranger.post("/setup", { ...account, email: "b@demo.test", token: "a-setup-token-for-tests" })).status,
    ).toBe(403);
  });

  test("stores no token and no password", async () => {
    const [row] = await edge.rows<{ password: string }>("select password from account");
    expect(row?.password).toMatch(/^scrypt\$16384\$8\$5\$/);
    const [session] = await edge.rows<{ id: string }>("select id from session");
    expect(owner.cookie).not.toContain(session?.id);
  });
});

describe("sessions", () => {
  test("wrong password and unknown address get one answer", async () => {
    const wrong = await stranger.post("/session", { email: "owner@demo.test", password: "not the right one" });
    const unknown = await stranger.post("/session", { email: "nobody@demo.test", password: "not the right one" });
    expect(wrong.status).toBe(401);
    expect(wrong.body).toEqual(unknown.body);
    expect(wrong.headers.get("content-type")).toBe("application/problem+json");
  });

  test("ends when its owner signs out", async () => {
    const other = new ApiClient(edge.url);
    expect((await other.post("/session", { email: "owner@demo.test", password: passwords.owner })).status).toBe(200);
    expect((await other.get("/account")).status).toBe(200);
    const kept = other.cookie;
    expect((await other.delete("/session")).status).toBe(204);
    other.cookie = kept;
    expect((await other.get("/account")).status).toBe(401);
  });

  test("guessing is stopped, and says for how long", async () => {
    const guess = () => stranger.post("/session", { email: "owner@demo.test", password: "guess" });
    // Counters are moved ahead instead of hashing 30 passwords.
    await guess();
    await edge.env.DIRECTORY.exec("update attempt set count = 30 where key like 'sign-in-ip%'");
    const stopped = await guess();
    expect(stopped.status).toBe(429);
    expect(Number(stopped.headers.get("retry-after"))).toBeGreaterThan(60);
  });

  test("another site's request is refused, whatever the cookie", async () => {
    const foreign = await owner.post("/domains", { name: "evil.test" }, { origin: "https://evil.example" });
    expect(foreign.body).toMatchObject({ status: 403, code: "foreign-origin" });
    const site = await owner.post("/domains", { name: "evil.test" }, { "sec-fetch-site": "cross-site" });
    expect(site.status).toBe(403);
    const form = await owner.send("POST", "/domains", "name=evil.test", {
      "content-type": "application/x-www-form-urlencoded",
    });
    expect(form.status).toBe(415);
  });
});

describe("nodes and domains", () => {
  const publicKey = toBase64(randomBytes(32));
  const place = { name: "one", origin: "https://127.0.0.1:1", mxHost: "mx.one.test" };

  test("a node is enrolled, moves, and keeps its key", async () => {
    expect((await owner.post("/nodes", { id: "n1", ...place, publicKey })).status).toBe(201);
    const moved = await owner.post("/nodes", { id: "n1", ...place, origin: "https://127.0.0.1:2", publicKey });
    expect(moved.body).toMatchObject({ id: "n1", origin: "https://127.0.0.1:2" });
    const other = await owner.post("/nodes", { id: "n1", ...place, publicKey: toBase64(randomBytes(32)) });
    expect(other.body).toMatchObject({ status: 409, code: "node-exists" });
  });

  test("a domain is added once, by its folded name", async () => {
    const made = await owner.post("/domains", { name: "DEMO.test.", node: "n1", active: true });
    expect(made.body).toMatchObject({ name: "demo.test", state: "active", role: "owner", aliases: 0 });
    domain = made.body["id"] as string;
    expect((await owner.post("/domains", { name: "demo.test" })).body).toMatchObject({ code: "domain-taken" });
    expect((await owner.post("/domains", { name: "not a domain" })).body).toMatchObject({ code: "bad-domain" });
    expect((await owner.post("/domains", { name: "x.test", node: "n9" })).body).toMatchObject({ code: "no-such-node" });
  });

  test("only an operator skips the proof; others see nothing of it", async () => {
    const account = await edge.addAccount("stranger@demo.test");
    const [own] = await edge.rows<{ password: string }>(
      "select password from account where email = ?",
      "owner@demo.test",
    );
    await edge.env.DIRECTORY.prepare("update account set password = ? where id = ?").bind(own?.password, account).run();
    expect((await stranger.post("/session", { email: "stranger@demo.test", password: passwords.owner })).status).toBe(
      200,
    );
    expect((await stranger.post("/domains", { name: "mine.test", active: true })).body).toMatchObject({
      code: "operator-only",
    });
    expect((await stranger.get("/nodes")).status).toBe(403);
    expect((await stranger.get(`/domains/${domain}`)).status).toBe(404);
    expect((await stranger.get("/domains")).body).toEqual({ items: [], next: null });
  });
});

describe("aliases", () => {
  const path = () => `/domains/${domain}/aliases`;
  const forward = (target: string) => [{ kind: "address", target }];

  test("are added, found, changed and deleted", async () => {
    const made = await owner.post(path(), {
      kind: "exact",
      pattern: "Hello",
      destinations: forward("Me@Elsewhere.test"),
    });
    expect(made.status).toBe(201);
    expect(made.body).toMatchObject({ pattern: "hello", destinations: [{ target: "me@elsewhere.test" }] });
    const one = `${path()}/${made.body["id"]}`;
    expect((await owner.get(`${path()}?text=elsewhere`)).body).toMatchObject({
      total: 1,
      items: [{ pattern: "hello" }],
    });
    const off = await owner.send("PATCH", one, { state: "disabled", disabledReply: 421 });
    expect(off.body).toMatchObject({ state: "disabled", disabledReply: 421, pattern: "hello" });
    expect((await owner.delete(one)).status).toBe(204);
    expect((await owner.get(one)).status).toBe(404);
  });

  test("say which field is wrong", async () => {
    const bad = await owner.post(path(), { kind: "exact", pattern: "a b", destinations: forward("me@x.test") });
    expect(bad.body).toMatchObject({ status: 422, code: "bad-pattern", errors: [{ field: "pattern" }] });
    const nowhere = await owner.post(path(), { kind: "exact", pattern: "ok", destinations: forward("no address") });
    expect(nowhere.body).toMatchObject({ status: 422, code: "bad-destination", errors: [{ field: "destinations" }] });
    const none = await owner.post(path(), { kind: "exact", pattern: "ok", destinations: [] });
    expect(none.body).toMatchObject({ status: 422, code: "invalid-input", errors: [{ field: "destinations" }] });
    const twice = { kind: "exact", pattern: "twice", destinations: forward("me@x.test") };
    await owner.post(path(), twice);
    expect((await owner.post(path(), twice)).body).toMatchObject({ status: 409, code: "alias-exists" });
  });

  test("an edit of a stale copy is refused", async () => {
    const made = await owner.post(path(), { kind: "exact", pattern: "tagged", destinations: forward("me@x.test") });
    const one = `${path()}/${made.body["id"]}`;
    const etag = (await owner.get(one)).headers.get("etag") ?? "";
    expect((await owner.get(one, { "if-none-match": etag })).status).toBe(304);
    expect((await owner.send("PATCH", one, { note: "first" }, { "if-match": etag })).status).toBe(200);
    const stale = await owner.send("PATCH", one, { note: "second" }, { "if-match": etag });
    expect(stale.body).toMatchObject({ status: 412, code: "changed-meanwhile" });
    expect((await owner.get(one)).body).toMatchObject({ note: "first" });
  });

  test("a repeated POST with a key is carried out once", async () => {
    const body = { kind: "exact", pattern: "once", destinations: forward("me@x.test") };
    const key = { "idempotency-key": "k1" };
    const first = await owner.post(path(), body, key);
    const again = await owner.post(path(), body, key);
    expect(first.status).toBe(201);
    expect(again.body).toEqual(first.body);
    expect(again.headers.get("idempotency-replayed")).toBe("true");
    const other = await owner.post(path(), { ...body, pattern: "other" }, key);
    expect(other.body).toMatchObject({ code: "idempotency-key-reused" });
  });

  test("come in pages", async () => {
    for (const pattern of ["p1", "p2", "p3"]) {
      await owner.post(path(), { kind: "exact", pattern, destinations: forward("page@x.test") });
    }
    const seen: string[] = [];
    let next: string | null = "";
    while (next !== null) {
      const after: string = next === "" ? "" : `&after=${next}`;
      const { body } = await owner.get(`${path()}?text=page@x.test&limit=2${after}`);
      seen.push(...(body["items"] as { pattern: string }[]).map((alias) => alias.pattern));
      next = body["next"] as string | null;
    }
    expect(seen).toEqual(["p1", "p2", "p3"]);
  });

  test("many are switched off at once, others' are left alone", async () => {
    const { body } = await owner.get(`${path()}?text=page@x.test`);
    const ids = (body["items"] as { id: string }[]).map((alias) => alias.id);
    const done = await owner.post(`${path()}/bulk`, { ids: [...ids, edge.newId()], act: "disable" });
    expect(done.body).toEqual({ changed: 3 });
    expect((await owner.get(`${path()}?state=disabled`)).body).toMatchObject({ total: 3 });
  });
});

describe("mailboxes", () => {
  function made(address: string) {
    const box = newMailbox(edge.newId(), random);
    const app = makeAppPassword(random);
    const about = {
      id: edge.newId(),
      kind: "app-password" as const,
      selector: app.selector,
      label: "phone",
      createdAt: Date.now(),
      mailboxId: box.mailboxId,
    };
    const slot = wrapKey(box.masterKey, app.secret, about, random);
    return {
      id: box.mailboxId,
      address,
      node: edge.node.id,
      publicKey: toBase64(box.publicKey),
      keyId: box.keyId,
      quotaBytes: 1e9,
      keyslots: [slot],
    };
  }

  test("go to their node, and a revoked device follows", async () => {
    await edge.addNode();
    const box = made("Alice@demo.test");
    const added = await owner.post("/mailboxes", box);
    expect(added.body).toMatchObject({ address: "alice@demo.test", appliedRevision: 1, revision: 1 });
    const told = edge.node.taken.at(-1);
    expect(told?.manifest).toMatchObject({ path: "/handoff/mailbox", mailbox: box.id });
    const last = await owner.delete(`/mailboxes/${box.id}/keyslots/${box.keyslots[0]?.id}`);
    expect(last.body).toMatchObject({ code: "last-slot" });
    expect((await stranger.get(`/mailboxes/${box.id}`)).status).toBe(404);
  });

  test("with a key that is not theirs, or in somebody else's domain, are refused", async () => {
    const box = made("bob@demo.test");
    expect((await owner.post("/mailboxes", { ...box, keyId: "0".repeat(32) })).body).toMatchObject({ code: "bad-key" });
    expect((await stranger.post("/mailboxes", box)).status).toBe(404);
    expect((await owner.post("/mailboxes", { ...box, address: "bob@elsewhere.test" })).status).toBe(404);
  });
});

describe("destinations", () => {
  const path = () => `/domains/${domain}/aliases`;
  const add = (pattern: string, ...destinations: Record<string, unknown>[]) =>
    owner.post(path(), { kind: "exact", pattern, destinations });
  const targets = (body: Record<string, unknown>): string[] =>
    (body["destinations"] as { kind: string; target: string }[]).map(({ kind, target }) => `${kind} ${target}`);

  test.each([
    ["our own host", { kind: "webhook", target: "https://mx.one.test/in" }],
    ["an address of the inside", { kind: "webhook", target: "https://10.0.0.1/in" }],
    [
      "a webhook by way of a mail host",
      { kind: "webhook", target: "https://hooks.other.test/", route: "mx.other.test:25" },
    ],
    ["an alias of another domain", { kind: "alias", target: "a@other.test" }],
    ["the domain itself", { kind: "domain", target: "demo.test" }],
    ["the alias itself", { kind: "address", target: "wrong@demo.test" }],
    ["a mailbox that is nobody's here", { kind: "mailbox", target: "01J00000000000000000000000" }],
  ])("%s is refused when it is written", async (_, destination) => {
    expect((await add("wrong", destination)).body).toMatchObject({ status: 422, errors: [{ field: "destinations" }] });
  });

  test("addresses of the domain itself become its aliases; what stays keeps its health until it is resumed", async () => {
    await add("inner", { kind: "address", target: "in@x.test" });
    const to = [
      { kind: "address", target: "Inner@demo.test" },
      { kind: "address", target: "out@x.test", route: "mx.x.test:2525" },
    ];
    const { body } = await add("outer", ...to);
    expect(targets(body)).toEqual(["alias inner@demo.test", "address out@x.test"]);
    const { id } = (body["destinations"] as { id: string }[])[1] ?? { id: "" };
    await edge.rows("update destination set paused_at = 5, failures = 9, trouble = '550 no' where id = ?", id);
    const one = `${path()}/${body["id"]}`;
    const kept = await owner.send("PATCH", one, {
      note: "x",
      destinations: [{ kind: "address", target: "new@x.test" }, ...to],
    });
    expect(kept.body["destinations"]).toMatchObject([{ pausedAt: null }, {}, { id, pausedAt: 5, trouble: "550 no" }]);
    expect((await stranger.post(`${one}/destinations/${id}/resume`, {})).status).toBe(404);
    expect((await owner.post(`${one}/destinations/${id}/resume`, {})).status).toBe(204);
    expect((await owner.get(one)).body["destinations"]).toMatchObject([{}, {}, { pausedAt: null, trouble: "" }]);
  });

  test("an import names mailboxes by address, as an export does, and nobody else's by id", async () => {
    const box = await edge.addMailbox(domain, "kept@demo.test");
    const foreign = await edge.addMailbox(
      await edge.addDomain("foreign.test", await edge.addAccount("f@x.test")),
      "f@foreign.test",
    );
    await add("kept-too", { kind: "mailbox", target: box.mailboxId });
    const plan = (text: string) => owner.post(`/domains/${domain}/import`, { source: "postern", text });
    const { body } = await owner.get(`/domains/${domain}/export`);
    expect((await plan(JSON.stringify(body))).body).toMatchObject({ ready: true, change: 0, create: 0 });
    const steal = { kind: "exact", pattern: "steal", destinations: [{ kind: "mailbox", target: foreign.mailboxId }] };
    expect((await plan(JSON.stringify([steal]))).body).toMatchObject({ ready: false });
  });
});

test("every answer says how much pace is left", async () => {
  const { headers } = await owner.get("/account");
  expect(headers.get("ratelimit-policy")).toBe('"minute";q=600;w=60');
  expect(headers.get("ratelimit")).toMatch(/^"minute";r=5\d\d;t=\d+$/);
});
