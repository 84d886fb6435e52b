/** Second factors against somebody who cheats: codes, recovery codes, passkeys, proofs, domains that demand one, limits. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { totpCode } from "../browser/totp.ts";
import { ApiClient } from "./api-client.ts";
import { Authenticator, type Bend } from "./authenticator.ts";
import { type Edge, startEdge } from "./world.ts";

const password = "a long demo password";
let edge: Edge;
let nobody: ApiClient;

beforeAll(async () => {
  edge = await startEdge();
  nobody = new ApiClient(edge.url);
  await ApiClient.owner(edge.url, "op@a.test");
});
beforeEach(() => edge.env.DIRECTORY.exec("delete from attempt"));
afterAll(() => edge.close());

/** A new account with the operator's password hash, signed in. */
async function account(email: string): Promise<ApiClient> {
  const id = await edge.addAccount(email);
  await edge.env.DIRECTORY.prepare(
    "update account set password = (select password from account where email = 'op@a.test') where id = ?",
  )
    .bind(id)
    .run();
  return signedIn(email);
}

async function signedIn(email: string, code?: string): Promise<ApiClient> {
  const client = new ApiClient(edge.url);
  const { status, body } = await client.post("/session", { email, password, code });
  expect(status, JSON.stringify(body)).toBe(200);
  return client;
}

/** Codes switched on by that of this moment; the next that counts is of a later step, which the drift allows. */
async function withCodes(client: ApiClient): Promise<{ secret: string; codes: string[] }> {
  const secret = String((await client.post("/account/totp", {})).body["secret"]);
  const { status, body } = await client.post("/account/totp/confirm", { code: totpCode(secret, Date.now()) });
  expect(status, JSON.stringify(body)).toBe(200);
  return { secret, codes: body["codes"] as string[] };
}

describe("codes", () => {
  test("one is good once, also for two at the same moment; old and far ones are not", async () => {
    const { secret } = await withCodes(await account("ana@a.test"));
    const enter = async (code: string) =>
      (await nobody.post("/session", { email: "ana@a.test", password, code })).status;
    for (const steps of [-10, -3, 4, 10]) expect(await enter(totpCode(secret, Date.now() + steps * 30_000))).toBe(401);
    const code = totpCode(secret, Date.now() + 30_000);
    expect((await Promise.all([enter(code), enter(code)])).sort()).toEqual([200, 401]);
    expect(await enter(code)).toBe(401);
    const before = totpCode(secret, Date.now()); // older than the one taken
    expect(await enter(before)).toBe(401);
  });

  test("guesses are few, for the account as a whole", async () => {
    const { secret, codes } = await withCodes(await account("bea@a.test"));
    const enter = (code: string) => nobody.post("/session", { email: "bea@a.test", password, code });
    await enter("000000");
    await edge.env.DIRECTORY.exec("update attempt set count = 10 where key like 'second-factor%'");
    for (const code of [totpCode(secret, Date.now() + 30_000), codes[0] ?? ""])
      expect((await enter(code)).body).toMatchObject({ status: 429, code: "too-many" });
  });

  test("the secret lies encrypted, and a pending one is no second factor", async () => {
    const client = await account("cleo@a.test");
    const secret = String((await client.post("/account/totp", {})).body["secret"]);
    const [row] = await edge.rows<{ secret: string }>("select secret from totp where confirmed_at is null");
    expect(row?.secret).not.toContain(secret);
    const code = totpCode(secret, Date.now());
    expect((await client.post("/session/proof", { password, code })).status).toBe(204);
    const strong = await edge.rows(
      "select s.strong from session s join account a on a.id = s.account where a.email = 'cleo@a.test'",
    );
    expect(strong).toEqual([{ strong: 0 }]);
    expect((await client.post("/account/totp/confirm", { code })).status).toBe(200);
    expect((await client.post("/account/totp", {})).body).toMatchObject({ code: "totp-on" });
  });
});

