/** "This was not me": what the link does that is mailed to the address that an account had, and what a thief can't do about it. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { totpCode } from "../browser/totp.ts";
import { ApiClient } from "./api-client.ts";
import { lettersTo, tokenIn, withWayOut } from "./mailed.ts";
import { type Edge, startEdge } from "./world.ts";

const password = "three calm green doors";
const second = "seven loud brass horns";
const day = 86_400_000;
let edge: Edge;
let nobody: ApiClient;

beforeAll(async () => {
  edge = await startEdge({}, { SIGN_UP: "open" });
  await withWayOut(edge);
  nobody = new ApiClient(edge.url);
  const operator = { email: "op@a.test", password, token: "a-setup-token-for-tests" };
  expect((await nobody.post("/setup", operator)).status).toBe(201);
  nobody.cookie = "";
});
beforeEach(() => edge.env.DIRECTORY.exec("delete from attempt"));
afterAll(() => edge.close());

async function signedIn(email: string): Promise<ApiClient> {
  const client = new ApiClient(edge.url);
  expect((await client.post("/session", { email, password })).status).toBe(200);
  return client;
}

async function account(email: string): Promise<{ id: string; client: ApiClient }> {
  const id = await edge.addAccount(email);
  await edge.rows(
    "update account set email_verified_at = 1, password = (select password from account where email = 'op@a.test') where id = ?",
    id,
  );
  return { id, client: await signedIn(email) };
}

/** The newest link of a kind that was mailed to an address, once there are so many. */
async function linkTo(email: string, path: string, many = 1): Promise<string> {
  const links = () => lettersTo(edge, email).filter(({ text }) => text.includes(`/${path}/`));
  await expect.poll(() => links().length, { timeout: 60_000 }).toBeGreaterThanOrEqual(many);
  return tokenIn(links()[many - 1] ?? { subject: "", text: "" }, path);
}

async function changeTo(client: ApiClient, email: string, many = 1): Promise<void> {
  expect((await client.send("PUT", "/account/email", { email })).status).toBe(204);
  const token = await linkTo(email, "confirm", many);
  expect((await client.post("/email/confirm", { token })).status).toBe(204);
}

const undo = (token: string) => nobody.post("/email/undo", { token });
const addressOf = async (id: string) =>
  (await edge.rows<{ email: string }>("select email from account where id = ?", id))[0]?.email;

async function stolen(name: string) {
  const { id, client } = await account(`${name}@a.test`);
  const thief = await signedIn(`${name}@a.test`);
  await changeTo(thief, `${name}@thief.test`);
  return { id, client, thief, link: await linkTo(`${name}@a.test`, "undo") };
}

