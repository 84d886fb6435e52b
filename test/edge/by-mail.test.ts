/** Accounts by mailed links: made, their password forgotten, their address proven and changed; and left. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { totpCode } from "../browser/totp.ts";
import { ApiClient } from "./api-client.ts";
import { lettersTo, letterTo, tokenIn, withWayOut } from "./mailed.ts";
import { type Edge, startEdge } from "./world.ts";

const first = "three calm green doors";
const second = "seven loud brass horns";
let edge: Edge;
let nobody: ApiClient;

beforeAll(async () => {
  edge = await startEdge({}, { SIGN_UP: "open" });
  nobody = new ApiClient(edge.url);
});
beforeEach(() => edge.env.DIRECTORY.exec("delete from attempt"));
afterAll(() => edge.close());

/** An account made by its mailed link, signed in. */
async function made(email: string): Promise<ApiClient> {
  expect((await nobody.post("/sign-up", { email })).status).toBe(204);
  const token = tokenIn(await letterTo(edge, email), "sign-up");
  const client = new ApiClient(edge.url);
  expect((await client.post("/sign-up/finish", { token, password: first })).status).toBe(201);
  return client;
}

const count = () => edge.rows<{ n: number }>("select count(*) as n from account").then(([row]) => row?.n);

test("without a node there is no way out, and that is said to everybody", async () => {
  const known = await edge.addAccount("known@a.test");
  for (const email of ["known@a.test", "unknown@a.test"])
    expect((await nobody.post("/password/forgotten", { email })).body).toMatchObject({
      status: 503,
      code: "no-way-out",
    });
  await edge.env.DIRECTORY.prepare("delete from account where id = ?").bind(known).run();
  await withWayOut(edge);
});

describe("making an account", () => {
  test("asking makes none; the link makes it once, proven", async () => {
    expect((await nobody.post("/sign-up", { email: "Ana@A.test" })).status).toBe(204);
    const token = tokenIn(await letterTo(edge, "ana@a.test"), "sign-up");
    expect(await count()).toBe(0);
    expect((await fetch(new URL(`/sign-up/${token}`, edge.url))).status).toBe(200); // opening it is no answer
    const weak = await nobody.post("/sign-up/finish", { token, password: "aaaaaaaaaaaaa" });
    expect(weak.body).toMatchObject({ code: "weak-password" }); // and does not use it up
    const both = [first, first].map((password) => new ApiClient(edge.url).post("/sign-up/finish", { token, password }));
    expect((await Promise.all(both)).map(({ status }) => status).sort()).toEqual([201, 404]);
    expect(await edge.rows("select email_verified_at > 0 as proven from account")).toEqual([{ proven: 1 }]);
  });

  test("an address that has one is answered alike, and told so by mail only", async () => {
    const fresh = await nobody.post("/sign-up", { email: "fresh@a.test" });
    const known = await nobody.post("/sign-up", { email: "ana@a.test" });
    expect([known.status, known.body]).toEqual([fresh.status, fresh.body]);
    expect(await letterTo(edge, "ana@a.test", 2)).toMatchObject({ subject: "You have an account here" });
    expect(await count()).toBe(1);
  });

  test("a newer link replaces the older one", async () => {
    await nobody.post("/sign-up", { email: "twice@a.test" });
    const old = tokenIn(await letterTo(edge, "twice@a.test"), "sign-up");
    await nobody.post("/sign-up", { email: "twice@a.test" });
    await letterTo(edge, "twice@a.test", 2);
    expect((await nobody.post("/sign-up/finish", { token: old, password: first })).status).toBe(404);
  });

  test("a link that is too old, of another kind or made up is gone", async () => {
    await nobody.post("/sign-up", { email: "late@a.test" });
    const token = tokenIn(await letterTo(edge, "late@a.test"), "sign-up");
    expect((await nobody.post("/password/reset", { token, password: second })).status).toBe(404);
    expect((await nobody.post("/email/confirm", { token })).status).toBe(404);
    await edge.env.DIRECTORY.prepare("update challenge set expires_at = ? where email = 'late@a.test'")
      .bind(Date.now() - 1)
      .run();
    for (const given of [token, "x".repeat(43)])
      expect((await nobody.post("/sign-up/finish", { token: given, password: first })).body).toMatchObject({
        status: 404,
        code: "link-gone",
      });
  });

  test("letters to one address are few, whoever asks and whether or not it has an account", async () => {
    for (const email of ["ana@a.test", "flood@a.test"]) {
      const statuses = [];
      for (let i = 0; i < 6; i++) statuses.push((await nobody.post("/password/forgotten", { email })).status);
      expect(statuses).toEqual([204, 204, 204, 204, 204, 429]);
    }
  });
});