describe("recovery codes", () => {
  test("each opens once, of this account only, however it is written; hashed at rest", async () => {
    const { codes } = await withCodes(await account("dora@a.test"));
    const other = await withCodes(await account("eve@a.test"));
    const [one = "", two = ""] = codes;
    const dump = JSON.stringify(await edge.rows("select * from recovery_code"));
    for (const code of codes) expect(dump).not.toContain(code);
    const enter = async (email: string, code: string) =>
      (await nobody.post("/session", { email, password, code })).status;
    expect(await enter("dora@a.test", other.codes[0] ?? "")).toBe(401);
    expect((await Promise.all([enter("dora@a.test", one), enter("dora@a.test", one)])).sort()).toEqual([200, 401]);
    expect(await enter("dora@a.test", two.toUpperCase().replace("-", " "))).toBe(200);
    expect(await enter("dora@a.test", two)).toBe(401);
    const used = await edge.rows("select 1 from audit where act = 'recovery-code.used'");
    expect(used).toHaveLength(2);
  });

  test("new ones end the old, and switching codes off ends them all", async () => {
    const client = await account("fay@a.test");
    const { codes } = await withCodes(client);
    const fresh = await client.post("/account/recovery-codes", {});
    const enter = async (code: string) =>
      (await nobody.post("/session", { email: "fay@a.test", password, code })).status;
    expect(await enter(codes[0] ?? "")).toBe(401);
    expect(await enter((fresh.body["codes"] as string[])[0] ?? "")).toBe(200);
    expect((await client.delete("/account/totp")).status).toBe(204);
    const left = "select 1 from recovery_code r join account a on a.id = r.account where a.email = 'fay@a.test'";
    expect(await edge.rows(left)).toEqual([]);
    expect((await client.post("/account/recovery-codes", {})).body).toMatchObject({ code: "totp-off" });
  });
});

describe("a dangerous act", () => {
  test("asks again after a quarter of an hour, and for the code where there is one", async () => {
    const client = await account("gil@a.test");
    const { codes } = await withCodes(client);
    await edge.env.DIRECTORY.prepare("update session set proved_at = ?")
      .bind(Date.now() - 16 * 60_000)
      .run();
    const make = () => client.post("/account/keys", { name: "k", scopes: ["domains:read"] });
    expect((await make()).body).toMatchObject({ status: 403, code: "prove-again" });
    expect((await client.post("/session/proof", { password: "wrong" })).status).toBe(401);
    expect((await client.post("/session/proof", { password })).body).toMatchObject({ code: "second-factor-needed" });
    expect((await make()).status).toBe(403);
    expect((await client.post("/session/proof", { password, code: codes[0] })).status).toBe(204);
    expect((await make()).status).toBe(201);
  });
});

describe("a domain that demands a second factor", () => {
  test("is closed to keys made without one, and to members who have none", async () => {
    const client = await account("hal@a.test");
    const weak = await client.post("/account/keys", {
      name: "weak",
      scopes: ["domains:read", "mailboxes:read", "activity:read"],
    });
    const id = await client.domain("strict.test");
    const { codes } = await withCodes(client);
    const strong = await client.post("/account/keys", { name: "strong", scopes: ["domains:read"] });
    expect((await client.send("PUT", `/domains/${id}/mfa`, { mfa: true })).status).toBe(204);
    const by = (key: typeof weak) => ({ authorization: `Bearer ${key.body["text"]}` });
    expect((await nobody.get(`/domains/${id}`, by(weak))).body).toMatchObject({ code: "second-factor-needed" });
    expect((await nobody.get("/domains", by(weak))).body).toMatchObject({ items: [] });
    expect((await nobody.get(`/activity?domain=${id}`, by(weak))).status).toBe(404);
    expect((await nobody.get(`/domains/${id}`, by(strong))).status).toBe(200);
    const member = await account("ida@a.test");
    const [row] = await edge.rows<{ id: string }>("select id from account where email = 'ida@a.test'");
    await edge.insert("membership", { account: row?.id ?? "", domain: id, role: "owner", created_at: Date.now() });
    expect((await member.get(`/domains/${id}/members`)).body).toMatchObject({ code: "second-factor-needed" });
    expect((await member.send("PUT", `/domains/${id}/mfa`, { mfa: false })).status).toBe(403);
    expect(codes).toHaveLength(10);
  });

  test("closes again when the last factor goes", async () => {
    const client = await account("jo@a.test");
    const id = await client.domain("closing.test");
    await withCodes(client);
    const key = await client.post("/account/keys", { name: "k", scopes: ["domains:read"] });
    await client.send("PUT", `/domains/${id}/mfa`, { mfa: true });
    expect((await client.get(`/domains/${id}`)).status).toBe(200);
    await client.delete("/account/totp");
    expect((await client.get(`/domains/${id}`)).status).toBe(403);
    const by = { authorization: `Bearer ${key.body["text"]}` };
    expect((await nobody.get(`/domains/${id}`, by)).status).toBe(403);
  });
});