describe("the link to the former address", () => {
  test("shows a page and does nothing by being opened", async () => {
    const { id, link } = await stolen("ana");
    for (const method of ["GET", "HEAD", "GET"]) {
      const answer = await fetch(new URL(`/undo/${link}`, edge.url), { method });
      expect(answer.status).toBe(200);
      const text = await answer.text();
      if (method === "GET") expect(text).toContain("This was not me");
      expect(text).not.toContain("thief.test");
    }
    expect(await addressOf(id)).toBe("ana@thief.test");
    const kept = JSON.stringify(await edge.rows("select * from former_address"));
    expect(kept).not.toContain(link.slice(27));
    expect(JSON.stringify(await edge.rows("select * from audit"))).not.toContain(link.slice(27));
  });

  test("puts the address back, throws everybody out, and leaves a password that nobody knows", async () => {
    const { id, client, thief, link } = await stolen("bea");
    const page = await fetch(new URL(`/undo/${link}`, edge.url), { method: "POST", body: new URLSearchParams() });
    expect([page.status, await page.text()]).toEqual([200, expect.stringContaining("Your account is yours again")]);
    expect(await addressOf(id)).toBe("bea@a.test");
    for (const one of [client, thief]) expect((await one.get("/account")).status).toBe(401);
    for (const email of ["bea@a.test", "bea@thief.test"])
      expect((await nobody.post("/session", { email, password })).body).toMatchObject({ code: "wrong-credentials" });
    const token = await linkTo("bea@a.test", "reset");
    expect((await nobody.post("/password/reset", { token, password: second })).status).toBe(204);
    expect((await new ApiClient(edge.url).post("/session", { email: "bea@a.test", password: second })).status).toBe(
      200,
    );
    expect(await edge.rows("select act from audit where chain = ? and act = 'email.restored'", id)).toHaveLength(1);
    const told = () => lettersTo(edge, "bea@thief.test").filter(({ text }) => text.includes("its own again"));
    await expect.poll(() => told().length, { timeout: 60_000 }).toBe(1);
  });

  test("works once, of two at the same moment too, and is told from one that is made up", async () => {
    const { link } = await stolen("cas");
    const last = link.at(-1) === "A" ? "B" : "A";
    const others = [link.slice(0, -1) + last, `${"0".repeat(26)}${link.slice(26)}`, "x".repeat(43)];
    for (const other of others) expect((await undo(other)).body).toMatchObject({ status: 404, code: "link-gone" });
    const both = await Promise.all([undo(link), undo(link)]);
    expect(both.map(({ status }) => status).sort()).toEqual([204, 404]);
    expect((await undo(link)).status).toBe(404);
    expect((await fetch(new URL(`/undo/${link}`, edge.url))).status).toBe(404);
  });

  test("is too old after a week", async () => {
    const { id, link } = await stolen("dee");
    await edge.rows("update former_address set changed_at = ? where account = ?", Date.now() - 7 * day - 1, id);
    expect((await undo(link)).body).toMatchObject({ code: "link-gone" });
    await edge.rows("update former_address set changed_at = ? where account = ?", Date.now() - 7 * day + 60_000, id);
    expect((await undo(link)).status).toBe(204);
  });

  test("is tried no more than so often from one place", async () => {
    const statuses = [];
    for (let i = 0; i < 21; i++) statuses.push((await undo("x")).status);
    expect(statuses).toEqual([...Array.from({ length: 20 }, () => 404), 429]);
  });

  test("is not mailed to an address that was never proven: it may be a stranger's, mistyped", async () => {
    const { id, client } = await account("eve@a.test");
    await edge.rows("update account set email_verified_at = null where id = ?", id);
    await changeTo(client, "eve@b.test");
    const told = () => lettersTo(edge, "eve@a.test").filter(({ text }) => text.includes("another address now"));
    await expect.poll(() => told().length, { timeout: 60_000 }).toBe(1);
    expect(told()[0]?.text).not.toContain("/undo/");
    expect(await edge.rows("select 1 from former_address where account = ?", id)).toEqual([]);
  });
});

describe("what a thief added", () => {
  test("goes: keys, passkeys, codes, recovery codes, invitations, links; what was there before stays", async () => {
    const { id, client } = await account("fay@a.test");
    const key = async (of: ApiClient) => {
      const { body } = await of.post("/account/keys", { name: "k", scopes: ["domains:read"] });
      return { authorization: `Bearer ${body["text"]}` };
    };
    const passkey = (name: string, at: number) =>
      edge.insert("passkey", {
        id: name,
        account: id,
        name,
        public_key: "",
        algorithm: -7,
        counter: 0,
        created_at: at,
      });
    const domain = String((await client.post("/domains", { name: "fay.test" })).body["id"]);
    const invite = (of: ApiClient, email: string) =>
      of.post(`/domains/${domain}/invitations`, { email, role: "member" });
    const old = await key(client);
    await passkey("old-pk", Date.now() - 1000);
    await invite(client, "friend@b.test");
    await changeTo(client, "fay@thief.test");
    const fresh = await key(client);
    await passkey("new-pk", Date.now() + 1000);
    await invite(client, "accomplice@b.test");
    const secret = String((await client.post("/account/totp", {})).body["secret"]);
    await client.post("/account/totp/confirm", { code: totpCode(secret, Date.now()) });
    await client.send("PUT", "/account/email", { email: "fay@further.test" });
    const further = await linkTo("fay@further.test", "confirm");
    expect((await undo(await linkTo("fay@a.test", "undo"))).status).toBe(204);
    expect((await nobody.get("/domains", old)).status).toBe(200);
    expect((await nobody.get("/domains", fresh)).status).toBe(401);
    expect(await edge.rows("select id from passkey where account = ?", id)).toEqual([{ id: "old-pk" }]);
    for (const table of ["totp", "recovery_code", "session"])
      expect(await edge.rows(`select 1 from ${table} where account = ?`, id), table).toEqual([]);
    expect(await edge.rows("select email from invitation where domain = ?", domain)).toEqual([
      { email: "friend@b.test" },
    ]);
    expect((await nobody.post("/email/confirm", { token: further })).body).toMatchObject({ code: "link-gone" });
  });

  test("stays gone: codes from an app that were there before are still asked for", async () => {
    const { client } = await account("gil@a.test");
    const secret = String((await client.post("/account/totp", {})).body["secret"]);
    await client.post("/account/totp/confirm", { code: totpCode(secret, Date.now()) });
    await changeTo(client, "gil@thief.test");
    expect((await undo(await linkTo("gil@a.test", "undo"))).status).toBe(204);
    const token = await linkTo("gil@a.test", "reset");
    await nobody.post("/password/reset", { token, password: second });
    const bare = await nobody.post("/session", { email: "gil@a.test", password: second });
    expect(bare.body).toMatchObject({ code: "second-factor-needed" });
  });
});

