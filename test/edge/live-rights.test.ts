/** A live stream ends within seconds of the right to it, however that was lost; others go on. */
import { createHash, randomBytes } from "node:crypto";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import { ApiClient } from "./api-client.ts";
import { type Edge, letter, startEdge } from "./world.ts";

/** The streams themselves would go on for ten minutes. */
const soon = 30_000;

let edge: Edge;
let owner: ApiClient;
let domain: string;
let second: string;
let stop: AbortController;

beforeAll(async () => {
  edge = await startEdge();
  await edge.addNode();
  owner = await ApiClient.owner(edge.url, "o@a.test");
  const served = { node: edge.node.id, active: true };
  [domain, second] = [await owner.domain("a.test", served), await owner.domain("second.test", served)];
});
beforeEach(() => {
  stop = new AbortController();
});
afterEach(() => stop.abort());
afterAll(() => edge?.close());

/** Somebody with a session of their own, who belongs to these domains. */
async function member(of: readonly string[]): Promise<{ id: string; client: ApiClient; session: string }> {
  const id = await edge.addAccount(`${edge.newId().toLowerCase()}@people.test`);
  const token = randomBytes(32).toString("base64url");
  const session = createHash("sha256").update(token).digest("hex");
  const now = Date.now();
  const times = { created_at: now, last_seen_at: now, expires_at: now + 1e9, proved_at: now };
  await edge.insert("session", { id: session, account: id, agent: "", ...times });
  for (const one of of) await edge.insert("membership", { account: id, domain: one, role: "viewer", created_at: now });
  const client = new ApiClient(edge.url);
  client.cookie = `postern=${token}`;
  return { id, client, session };
}

async function keyOf(client: ApiClient): Promise<{ id: string; headers: Record<string, string> }> {
  const { body } = await client.post("/account/keys", { name: "k", scopes: ["activity:read"] });
  return { id: String(body["id"]), headers: { authorization: `Bearer ${body["text"]}` } };
}

type Stream = { heard: () => string; ended: Promise<void> };

async function open(path: string, headers: Record<string, string>): Promise<Stream> {
  const response = await fetch(new URL(path, edge.url), { headers, signal: stop.signal });
  expect([response.status, response.headers.get("content-type")?.includes("event-stream")]).toEqual([200, true]);
  let heard = "";
  const read = async (): Promise<void> => {
    for await (const text of response.body?.pipeThrough(new TextDecoderStream()) ?? []) heard += text;
  };
  const ended = read();
  ended.catch(() => undefined); // it was stopped with its test
  return { heard: () => heard, ended };
}
const byKey = ({ headers }: { headers: Record<string, string> }, query = "") =>
  open(`/api/activity/live${query}`, headers);
const page = ({ cookie }: ApiClient, query = "") => open(`/activity/stream${query}`, { cookie });

async function hears(stream: Stream, domainName: string): Promise<void> {
  const before = stream.heard();
  await edge.deliver({ from: "x@y.test", to: [`nobody@${domainName}`], raw: letter("x@y.test") });
  await expect.poll(() => stream.heard().slice(before.length), { timeout: soon }).toContain("event: journal");
}

async function endsAlone(ending: Stream, others: readonly Stream[], domainName = "a.test"): Promise<void> {
  await ending.ended;
  for (const other of others) await hears(other, domainName);
}

test("an API key is deleted: its streams end, those of the account's other key and of its session do not", async () => {
  const { client } = await member([domain]);
  const [gone, stays] = [await keyOf(client), await keyOf(client)];
  const streams = await Promise.all([byKey(gone), byKey(stays), page(client)]);
  const [ending, ...others] = streams;
  await hears(ending, "a.test");
  expect((await client.delete(`/account/keys/${gone.id}`)).status).toBe(204);
  await endsAlone(ending, others);
  expect((await fetch(new URL("/api/activity/live", edge.url), { headers: gone.headers })).status).toBe(401);
});

test("an API key runs out", async () => {
  const { client } = await member([domain]);
  const [gone, stays] = [await keyOf(client), await keyOf(client)];
  const [ending, other] = await Promise.all([byKey(gone), byKey(stays)]);
  await edge.rows("update api_key set expires_at = ? where id = ?", Date.now(), gone.id);
  await endsAlone(ending, [other]);
});

test("a session is ended from another place, or signed out", async () => {
  const [one, other] = [await member([domain]), await member([domain])];
  const stays = await keyOf(one.client);
  const [ending, out, going] = await Promise.all([page(one.client), page(other.client), byKey(stays)]);
  expect((await one.client.delete(`/account/sessions/${one.session}`)).status).toBe(204);
  expect((await other.client.delete("/session")).status).toBe(204);
  await out.ended;
  await endsAlone(ending, [going]);
});

test("a member is taken out of the domain: session and key both lose it; who has another domain opens the stream for that one", async () => {
  const one = await member([domain, second]);
  const key = await keyOf(one.client);
  const [ending, program, going] = await Promise.all([page(one.client), byKey(key), page(owner)]);
  expect((await owner.delete(`/domains/${domain}/members/${one.id}`)).status).toBe(204);
  await program.ended;
  await endsAlone(ending, [going]);
  const again = await page(one.client);
  await hears(again, "second.test");
  expect((await one.client.get(`/activity/live?domain=${domain}`)).status).toBe(404);
});

test("a role that still reads activity keeps the stream", async () => {
  const [one, other] = [await member([domain]), await member([domain])];
  const [going, ending] = await Promise.all([page(one.client), page(other.client)]);
  expect((await owner.send("PATCH", `/domains/${domain}/members/${one.id}`, { role: "admin" })).status).toBe(200);
  await owner.delete(`/domains/${domain}/members/${other.id}`);
  await endsAlone(ending, [going]);
});

test("an account is deleted, or frozen", async () => {
  const [gone, frozen] = [await member([domain]), await member([domain])];
  const [ending, cold, going] = await Promise.all([page(gone.client), page(frozen.client), page(owner)]);
  const [{ email } = { email: "" }] = await edge.rows<{ email: string }>(
    "select email from account where id = ?",
    gone.id,
  );
  expect((await gone.client.delete(`/account?email=${email}`)).status).toBe(204);
  await edge.rows("update account set state = 'frozen' where id = ?", frozen.id);
  await cold.ended;
  await endsAlone(ending, [going]);
});

test("a domain asks for a second factor from now on, or is deleted", async () => {
  const third = await edge.addDomain("third.test", await edge.addAccount("third@people.test"));
  const fourth = await edge.addDomain("fourth.test", await edge.addAccount("fourth@people.test"));
  const [one, other] = [await member([third]), await member([fourth])];
  const [ending, without, going] = await Promise.all([page(one.client), page(other.client), page(owner)]);
  await edge.rows("update domain set mfa = 1 where id = ?", third);
  await edge.rows("delete from domain where id = ?", fourth);
  await without.ended;
  await endsAlone(ending, [going]);
});
