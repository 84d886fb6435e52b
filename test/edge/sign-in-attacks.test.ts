/** Sign-in as somebody who has stolen a part of it: an old password, a session, a network, a link, a role that is gone. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { totpCode } from "../browser/totp.ts";
import { ApiClient } from "./api-client.ts";
import { lettersTo, letterTo, tokenIn, withWayOut } from "./mailed.ts";
import { type Edge, startEdge } from "./world.ts";

const password = "three calm green doors";
const second = "seven loud brass horns";
let edge: Edge;
let nobody: ApiClient;

beforeAll(async () => {
  edge = await startEdge();
  await withWayOut(edge);
  nobody = new ApiClient(edge.url);
  const operator = { email: "op@a.test", password, token: "a-setup-token-for-tests" };
  expect((await nobody.post("/setup", operator)).status).toBe(201);
  nobody.cookie = "";
});
beforeEach(() => edge.env.DIRECTORY.exec("delete from attempt"));
afterAll(() => edge.close());

async function account(email: string): Promise<{ id: string; client: ApiClient }> {
  const id = await edge.addAccount(email);
  await edge.env.DIRECTORY.prepare(
    "update account set email_verified_at = 1, password = (select password from account where email = 'op@a.test') where id = ?",
  )
    .bind(id)
    .run();
  const client = new ApiClient(edge.url);
  expect((await client.post("/session", { email, password })).status).toBe(200);
  return { id, client };
}

async function withCodes(client: ApiClient): Promise<string> {
  const secret = String((await client.post("/account/totp", {})).body["secret"]);
  expect((await client.post("/account/totp/confirm", { code: totpCode(secret, Date.now()) })).status).toBe(200);
  return secret;
}

async function post(path: string, fields: Record<string, string>, headers: Record<string, string> = {}) {
  const body = new URLSearchParams(fields);
  const response = await fetch(new URL(path, edge.url), { method: "POST", redirect: "manual", headers, body });
  return { status: response.status, to: response.headers.get("location"), text: await response.text(), response };
}

describe("a password that is changed", () => {
  const change = (client: ApiClient) =>
    client.send("PUT", "/account/password", { current: password, password: second });

  // Regression: the link to another address stayed good for a day, and made the account the thief's.
  test("ends links that were asked for before, the one to another address too", async () => {
    const { client } = await account("ana@a.test");
    expect((await client.send("PUT", "/account/email", { email: "thief@b.test" })).status).toBe(204);
    const confirm = tokenIn(await letterTo(edge, "thief@b.test"), "confirm");
    await nobody.post("/password/forgotten", { email: "ana@a.test" });
    const reset = tokenIn(await letterTo(edge, "ana@a.test"), "reset");
    expect((await change(client)).status).toBe(204);
    expect((await nobody.post("/email/confirm", { token: confirm })).body).toMatchObject({ code: "link-gone" });
    expect((await nobody.post("/password/reset", { token: reset, password })).body).toMatchObject({
      code: "link-gone",
    });
  });

  // Regression: whoever had given the old one had ten minutes to find a code for it.
  test("ends sign-ins that wait for their code, and the other sessions", async () => {
    const { client } = await account("bea@a.test");
    const secret = await withCodes(client);
    const { text } = await post("/sign-in", { email: "bea@a.test", password });
    const challenge = /name="challenge" value="([^"]+)"/.exec(text)?.[1] ?? "";
    expect(challenge).not.toBe("");
    expect((await change(client)).status).toBe(204);
    const late = await post("/sign-in/code", { challenge, code: totpCode(secret, Date.now() + 30_000) });
    expect(late.status).toBe(401);
    expect(late.response.headers.get("set-cookie")).toBeNull();
  });

  // Regression: the same, by the button for it.
  test("is not needed for that: signing out everywhere else does it too", async () => {
    const { client } = await account("cas@a.test");
    await client.send("PUT", "/account/email", { email: "thief2@b.test" });
    const token = tokenIn(await letterTo(edge, "thief2@b.test"), "confirm");
    expect((await client.delete("/account/sessions")).status).toBe(204);
    expect((await nobody.post("/email/confirm", { token })).status).toBe(404);
  });
});

describe("an address that is changed", () => {
  test("ends reset links of the old one", async () => {
    const { client } = await account("dee@a.test");
    await nobody.post("/password/forgotten", { email: "dee@a.test" });
    const reset = tokenIn(await letterTo(edge, "dee@a.test"), "reset");
    await client.send("PUT", "/account/email", { email: "dee@b.test" });
    const token = tokenIn(await letterTo(edge, "dee@b.test"), "confirm");
    expect((await nobody.post("/email/confirm", { token })).status).toBe(204);
    expect((await nobody.post("/password/reset", { token: reset, password: second })).status).toBe(404);
  });

  // Regression: the letter named a page that can do nothing for an address without an account.
  test("is told to the old one, which is not sent to a page that can't help it", async () => {
    const notice = () => lettersTo(edge, "dee@a.test").find(({ text }) => text.includes("another address now"));
    await expect.poll(notice, { timeout: 30_000 }).toBeDefined();
    expect(notice()?.text).not.toContain("/forgotten");
    expect(notice()?.text).toContain("/undo/");
  });
});

describe("guessing", () => {
  const guess = (email: string, word: string, ip: string) =>
    nobody.post("/session", { email, password: word }, { "cf-connecting-ip": ip });
  const set = (name: string, to: number) =>
    edge.env.DIRECTORY.exec(`update attempt set count = ${to} where key like '${name}:%'`);

  // Regression: thirty tries in a quarter of an hour from one address were enough to keep an owner out for the hour.
  test("from one address does not keep the owner out", async () => {
    await account("eve@a.test");
    const statuses = [];
    for (let i = 0; i < 12; i++) statuses.push((await guess("eve@a.test", "wrong", "192.0.2.1")).status);
    expect(statuses.indexOf(429)).toBe(10);
    expect((await guess("eve@a.test", password, "192.0.2.2")).status).toBe(200);
  });

  // Regression: many addresses at once still do, but not where the owner has signed in before.
  test("from everywhere does not keep the owner out of a place they have signed in from", async () => {
    await account("fay@a.test");
    expect((await guess("fay@a.test", password, "198.51.100.7")).status).toBe(200);
    await guess("fay@a.test", "wrong", "192.0.2.9");
    await set("sign-in-account", 60);
    expect((await guess("fay@a.test", password, "192.0.2.10")).status).toBe(429);
    expect((await guess("fay@a.test", password, "198.51.100.7")).status).toBe(200);
  });

  test("counts a whole /64 as one, and the next one apart", async () => {
    for (let i = 0; i < 30; i++) await guess(`nobody${i}@a.test`, "wrong", `2001:db8:0:1::${i}`);
    expect((await guess("gil@a.test", "wrong", "2001:db8:0:1:ffff:ffff:ffff:ffff")).status).toBe(429);
    expect((await guess("gil@a.test", "wrong", "2001:db8:0:2::1")).status).toBe(401);
  });

  // Regression: ten codes in each quarter of an hour are one chance in three hundred a day, for ever and unheard.
  test("at codes is bounded by the day too, and its owner is told", async () => {
    const { client } = await account("hal@a.test");
    await withCodes(client);
    const enter = (code: string) => nobody.post("/session", { email: "hal@a.test", password, code });
    const statuses = [];
    for (let i = 0; i < 11; i++) statuses.push((await enter("000000")).status);
    expect(statuses).toEqual([...Array.from({ length: 10 }, () => 401), 429]);
    const told = () => lettersTo(edge, "hal@a.test").filter(({ text }) => text.includes("wrong codes"));
    await expect.poll(() => told().length, { timeout: 30_000 }).toBe(1);
    await set("second-factor-day", 50);
    await set("second-factor", 0);
    expect((await enter("000000")).status).toBe(429);
  });
});

describe("a session", () => {
  test("is never the one that the browser came with, and its cookie is out of scripts' reach", async () => {
    const { client } = await account("ida@a.test");
    const planted = `postern=${"A".repeat(43)}`;
    const { response } = await post("/sign-in", { email: "ida@a.test", password }, { cookie: planted });
    const cookie = response.headers.get("set-cookie") ?? "";
    expect(cookie).toMatch(/^postern=[\w-]{43};/);
    expect(cookie).not.toContain(planted);
    expect(cookie).toMatch(/HttpOnly/);
    expect(cookie).toMatch(/SameSite=Lax/);
    expect(cookie).toMatch(/Path=\//);
    expect((await fetch(new URL("/api/account", edge.url), { headers: { cookie: planted } })).status).toBe(401);
    expect((await client.get("/account")).status).toBe(200);
  });

  test("is pinned to the host over https: no other host, and no plain page, can plant one", async () => {
    const ask = (path: string, init: { method?: string; headers: Record<string, string>; body?: string }) =>
      edge.worker.fetch(`https://edge.example${path}`, { redirect: "manual", ...init });
    const answer = await ask("/sign-in", {
      method: "POST",
      headers: { "content-type": "application/x-www-form-urlencoded" },
      body: new URLSearchParams({ email: "ida@a.test", password }).toString(),
    });
    const cookie = answer.headers.get("set-cookie") ?? "";
    expect(cookie).toMatch(/^__Host-postern=[\w-]{43};/);
    for (const part of [/; Secure/, /; HttpOnly/, /; SameSite=Lax/, /; Path=\/(;|$)/]) expect(cookie).toMatch(part);
    expect(cookie).not.toMatch(/Domain/i);
    expect(answer.headers.get("strict-transport-security")).toContain("max-age");
    const [pair = ""] = cookie.split(";");
    expect((await ask("/api/account", { headers: { cookie: pair } })).status).toBe(200);
    const plain = pair.replace("__Host-", "");
    expect((await ask("/api/account", { headers: { cookie: plain } })).status).toBe(401);
  });

  test("of a stranger's is not put into a browser by another site's form", async () => {
    for (const headers of [
      { origin: "https://evil.example" },
      { origin: "null" },
      { "sec-fetch-site": "cross-site" },
      { "sec-fetch-site": "same-site" },
    ]) {
      const { status, response } = await post("/sign-in", { email: "ida@a.test", password }, headers);
      expect([status, response.headers.get("set-cookie")], JSON.stringify(headers)).toEqual([403, null]);
    }
  });

  test("goes on to pages of ours only", async () => {
    for (const next of ["https://evil.example", "//evil.example", "/\\evil.example", "/\t/evil.example", "evil"]) {
      const { to } = await post("/sign-in", { email: "ida@a.test", password, next });
      expect(to, next).toBe("/");
      const page = await fetch(new URL(`/sign-in?next=${encodeURIComponent(next)}`, edge.url));
      expect(await page.text(), next).not.toContain("evil");
    }
  });
});

test("a link that proves an address proves no other account's, nor another address", async () => {
  const { id, client } = await account("jo@a.test");
  await edge.env.DIRECTORY.exec("update account set email_verified_at = null where email = 'jo@a.test'");
  await client.post("/account/email/link", {});
  const token = tokenIn(await letterTo(edge, "jo@a.test"), "confirm");
  const other = await account("kim@a.test");
  await edge.env.DIRECTORY.exec("update account set email_verified_at = null where email = 'kim@a.test'");
  await edge.env.DIRECTORY.exec("update account set email = 'jo2@a.test' where email = 'jo@a.test'");
  expect((await other.client.post("/email/confirm", { token })).status).toBe(204);
  const proven = await edge.rows("select 1 from account where email_verified_at is not null and email <> 'op@a.test'");
  const touched = await edge.rows(
    "select 1 from account where id in (?, ?) and email_verified_at is not null",
    id,
    other.id,
  );
  expect(proven.length).toBeGreaterThan(0);
  expect(touched).toEqual([]);
});

describe("an owner who is one no more", () => {
  // Regression: an invitation made before was good for a week, and brought them back as an owner.
  test.each(["removed", "demoted"])("has no invitations left: %s", async (how) => {
    const owner = await account(`owner-${how}@a.test`);
    const domain = String((await owner.client.post("/domains", { name: `${how}.test` })).body["id"]);
    const thief = await account(`thief-${how}@a.test`);
    await edge.insert("membership", { account: thief.id, domain, role: "owner", created_at: Date.now() });
    const path = `/domains/${domain}/invitations`;
    const { body } = await thief.client.post(path, { email: `back-${how}@b.test`, role: "owner" });
    await owner.client.post(path, { email: `kept-${how}@b.test`, role: "member" });
    const member = `/domains/${domain}/members/${thief.id}`;
    const done =
      how === "removed" ? owner.client.delete(member) : owner.client.send("PATCH", member, { role: "admin" });
    expect((await done).status).toBeLessThan(300);
    const join = await nobody.post("/invitations/join", { token: body["token"], password: second });
    expect(join.body).toMatchObject({ code: "no-invitation" });
    expect((await owner.client.get(path)).body["items"]).toMatchObject([{ email: `kept-${how}@b.test` }]);
  });

  test("keeps them where the last owner was to go", async () => {
    const { id, client } = await account("last@a.test");
    const domain = String((await client.post("/domains", { name: "last.test" })).body["id"]);
    await client.post(`/domains/${domain}/invitations`, { email: "x@b.test", role: "member" });
    expect((await client.delete(`/domains/${domain}/members/${id}`)).status).toBe(409);
    expect((await client.get(`/domains/${domain}/invitations`)).body["items"]).toHaveLength(1);
  });
});
