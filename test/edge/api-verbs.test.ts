/** What somebody with many domains does besides reading: many aliases at once, a receiver tried and removed, more room for a mailbox. */
import { Webhook } from "standardwebhooks";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { nodePaths } from "../../src/core/contract/handoff.ts";
import { payloadSchema } from "../../src/core/webhook/payload.ts";
import { ApiClient } from "./api-client.ts";
import { Receiver } from "./receiver.ts";
import { type Edge, letter, startEdge } from "./world.ts";

let edge: Edge;
let receiver: Receiver;
let owner: ApiClient;
let domain: string;
let at: string;

beforeAll(async () => {
  receiver = await Receiver.start();
  edge = await startEdge({}, { ALLOW_LOOPBACK: "1" }, receiver.ca);
  await edge.addNode();
  owner = await ApiClient.owner(edge.url);
  domain = await owner.domain("a.test", { node: edge.node.id, active: true });
  at = `/domains/${domain}`;
});
beforeEach(async () => {
  await edge.env.DIRECTORY.exec("delete from attempt");
  receiver.calls.length = 0;
  receiver.status = 200;
});
afterAll(async () => {
  await edge.close();
  await receiver.close();
});

const to = (target: string) => [{ kind: "address", target }];
type Alias = { id: string; pattern: string; note: string; labels: string[]; disabledReply: number; state: string };
const listed = async (): Promise<Alias[]> => (await owner.get(`${at}/aliases?limit=100`)).body["items"] as Alias[];

describe("many aliases at once", () => {
  test("are made and changed by what they are called, all of them or none", async () => {
    const some = Array.from({ length: 40 }, (_, i) => ({
      kind: "exact",
      pattern: `p${i}`,
      destinations: to("me@x.test"),
    }));
    const made = await owner.send("PUT", `${at}/aliases`, { aliases: some });
    expect(made.body).toEqual({ created: 40, changed: 0, removed: 0, unchanged: 0 });
    const again = [{ ...some[0], note: "first" }, ...some.slice(1, 5), { ...some[0], pattern: "new" }];
    const changed = await owner.send("PUT", `${at}/aliases`, { aliases: again });
    expect(changed.body).toEqual({ created: 1, changed: 1, removed: 0, unchanged: 39 });
    const before = await listed();
    const bad = [
      { ...some[0], note: "never" },
      { ...some[0], pattern: "a b" },
    ];
    const wrong = await owner.send("PUT", `${at}/aliases`, { aliases: bad });
    expect([wrong.status, wrong.body["errors"]]).toEqual([422, [{ field: "aliases.1", message: expect.any(String) }]]);
    expect(await listed()).toEqual(before);
    const few = await owner.send("PUT", `${at}/aliases`, { aliases: some.slice(0, 2), replace: true });
    expect(few.body).toMatchObject({ changed: 0, removed: 39, unchanged: 2 });
    expect((await listed()).map(({ pattern }) => pattern)).toEqual(["p0", "p1"]);
  });

  test("are changed by their ids; ids of another domain are left alone", async () => {
    const other = await edge.addDomain("b.test", await edge.addAccount("o@b.test"));
    const theirs = await edge.addAlias(other, "theirs", [["address", "me@x.test"]]);
    const ids = [...(await listed()).map(({ id }) => id), theirs];
    const change = { ids, act: "change", to: { labels: ["shop"], note: "many", disabledReply: 421 } };
    expect((await owner.post(`${at}/aliases/bulk`, change)).body).toEqual({ changed: 2 });
    for (const one of await listed())
      expect(one).toMatchObject({ labels: ["shop"], note: "many", disabledReply: 421, state: "active" });
    expect(await edge.rows("select note from alias where id = ?", theirs)).toEqual([{ note: "" }]);
    expect((await owner.post(`${at}/aliases/bulk`, { ids, act: "change" })).status).toBe(422);
    expect((await owner.post(`${at}/aliases/bulk`, { ids, act: "disable" })).body).toEqual({ changed: 2 });
    expect((await listed()).map(({ state }) => state)).toEqual(["disabled", "disabled"]);
  });

  test("of a list there is no one version: a condition on it is refused, and nothing falls over", async () => {
    const aliases = [{ kind: "exact", pattern: "conditional", destinations: to("me@x.test") }];
    const tag = (await owner.get(`${at}/aliases`)).headers.get("etag") ?? "";
    const put = await owner.send("PUT", `${at}/aliases`, { aliases }, { "if-match": tag });
    expect(put.body).toMatchObject({ status: 412, code: "no-version" });
    const post = await owner.send("POST", `${at}/aliases`, aliases[0], { "if-match": tag });
    expect(post.body).toMatchObject({ status: 412, code: "no-version" });
  });
});

