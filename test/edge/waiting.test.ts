/** What waits at the edge: what stands in whose way, what a lost row costs, and trying by hand what was given up. */
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { nodePaths } from "../../src/core/contract/handoff.ts";
import { ApiClient } from "./api-client.ts";
import { type Edge, startEdge, type TestMailbox } from "./world.ts";

/** Queue and backoff take seconds on a busy machine. */
const patient = { timeout: 30_000, interval: 300 };
const day = 86_400_000;

let edge: Edge;
let owner: ApiClient;
let domain: string;
let box: TestMailbox;

beforeAll(async () => {
  edge = await startEdge({});
  await edge.addNode();
  owner = await ApiClient.owner(edge.url, "owner@here.test");
  domain = await owner.domain("here.test", { node: edge.node.id, active: true });
  box = await edge.addMailbox(domain, "box@here.test");
});
afterAll(() => edge.close());
afterEach(() => {
  edge.node.answer = () => 200;
});

const spooled = async (): Promise<string[]> =>
  (await edge.env.SPOOL.list()).objects.map(({ key }) => key).filter((key) => !/\/parked-/.test(key));

/** As a lost bell leaves it: in R2, and nobody knows. */
async function lost(mailbox: string, id: string, more: { age?: number; journal?: string } = {}): Promise<string> {
  const key = `${edge.node.id}/${mailbox}/${id}`;
  const at = String(Date.now() - (more.age ?? 60_000));
  const customMetadata = { journal: more.journal ?? "none", at };
  await edge.env.SPOOL.put(key, `sealed ${id}`, { customMetadata });
  return key;
}

/** Sweeps pass over what is younger than its bell. */
const swept = (look: () => Promise<unknown>) =>
  expect.poll(async () => {
    await edge.worker.scheduled({});
    return look();
  }, patient);

async function journal(recipient: string, kind: "seal" | "relay" = "seal"): Promise<string> {
  const id = edge.newId();
  const said = { outcome: "accepted", reason: "ok", reply: "", expires_at: Date.now() + 1e9 };
  const about = { id, domain, at: 0, entrance: "door", mail_from: "", recipient, author: "", size: 1, ...said };
  await edge.insert("journal", about);
  const step = { id: `step-${id}`, journal: id, at: 0, kind, target: recipient, ok: 1, detail: "" };
  await edge.insert("journal_step", step);
  return id;
}

test("mail of a mailbox whose row the directory lost is kept, and comes home when the row is back", async () => {
  const id = edge.newId();
  const key = await lost(id, "orphan");
  const other = await lost(box.mailboxId, "beside-an-orphan");
  await swept(spooled).not.toContain(other);
  expect(await spooled()).toEqual([key]);
  const [row] = await edge.rows<Record<string, string>>("select * from mailbox where id = ?", box.mailboxId);
  await edge.insert("mailbox", { ...row, id, address: "orphan@here.test" });
  await swept(spooled).toEqual([]);
  await edge.node.next(({ manifest }) => manifest.id === "orphan" && manifest.mailbox === id);
});

test("a mailbox that takes nothing holds up nobody else's mail", async () => {
  const full = await edge.addMailbox(domain, "full@here.test");
  await edge.rows("update mailbox set id = '00000000000000000000000000' where id = ?", full.mailboxId);
  const first = "00000000000000000000000000"; // listed before all others
  edge.node.answer = ({ path, manifest }) => (path === nodePaths.message && manifest.mailbox === first ? 507 : 200);
  const stuck = [];
  for (let i = 0; i < 3; i++) stuck.push(await lost(first, `full-${i}`));
  await lost(box.mailboxId, "behind-it");
  await swept(spooled).toEqual(stuck);
  await edge.node.next(({ manifest }) => manifest.id === "behind-it");
  // The lag is shown: three wait, and since when.
  await edge.worker.scheduled({});
  const { body } = await owner.get(`/nodes/${edge.node.id}`);
  expect(body).toMatchObject({ unreachableSince: null, spool: { waiting: 3, parked: 0, oldest: expect.any(Number) } });
  expect(Number((body["spool"] as { oldest: number }).oldest)).toBeLessThan(Date.now() - 59_000);
  edge.node.answer = () => 200;
  await swept(spooled).toEqual([]);
});