describe("a passkey", () => {
  let client: ApiClient;
  let passkey: Authenticator;
  const question = async (path: string, by = nobody) => String((await by.post(path, {})).body["challenge"]);
  const signIn = async (bend: Bend = {}, challenge?: string) => {
    const asked = challenge ?? (await question("/session/passkey/question"));
    return new ApiClient(edge.url).post("/session/passkey", passkey.answer(asked, bend));
  };

  beforeAll(async () => {
    client = await account("kim@a.test");
    passkey = new Authenticator(edge.url);
  });

  test("is added for its own question, origin, host and a verified user only", async () => {
    const bends: Bend[] = [
      { origin: "https://evil.example" },
      { rpId: "evil.example" },
      { type: "webauthn.get" },
      { crossOrigin: true },
      { flags: 1 },
      { flags: 4 },
    ];
    const add = async (bend: Bend, challenge?: string) => {
      const asked = challenge ?? (await question("/account/passkeys/question", client));
      return client.post("/account/passkeys", passkey.register(asked, bend));
    };
    for (const bend of bends)
      expect((await add(bend)).body, JSON.stringify(bend)).toMatchObject({ code: "passkey-refused" });
    expect((await add({}, await question("/session/passkey/question"))).status).toBe(401);
    const other = await account("lea@a.test");
    expect((await add({}, await question("/account/passkeys/question", other))).status).toBe(401);
    expect((await add({}, "x".repeat(43))).status).toBe(401);
    const asked = await question("/account/passkeys/question", client);
    expect((await add({}, asked)).status).toBe(204);
    expect((await add({}, asked)).status).toBe(401);
    expect((await add({})).body).toMatchObject({ code: "passkey-known" });
  });

  test("signs in alone, as two factors, and only straight", async () => {
    const bends: Bend[] = [
      { origin: "https://evil.example" },
      { rpId: "evil.example" },
      { type: "webauthn.create" },
      { crossOrigin: true },
      { flags: 1 },
      { flags: 4 },
      { spoil: true },
    ];
    for (const bend of bends)
      expect((await signIn(bend)).body, JSON.stringify(bend)).toMatchObject({ code: "passkey-refused" });
    expect((await signIn()).status).toBe(200);
    const [row] = await edge.rows<{ strong: number }>("select strong from session order by created_at desc limit 1");
    expect(row?.strong).toBe(1);
  });

  test("a question is answered once, of its own kind, in time", async () => {
    const asked = await question("/session/passkey/question");
    expect((await signIn({}, asked)).status).toBe(200);
    expect((await signIn({}, asked)).status).toBe(401);
    expect((await signIn({}, await question("/account/passkeys/question", client))).status).toBe(401);
    const late = await question("/session/passkey/question");
    await edge.env.DIRECTORY.exec(`update challenge set expires_at = ${Date.now() - 1}`);
    expect((await signIn({}, late)).status).toBe(401);
  });

  test("a counter that stands still or goes back is a copied key", async () => {
    expect((await signIn({ counter: 100 })).status).toBe(200);
    for (const counter of [100, 99, 0]) expect((await signIn({ counter })).status, String(counter)).toBe(401);
    expect((await signIn({ counter: 101 })).status).toBe(200);
    passkey.counter = 102;
  });

  test("proves its owner again, and nobody else", async () => {
    await edge.env.DIRECTORY.exec("update session set proved_at = 0");
    const asked = await question("/session/passkey/question");
    const other = await signedIn("lea@a.test");
    expect((await other.post("/session/proof/passkey", passkey.answer(asked))).status).toBe(401);
    const again = await question("/session/passkey/question");
    expect((await client.post("/session/proof/passkey", passkey.answer(again))).status).toBe(204);
    expect((await client.post("/account/totp", {})).status).toBe(201);
  });

  test("a frozen account's opens nothing, nor does a removed one", async () => {
    await edge.env.DIRECTORY.exec("update account set state = 'frozen' where email = 'kim@a.test'");
    expect((await signIn()).status).toBe(401);
    await edge.env.DIRECTORY.exec("update account set state = 'active' where email = 'kim@a.test'");
    expect((await client.delete(`/account/passkeys/${passkey.id.toString("base64url")}`)).status).toBe(204);
    expect((await signIn()).status).toBe(401);
  });
});

