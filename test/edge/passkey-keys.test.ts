/** Passkeys of every algorithm that is asked for, as they are kept today and as they were kept at first. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { ApiClient } from "./api-client.ts";
import { Authenticator, type Bend, type CoseAlgorithm } from "./authenticator.ts";
import { type Edge, startEdge } from "./world.ts";

let edge: Edge;
let owner: ApiClient;
const algorithms: CoseAlgorithm[] = [-7, -8, -257];

beforeAll(async () => {
  edge = await startEdge();
  owner = new ApiClient(edge.url);
  const me = { email: "op@a.test", password: "a long demo password", token: "a-setup-token-for-tests" };
  expect((await owner.post("/setup", me)).status).toBe(201);
});
afterAll(() => edge.close());

async function add(passkey: Authenticator, bend: Bend = {}): Promise<number> {
  const { body } = await owner.post("/account/passkeys/question", {});
  return (await owner.post("/account/passkeys", passkey.register(String(body["challenge"]), bend))).status;
}

async function signIn(passkey: Authenticator, bend: Bend = {}): Promise<number> {
  const client = new ApiClient(edge.url);
  const { body } = await client.post("/session/passkey/question", {});
  return (await client.post("/session/passkey", passkey.answer(String(body["challenge"]), bend))).status;
}

async function kept(passkey: Authenticator): Promise<Buffer> {
  const id = passkey.id.toString("base64url");
  const [row] = await edge.rows<{ key: string }>("select public_key key from passkey where id = ?", id);
  return Buffer.from(row?.key ?? "", "base64");
}

test.each(algorithms)("a passkey of algorithm %i is added and signs in", async (algorithm) => {
  const passkey = new Authenticator(edge.url, algorithm);
  expect(await add(passkey)).toBe(204);
  expect(await signIn(passkey, { spoil: true })).toBe(401);
  expect(await signIn(passkey)).toBe(200);
});

test.each(algorithms)("one of algorithm %i that was kept as SubjectPublicKeyInfo still does", async (algorithm) => {
  const passkey = new Authenticator(edge.url, algorithm);
  const twin = new Authenticator(edge.url, algorithm);
  expect(await add(passkey)).toBe(204);
  const cose = await kept(passkey);
  const keep = (key: Buffer) =>
    edge.env.DIRECTORY.prepare("update passkey set public_key = ? where id = ?")
      .bind(key.toString("base64"), passkey.id.toString("base64url"))
      .run();
  await keep(twin.spki);
  expect(await signIn(passkey), "by another's key").toBe(401);
  await keep(passkey.spki);
  expect(await signIn(passkey)).toBe(200);
  expect((await kept(passkey)).equals(cose), "written anew by its use").toBe(true);
  expect(await signIn(passkey)).toBe(200);
});

test("who made the authenticator is not asked: no certificate is read", async () => {
  expect(await add(new Authenticator(edge.url), { certificate: Buffer.from("no certificate at all") })).toBe(204);
});