describe("a forgotten password", () => {
  test("is answered alike for everybody, and mails only who has an account", async () => {
    const client = await made("bea@a.test");
    const known = await nobody.post("/password/forgotten", { email: "bea@a.test" });
    const unknown = await nobody.post("/password/forgotten", { email: "stranger@a.test" });
    expect([known.status, known.body]).toEqual([unknown.status, unknown.body]);
    await letterTo(edge, "bea@a.test", 2);
    expect(lettersTo(edge, "stranger@a.test")).toEqual([]);
    expect((await client.get("/account")).status).toBe(200);
  });

  test("the link is hashed at rest, works once, ends every session, and is told of", async () => {
    const client = await made("cleo@a.test");
    await nobody.post("/password/forgotten", { email: "cleo@a.test" });
    const token = tokenIn(await letterTo(edge, "cleo@a.test", 2), "reset");
    expect(JSON.stringify(await edge.rows("select * from challenge"))).not.toContain(token);
    const reset = () => nobody.post("/password/reset", { token, password: second });
    expect((await reset()).headers.get("set-cookie")).toBeNull(); // it opens no session
    expect((await reset()).status).toBe(404);
    expect((await client.get("/account")).status).toBe(401);
    const old = await nobody.post("/session", { email: "cleo@a.test", password: first });
    expect(old.body).toMatchObject({ code: "wrong-credentials" });
    expect((await client.post("/session", { email: "cleo@a.test", password: second })).status).toBe(200);
    expect((await letterTo(edge, "cleo@a.test", 3)).text).toContain("A new password was chosen");
  });

  test("a link mailed before another was used is gone too", async () => {
    await made("dora@a.test");
    await nobody.post("/password/forgotten", { email: "dora@a.test" });
    const old = tokenIn(await letterTo(edge, "dora@a.test", 2), "reset");
    await nobody.post("/password/forgotten", { email: "dora@a.test" });
    const token = tokenIn(await letterTo(edge, "dora@a.test", 3), "reset");
    expect((await nobody.post("/password/reset", { token: old, password: second })).status).toBe(404);
    expect((await nobody.post("/password/reset", { token, password: second })).status).toBe(204);
  });

  test("a second factor is asked for as before", async () => {
    const client = await made("eve@a.test");
    const begun = await client.post("/account/totp", {});
    const secret = String(begun.body["secret"]);
    expect((await client.post("/account/totp/confirm", { code: totpCode(secret, Date.now()) })).status).toBe(200);
    await nobody.post("/password/forgotten", { email: "eve@a.test" });
    const token = tokenIn(await letterTo(edge, "eve@a.test", 2), "reset");
    await nobody.post("/password/reset", { token, password: second, alsoKeys: true });
    const bare = await nobody.post("/session", { email: "eve@a.test", password: second });
    expect(bare.body).toMatchObject({ status: 401, code: "second-factor-needed" });
  });

  test("keys that somebody else made go where the address was never proven, and where asked", async () => {
    const client = await made("fay@a.test");
    const key = async () => {
      const made = await client.post("/account/keys", { name: "k", scopes: ["domains:read"] });
      return { authorization: `Bearer ${made.body["text"]}` };
    };
    const reset = async (alsoKeys: boolean) => {
      const before = lettersTo(edge, "fay@a.test").filter(({ text }) => text.includes("/reset/")).length;
      await nobody.post("/password/forgotten", { email: "fay@a.test" });
      const links = () => lettersTo(edge, "fay@a.test").filter(({ text }) => text.includes("/reset/"));
      await expect.poll(() => links().length, { timeout: 30_000 }).toBe(before + 1);
      const token = tokenIn(links()[before] ?? { subject: "", text: "" }, "reset");
      expect((await nobody.post("/password/reset", { token, password: second, alsoKeys })).status).toBe(204);
      await client.post("/session", { email: "fay@a.test", password: second });
    };
    const kept = await key();
    await reset(false);
    expect((await nobody.get("/domains", kept)).status).toBe(200);
    await reset(true);
    expect((await nobody.get("/domains", kept)).status).toBe(401);
    const other = await key();
    await edge.env.DIRECTORY.exec("update account set email_verified_at = null where email = 'fay@a.test'");
    await reset(false);
    expect((await nobody.get("/domains", other)).status).toBe(401);
  });

  test("a frozen account gets no link", async () => {
    await made("gil@a.test");
    await edge.env.DIRECTORY.exec("update account set state = 'frozen' where email = 'gil@a.test'");
    expect((await nobody.post("/password/forgotten", { email: "gil@a.test" })).status).toBe(204);
    await made("after@a.test"); // by then a letter to the other one would have come
    expect(lettersTo(edge, "gil@a.test")).toHaveLength(1);
  });
});