describe("keys", () => {
  test("hashed at rest, gone at once, over when they expire; their use is noted", async () => {
    const client = await account("mia@a.test");
    const made = await client.post("/account/keys", {
      name: "k",
      scopes: ["domains:read"],
      expiresAt: Date.now() + 60_000,
    });
    const text = String(made.body["text"]);
    const by = { authorization: `Bearer ${text}` };
    expect(JSON.stringify(await edge.rows("select * from api_key"))).not.toContain(text.split("_")[2]);
    expect((await nobody.get("/domains", by)).status).toBe(200);
    const list = (await client.get("/account/keys")).body["items"] as { lastUsedAt: number; text?: string }[];
    expect(list[0]).toMatchObject({ lastUsedAt: expect.any(Number) });
    expect(list[0]?.text).toBeUndefined();
    for (const spoilt of [`${text}x`, text.slice(0, -1), text.replace("pst_", "pst-"), text.toLowerCase()])
      expect((await nobody.get("/domains", { authorization: `Bearer ${spoilt}` })).status).toBe(401);
    expect((await nobody.get("/domains", { ...by, cookie: client.cookie })).status).toBe(200);
    await edge.env.DIRECTORY.exec(`update api_key set expires_at = ${Date.now() - 1}`);
    expect((await nobody.get("/domains", by)).status).toBe(401);
  });

  test("an expiry in the past makes no key", async () => {
    const client = await signedIn("mia@a.test");
    const made = await client.post("/account/keys", { name: "k", scopes: ["domains:read"], expiresAt: Date.now() - 1 });
    expect(made.body).toMatchObject({ status: 422, errors: [{ field: "expiresAt" }] });
  });

  test("a bad key is no reason to fall back on the cookie", async () => {
    const client = await signedIn("mia@a.test");
    const bad = { authorization: `Bearer pst_${"0".repeat(26)}_${"x".repeat(43)}` };
    expect((await client.get("/domains", bad)).status).toBe(401);
  });
});

describe("guessing a password", () => {
  test("is stopped per account whatever the address, and the right one waits too", async () => {
    await account("nan@a.test");
    await edge.env.DIRECTORY.exec("delete from attempt");
    const guess = (text: string, ip: string) =>
      nobody.post("/session", { email: "nan@a.test", password: text }, { "cf-connecting-ip": ip });
    await guess("wrong", "192.0.2.1");
    await edge.env.DIRECTORY.exec("update attempt set count = 60 where key like 'sign-in-account%'");
    for (const text of ["wrong", password])
      expect((await guess(text, "192.0.2.99")).body).toMatchObject({ status: 429, code: "too-many" });
  });

  test("an unknown account is limited just like a known one", async () => {
    const guess = () => nobody.post("/session", { email: "unknown@a.test", password: "wrong" });
    await guess();
    await edge.env.DIRECTORY.exec("update attempt set count = 60 where key like 'sign-in-account%'");
    expect((await guess()).status).toBe(429);
  });
});