test("what was given up after five days is listed, and handed over when its owner asks", async () => {
  const ids = ["old-1", "old-2", "old-3"];
  for (const [i, id] of ids.entries())
    await lost(box.mailboxId, id, { age: 6 * day - i, journal: await journal("box@here.test") });
  await edge.worker.scheduled({});
  const listed = await owner.get(`/mailboxes/${box.mailboxId}/waiting`);
  expect(listed.body["items"]).toMatchObject([{ parked: true }, { parked: true }, { parked: true }]);
  edge.node.answer = () => 507;
  const retry = `/mailboxes/${box.mailboxId}/waiting/retry`;
  expect((await owner.post(retry, {})).body).toEqual({ waiting: 3, first: "not-taken" });
  edge.node.answer = () => 200;
  // The bells that the first asking rang may be faster than the second.
  expect(["taken", "gone", "none"]).toContain((await owner.post(retry, {})).body["first"]);
  await expect.poll(spooled, patient).toEqual([]);
  for (const id of ids) await edge.node.next(({ manifest }) => manifest.id === id);
  expect((await owner.post(retry, {})).body).toEqual({ waiting: 0, first: "none" });
});

test("one message of many is tried again from its page in the activity", async () => {
  const message = await journal("box@here.test");
  const job = await journal("friend@far.test", "relay");
  const mine = await lost(box.mailboxId, "mine", { age: 6 * day, journal: message });
  const relayed = await lost("relay", "job", { age: 6 * day, journal: job });
  const others = await lost(box.mailboxId, "others", { age: 6 * day, journal: await journal("box@here.test") });
  expect((await owner.post(`/activity/${message}/retry`, {})).body).toEqual({ waiting: 1, first: "taken" });
  expect((await spooled()).sort()).toEqual([others, relayed].sort());
  expect((await owner.post(`/activity/${job}/retry`, {})).body).toEqual({ waiting: 1, first: "taken" });
  expect(await spooled()).toEqual([others]);
  expect(mine).not.toBe(others);
  await edge.env.SPOOL.delete(others);
});

test("more than a thousand for one mailbox: each is listed once, a page at a time, and all are tried when asked", async () => {
  const many = await edge.addMailbox(domain, "many@here.test");
  const ids = Array.from({ length: 1005 }, (_, i) => `many-${String(i).padStart(4, "0")}`);
  for (let at = 0; at < ids.length; at += 50)
    await Promise.all(ids.slice(at, at + 50).map((id, i) => lost(many.mailboxId, id, { journal: `${at + i}` })));
  const path = `/mailboxes/${many.mailboxId}/waiting`;
  const seen: string[] = [];
  for (let after: unknown = ""; after !== null; ) {
    const { body } = await owner.get(`${path}?limit=100${after === "" ? "" : `&after=${after}`}`);
    const items = body["items"] as { message: string }[];
    expect(items.length).toBeLessThanOrEqual(100);
    seen.push(...items.map(({ message }) => message));
    after = body["next"];
  }
  expect(seen).toEqual(ids.map((_, i) => String(i)));
  edge.node.answer = ({ path: asked }) => (asked === nodePaths.message ? 507 : 200);
  expect((await owner.post(`${path}/retry`, {})).body).toEqual({ waiting: 1005, first: "not-taken" });
  const keys = ids.map((id) => `${edge.node.id}/${many.mailboxId}/${id}`);
  for (const some of [keys.slice(0, 1000), keys.slice(1000)]) await edge.env.SPOOL.delete(some);
});