describe("a webhook's receiver", () => {
  const add = async (url: string) =>
    (await owner.post(`${at}/webhooks`, { url })).body as { id: string; keys: string[] };

  test("is tried with a letter of ours that verifies, and says what it answered", async () => {
    const { id, keys } = await add(receiver.url);
    const tried = await owner.post(`${at}/webhooks/${id}/test`, undefined);
    expect(tried.body).toEqual({ ok: true, status: 200, answer: "thanks" });
    const [call] = receiver.calls;
    const payload = payloadSchema.parse(new Webhook(keys[0] ?? "").verify(call?.body ?? "", call?.headers ?? {}));
    expect(payload.data).toMatchObject({
      verdicts: null,
      message: { subject: "A test of your webhook", trouble: null },
    });
    receiver.status = 500;
    expect((await owner.post(`${at}/webhooks/${id}/test`, undefined)).body).toMatchObject({ ok: false, status: 500 });
    // It counts neither for nor against the receiver, and is not tried again.
    expect((await owner.get(`${at}/webhooks/${id}`)).body).toMatchObject({ failingSince: null });
    expect((await owner.get(`${at}/webhooks/${id}/deliveries`)).body["items"]).toEqual([]);
    expect((await edge.env.SPOOL.list({ prefix: "edge/" })).objects).toEqual([]);
    for (let i = 0; i < 18; i++) await owner.post(`${at}/webhooks/${id}/test`, undefined);
    expect((await owner.post(`${at}/webhooks/${id}/test`, undefined)).status).toBe(429);
  });

  test("is removed with its log and what waits, but not while an alias sends there", async () => {
    const { id } = await add(receiver.url);
    const alias = await edge.addAlias(domain, "hooked", [["webhook", receiver.url]]);
    receiver.status = 500;
    await edge.deliver({ from: "ada@plain.test", to: ["hooked@a.test"], raw: letter("ada@plain.test") });
    await expect.poll(() => edge.rows("select 1 from webhook_delivery"), { timeout: 20_000 }).toHaveLength(1);
    const used = await owner.delete(`${at}/webhooks/${id}`);
    expect(used.body).toMatchObject({ status: 409, code: "webhook-in-use", detail: expect.stringContaining("hooked") });
    await owner.delete(`${at}/aliases/${alias}`);
    expect((await owner.delete(`${at}/webhooks/${id}`)).status).toBe(204);
    expect((await owner.get(`${at}/webhooks/${id}`)).status).toBe(404);
    expect(await edge.rows("select 1 from webhook_delivery")).toEqual([]);
    expect((await edge.env.SPOOL.list({ prefix: "edge/" })).objects).toEqual([]);
    const [{ act, subject } = {}] = (await owner.get(`${at}/audit?limit=1`)).body["items"] as Record<string, unknown>[];
    expect([act, subject]).toEqual(["webhook.removed", receiver.url]);
  });
});

test("a mailbox's room is changed, and its node told", async () => {
  const box = await edge.addMailbox(domain, "ana@a.test");
  const path = `/mailboxes/${box.mailboxId}`;
  const { headers } = await owner.get(path);
  const to = { quotaBytes: 5 * 1024 ** 3 };
  const changed = await owner.send("PATCH", path, to, { "if-match": headers.get("etag") ?? "" });
  expect(changed.body).toMatchObject({ ...to, revision: 2 });
  const told = await edge.node.next(({ path: of }) => of === nodePaths.mailbox);
  expect(JSON.parse(Buffer.from(told.body).toString())).toMatchObject({ mailbox: { ...to, revision: 2 } });
  expect((await owner.send("PATCH", path, to, { "if-match": headers.get("etag") ?? "" })).status).toBe(412);
  for (const quotaBytes of [0, 1e300, "1"]) expect((await owner.send("PATCH", path, { quotaBytes })).status).toBe(422);
});