describe("an address", () => {
  test("changes only by the link at the new one; the old one hears of it, other sessions end", async () => {
    const client = await made("hal@a.test");
    const other = new ApiClient(edge.url);
    await other.post("/session", { email: "hal@a.test", password: first });
    expect((await client.send("PUT", "/account/email", { email: "new@a.test" })).status).toBe(204);
    const token = tokenIn(await letterTo(edge, "new@a.test"), "confirm");
    expect((await client.get("/account")).body).toMatchObject({ email: "hal@a.test" });
    expect((await client.post("/email/confirm", { token })).status).toBe(204);
    expect((await client.get("/account")).body).toMatchObject({ email: "new@a.test" });
    expect((await other.get("/account")).status).toBe(401);
    expect((await letterTo(edge, "hal@a.test", 2)).text).toContain("another address now");
    expect((await nobody.post("/session", { email: "hal@a.test", password: first })).status).toBe(401);
  });

  test("one that is taken meanwhile is refused, and asking for a taken one tells nothing", async () => {
    const client = await made("ida@a.test");
    expect((await client.send("PUT", "/account/email", { email: "new@a.test" })).status).toBe(204);
    expect((await client.send("PUT", "/account/email", { email: "soon@a.test" })).status).toBe(204);
    const token = tokenIn(await letterTo(edge, "soon@a.test"), "confirm");
    expect(lettersTo(edge, "new@a.test").filter(({ text }) => text.includes("/confirm/"))).toHaveLength(1);
    await edge.addAccount("soon@a.test");
    expect((await nobody.post("/email/confirm", { token })).body).toMatchObject({ code: "account-exists" });
    expect((await client.get("/account")).body).toMatchObject({ email: "ida@a.test" });
  });

  test("is proven by a link, and asking for one needs no proof", async () => {
    const client = await made("jo@a.test");
    await edge.env.DIRECTORY.exec("update account set email_verified_at = null where email = 'jo@a.test'");
    expect((await client.post("/account/email/link", {})).status).toBe(204);
    const token = tokenIn(await letterTo(edge, "jo@a.test", 2), "confirm");
    expect((await nobody.post("/email/confirm", { token })).status).toBe(204);
    expect((await client.get("/account")).body).toMatchObject({ emailVerified: true });
  });
});

describe("leaving", () => {
  test("needs a proof and the address typed; takes sessions, keys and the log along", async () => {
    const client = await made("kim@a.test");
    const [row] = await edge.rows<{ id: string }>("select id from account where email = 'kim@a.test'");
    await client.post("/account/keys", { name: "k", scopes: ["domains:read"] });
    await edge.env.DIRECTORY.exec("update session set proved_at = 0");
    expect((await client.delete("/account?email=kim@a.test")).body).toMatchObject({ code: "prove-again" });
    await client.post("/session/proof", { password: first });
    expect((await client.delete("/account?email=no@a.test")).body).toMatchObject({ code: "not-confirmed" });
    expect((await client.delete("/account?email=Kim@a.test")).status).toBe(204);
    for (const [table, column] of Object.entries({ session: "account", api_key: "account", audit: "chain" }))
      expect(await edge.rows(`select 1 from ${table} where ${column} = ?`, row?.id ?? ""), table).toEqual([]);
  });

  test("is refused to the only owner of a domain, and its log says who left", async () => {
    const client = await made("lea@a.test");
    const id = String((await client.post("/domains", { name: "lea.test" })).body["id"]);
    const refused = await client.delete("/account?email=lea@a.test");
    expect(refused.body).toMatchObject({
      status: 409,
      code: "last-owner",
      detail: expect.stringContaining("lea.test"),
    });
    const heir = await edge.addAccount("heir@a.test");
    await edge.insert("membership", { account: heir, domain: id, role: "owner", created_at: Date.now() });
    expect((await client.delete("/account?email=lea@a.test")).status).toBe(204);
    const log = await edge.rows("select act, subject from audit where chain = ? order by seq desc limit 1", id);
    expect(log).toEqual([{ act: "member.left", subject: "lea@a.test" }]);
  });

  test("the last operator stays", async () => {
    const client = await made("mia@a.test");
    await edge.env.DIRECTORY.exec("update account set operator = 1 where email = 'mia@a.test'");
    expect((await client.delete("/account?email=mia@a.test")).body).toMatchObject({ code: "last-operator" });
  });
});

test("an invitation is mailed, and makes its own account only", async () => {
  const owner = await made("nan@a.test");
  const domain = String((await owner.post("/domains", { name: "nan.test" })).body["id"]);
  const asked = await owner.post(`/domains/${domain}/invitations`, { email: "Olu@A.test", role: "admin" });
  const token = tokenIn(await letterTo(edge, "olu@a.test"), "join");
  expect(token).toBe(asked.body["token"]);
  const stranger = await made("pat@a.test");
  expect((await stranger.post("/invitations/accept", { token })).body).toMatchObject({
    status: 404,
    code: "no-invitation",
  });
  const joined = await new ApiClient(edge.url).post("/invitations/join", { token, password: second });
  expect(joined.body).toMatchObject({ account: { email: "olu@a.test", emailVerified: false }, domain });
  expect((await nobody.post("/invitations/join", { token, password: second })).body).toMatchObject({
    code: "no-invitation",
  });
  const members = (await owner.get(`/domains/${domain}/members`)).body["items"] as { email: string; role: string }[];
  expect(members.find(({ email }) => email === "olu@a.test")).toMatchObject({ role: "admin" });
});
