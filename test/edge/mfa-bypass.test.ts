/** A domain's demand for a second factor against somebody who has a password or reads somebody's mail, and no factor of theirs. */
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { ApiClient } from "./api-client.ts";
import { Authenticator } from "./authenticator.ts";
import { lettersTo, tokenIn, withWayOut } from "./mailed.ts";
import { type Edge, startEdge } from "./world.ts";

const password = "three calm green doors";
let edge: Edge;
let owner: ApiClient;
let passkey: Authenticator;
let domain: string;
const email = "op@a.test";

beforeAll(async () => {
  edge = await startEdge();
  await withWayOut(edge);
  owner = new ApiClient(edge.url);
  expect((await owner.post("/setup", { email, password, token: "a-setup-token-for-tests" })).status).toBe(201);
  await edge.env.DIRECTORY.exec("update account set email_verified_at = 1");
  passkey = new Authenticator(edge.url);
  expect((await addPasskey(owner, passkey)).status).toBe(204);
  expect(await proveBy(owner, passkey)).toBe(204);
  domain = String((await owner.post("/domains", { name: "a.test" })).body["id"]);
  expect((await owner.send("PUT", `/domains/${domain}/mfa`, { mfa: true })).status).toBe(204);
});
beforeEach(() => edge.env.DIRECTORY.exec("delete from attempt"));
afterAll(() => edge.close());

async function addPasskey(client: ApiClient, one: Authenticator) {
  const asked = await client.post("/account/passkeys/question", {});
  if (asked.status !== 200) return asked;
  return client.post("/account/passkeys", one.register(String(asked.body["challenge"])));
}

async function proveBy(client: ApiClient, one: Authenticator): Promise<number> {
  const { body } = await client.post("/session/passkey/question", {});
  return (await client.post("/session/proof/passkey", one.answer(String(body["challenge"])))).status;
}

async function byPassword(word = password): Promise<ApiClient> {
  const client = new ApiClient(edge.url);
  expect((await client.post("/session", { email, password: word })).status).toBe(200);
  return client;
}

const idOf = (one: Authenticator): string => one.id.toString("base64url");

// Regression: the password alone made a second factor, which the domain then took for its owner's.
test("the password alone changes no factor while a domain relies on one", async () => {
  const thief = await byPassword();
  expect((await thief.get(`/domains/${domain}`)).status).toBe(403);
  const tries = [
    thief.post("/account/totp", {}),
    thief.delete("/account/totp"),
    thief.post("/account/recovery-codes", {}),
    addPasskey(thief, new Authenticator(edge.url)),
    thief.delete(`/account/passkeys/${idOf(passkey)}`),
  ];
  for (const { status, body } of await Promise.all(tries))
    expect({ status, body }).toMatchObject({ status: 403, body: { code: "second-factor-needed" } });
  expect(await edge.rows("select id from passkey")).toHaveLength(1);
  expect((await thief.get(`/domains/${domain}`)).status).toBe(403);
  expect(await proveBy(thief, passkey)).toBe(204); // it was the owner after all
  expect((await thief.post("/account/totp", {})).status).toBe(201);
  await thief.delete("/account/totp");
});

// Regression: a mailed link took the passkeys off, and the way to a new factor was free.
test("a mailed link takes no passkey off that a domain relies on", async () => {
  await owner.post("/account/keys", { name: "k", scopes: ["domains:read"] });
  expect((await owner.post("/password/forgotten", { email })).status).toBe(204);
  const letter = () => lettersTo(edge, email).find(({ text }) => text.includes("/reset/"));
  await expect.poll(letter, { timeout: 30_000 }).toBeDefined();
  const token = tokenIn(letter() ?? { subject: "", text: "" }, "reset");
  const reset = await owner.post("/password/reset", { token, password, alsoKeys: true });
  expect(reset.status).toBe(204);
  expect(await edge.rows("select id from passkey")).toHaveLength(1);
  expect(await edge.rows("select id from api_key")).toEqual([]);
  const thief = await byPassword();
  expect((await thief.post("/account/totp", {})).body).toMatchObject({ code: "second-factor-needed" });
});

test("recovery codes stand in for a passkey that is lost", async () => {
  owner = await byPassword();
  expect(await proveBy(owner, passkey)).toBe(204);
  const { status, body } = await owner.post("/account/recovery-codes", {});
  expect(status).toBe(200);
  const [code = ""] = body["codes"] as string[];
  const again = await byPassword();
  expect((await again.post("/session/proof", { password, code: "aaaaa-aaaaa" })).status).toBe(401);
  expect((await again.post("/session/proof", { password, code })).status).toBe(204);
  expect((await again.get(`/domains/${domain}`)).status).toBe(200);
  expect((await addPasskey(again, new Authenticator(edge.url))).status).toBe(204);
  expect((await (await byPassword()).post("/session/proof", { password, code })).status).toBe(401);
});

test("where no domain demands it, the password changes factors as before; the last to go takes the codes along", async () => {
  await edge.env.DIRECTORY.exec("update domain set mfa = 0");
  const client = await byPassword();
  const passkeys = await edge.rows<{ id: string }>("select id from passkey");
  expect(passkeys).toHaveLength(2);
  expect(await edge.rows("select 1 from recovery_code")).toHaveLength(10);
  for (const { id } of passkeys) expect((await client.delete(`/account/passkeys/${id}`)).status).toBe(204);
  expect(await edge.rows("select 1 from recovery_code")).toEqual([]);
  expect((await client.post("/account/recovery-codes", {})).body).toMatchObject({ code: "totp-off" });
});