describe("a thief", () => {
  test("who changes it again, ends links and changes the password, does not get rid of the first link", async () => {
    const { id, thief, link } = await stolen("hal");
    await changeTo(thief, "hal@further.test");
    await thief.send("PUT", "/account/password", { current: password, password: second });
    await thief.delete("/account/sessions");
    const later = await linkTo("hal@thief.test", "undo");
    expect((await undo(link)).status).toBe(204);
    expect(await addressOf(id)).toBe("hal@a.test");
    expect((await undo(later)).body).toMatchObject({ code: "link-gone" });
    expect(await addressOf(id)).toBe("hal@a.test");
  });

  test("who undoes their own second change is undone by the first link all the same", async () => {
    const { id, thief, link } = await stolen("ida");
    await changeTo(thief, "ida@further.test");
    expect((await undo(await linkTo("ida@thief.test", "undo"))).status).toBe(204);
    expect(await addressOf(id)).toBe("ida@thief.test");
    expect((await undo(link)).status).toBe(204);
    expect(await addressOf(id)).toBe("ida@a.test");
  });

  test("who uses a later link at the same moment gets nowhere", async () => {
    const { id, thief, link } = await stolen("jon");
    await changeTo(thief, "jon@further.test");
    const later = await linkTo("jon@thief.test", "undo");
    const [first] = await Promise.all([undo(link), undo(later)]);
    expect(first.status).toBe(204);
    expect(await addressOf(id)).toBe("jon@a.test");
  });

  test("can't put another account in the way, nor have one made there", async () => {
    const { id, thief, link } = await stolen("kim");
    const domain = String((await thief.post("/domains", { name: "kim.test" })).body["id"]);
    const invited = await thief.post(`/domains/${domain}/invitations`, { email: "kim@a.test", role: "owner" });
    const join = await nobody.post("/invitations/join", { token: invited.body["token"], password: second });
    expect(join.body).toMatchObject({ status: 409, code: "account-exists" });
    const other = await account("other@thief.test");
    await other.client.send("PUT", "/account/email", { email: "kim@a.test" });
    expect((await nobody.post("/sign-up", { email: "kim@a.test" })).status).toBe(204);
    const kept = () => lettersTo(edge, "kim@a.test").filter(({ subject }) => subject.includes("kept for a week"));
    await expect.poll(() => kept().length, { timeout: 60_000 }).toBe(1);
    expect(lettersTo(edge, "kim@a.test").some(({ text }) => /\/(?:confirm|sign-up)\//.test(text))).toBe(false);
    expect((await undo(link)).status).toBe(204);
    expect(await addressOf(id)).toBe("kim@a.test");
  });

  test("whose own change was asked for before can't have an address that is held", async () => {
    const other = await account("waits@thief.test");
    const { id, client } = await account("lea@a.test");
    await other.client.send("PUT", "/account/email", { email: "free@a.test" });
    const token = await linkTo("free@a.test", "confirm");
    await edge.rows("update challenge set email = 'lea@a.test' where email = 'free@a.test'");
    await changeTo(client, "lea@thief.test");
    expect((await nobody.post("/email/confirm", { token })).body).toMatchObject({ code: "account-exists" });
    expect(await addressOf(id)).toBe("lea@thief.test");
  });

  test("can't delete the account meanwhile", async () => {
    const { id, thief, link } = await stolen("mia");
    const left = await thief.delete("/account?email=mia@thief.test");
    expect(left.body).toMatchObject({ status: 409, code: "address-changed" });
    expect((await undo(link)).status).toBe(204);
    expect(await addressOf(id)).toBe("mia@a.test");
  });
});

test("its owner may change back by themselves, and may still use the link", async () => {
  const { id, client } = await account("nan@a.test");
  await changeTo(client, "nan@b.test");
  await changeTo(client, "nan@a.test");
  expect(await addressOf(id)).toBe("nan@a.test");
  expect((await undo(await linkTo("nan@b.test", "undo"))).status).toBe(204);
  expect(await addressOf(id)).toBe("nan@b.test");
  expect((await undo(await linkTo("nan@a.test", "undo"))).status).toBe(204);
  expect(await addressOf(id)).toBe("nan@a.test");
});
