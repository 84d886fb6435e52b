/** What a node took and no copy of its disk holds yet: kept beside the spool, for as long as it must be, and given back. */
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { toBase64 } from "../../src/core/bytes.ts";
import { edgePaths, nodePaths } from "../../src/core/contract/handoff.ts";
import { ApiClient } from "./api-client.ts";
import { type Edge, letter, startEdge, type TestMailbox } from "./world.ts";

/** Queue and backoff take seconds on a busy machine. */
const patient = { timeout: 30_000, interval: 300 };
const minute = 60_000;
const day = 1440 * minute;

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
afterEach(async () => {
  const { objects } = await edge.env.SPOOL.list();
  if (objects.length > 0) await edge.env.SPOOL.delete(objects.map(({ key }) => key));
});

async function beat(more: Record<string, unknown>): Promise<Record<string, unknown>> {
  const transit = { publicKey: toBase64(edge.node.transit.publicKey), keyId: edge.node.transit.keyId };
  const facts = { node: edge.node.id, time: Date.now(), version: "test", relayWaiting: 0, diskFreeBytes: 1 };
  const response = await edge.ask(edgePaths.heartbeat, { ...facts, transit, mailboxes: [], ...more });
  expect(response.status).toBe(200);
  return (await response.json()) as Record<string, unknown>;
}

const noCopyYet = { backup: { since: 1, until: 0 } };
const copied = (until: number, since = 1) => ({ backup: { since, until } });

async function keysUnder(prefix: string): Promise<string[]> {
  return (await edge.env.SPOOL.list({ prefix })).objects.map(({ key }) => key);
}
const kept = async (): Promise<string[]> =>
  (await keysUnder(".kept/")).map((key) => key.slice(`.kept/${edge.node.id}/`.length));
const waiting = (mailbox: string): Promise<string[]> => keysUnder(`${edge.node.id}/${mailbox}/`);

/** One that was handed over so long ago. */
async function keptSince(age: number, id: string, mailbox = box.mailboxId): Promise<string> {
  const handed = String(Date.now() - age);
  const customMetadata = { journal: "none", at: String(Date.now() - age - 1000), handed };
  await edge.env.SPOOL.put(`.kept/${edge.node.id}/${mailbox}/${id}`, `sealed ${id}`, { customMetadata });
  return `${mailbox}/${id}`;
}
const sweep = () => edge.worker.scheduled({});

async function deliver(subject: string): Promise<string> {
  const before = edge.node.taken.length;
  await edge.deliver({ from: "ada@plain.test", to: ["box@here.test"], raw: letter("ada@plain.test", subject) });
  const mine = () => edge.node.taken.slice(before).find(({ manifest }) => manifest.mailbox === box.mailboxId);
  await expect.poll(mine, patient).toBeDefined();
  await expect.poll(() => waiting(box.mailboxId), patient).toEqual([]);
  return `${box.mailboxId}/${mine()?.manifest.id}`;
}

test("without copies of the node nothing is kept", async () => {
  await beat({});
  await deliver("nobody makes copies");
  expect(await kept()).toEqual([]);
});

test("where copies are made, what was handed over is kept sealed, and counts as waiting nowhere", async () => {
  await beat(noCopyYet);
  const key = await deliver("kept");
  expect(await kept()).toEqual([key]);
  const object = await edge.env.SPOOL.get(`.kept/${edge.node.id}/${key}`);
  const handedOver = edge.node.taken.find(({ manifest }) => key.endsWith(manifest.id));
  expect(Buffer.from((await object?.arrayBuffer()) ?? new ArrayBuffer(0))).toEqual(Buffer.from(handedOver?.body ?? []));
  const taken = edge.node.taken.length;
  await edge.rows("update node set redriven_at = 0");
  await sweep();
  const { body } = await owner.get(`/nodes/${edge.node.id}`);
  expect(body).toMatchObject({ spool: { waiting: 0, parked: 0, oldest: null } });
  expect((await owner.get(`/mailboxes/${box.mailboxId}/waiting`)).body["items"]).toEqual([]);
  expect((await beat(noCopyYet))["spool"]).toMatchObject({ waiting: 0 });
  expect(edge.node.taken.slice(taken)).toEqual([]);
  expect(await kept()).toEqual([key]);
});

test("jobs to be sent on are not kept", async () => {
  await beat(noCopyYet);
  await edge.addAlias(domain, "out", [["address", "x@else.test"]]);
  await edge.deliver({ from: "ada@plain.test", to: ["out@here.test"], raw: letter("ada@plain.test", "on") });
  await edge.node.next(({ path }) => path === nodePaths.relay);
  await expect.poll(() => waiting("relay"), patient).toEqual([]);
  expect(await kept()).toEqual([]);
});

test("a copy of the node ends the keeping of what it surely holds, and of nothing else", async () => {
  await keptSince(60 * minute, "held");
  const near = await keptSince(31 * minute, "within-two-clocks");
  const later = await keptSince(5 * minute, "later");
  await beat(noCopyYet);
  await sweep();
  expect(await kept()).toHaveLength(3);
  await beat(copied(Date.now() - 30 * minute, Date.now() - 50 * minute));
  await sweep();
  expect(await kept()).toHaveLength(3); // a folder that is younger than the mail holds none of it
  await beat(copied(Date.now() - 30 * minute));
  await sweep();
  expect(await kept()).toEqual([later, near]);
});

test("after seven days without a copy it goes, and operators are told once", async () => {
  await beat(noCopyYet);
  const young = await keptSince(7 * day - 10 * minute, "young");
  await keptSince(7 * day + minute, "old-1");
  await keptSince(8 * day, "old-2");
  await sweep();
  expect(await kept()).toEqual([young]);
  await keptSince(8 * day, "old-3");
  await sweep();
  await edge.node.next(({ manifest, path }) => path === nodePaths.relay && manifest.id.startsWith("kept-node-1-"));
  await expect.poll(() => waiting("relay"), patient).toEqual([]);
  const notices = edge.node.taken.filter(({ manifest }) => manifest.id.startsWith("kept-"));
  expect(new Set(notices.map(({ manifest }) => manifest.id)).size).toBe(1);
  const logged = edge.server.getLogs().map(({ message }) => message);
  expect(logged.join("\n")).toContain("in no copy for seven days");
});

test("what is kept dies with its mailbox", async () => {
  const gone = await edge.addMailbox(domain, "gone@here.test");
  await beat(noCopyYet);
  await keptSince(minute, "gone", gone.mailboxId);
  const mine = await keptSince(minute, "mine");
  await sweep();
  expect(await kept()).toHaveLength(2);
  await edge.rows("update mailbox set state = 'deleted' where id = ?", gone.mailboxId);
  await sweep();
  expect(await kept()).toEqual([mine]);
});

test("an owner who deletes a mailbox deletes what is kept of it, though a restored node waits for the rest", async () => {
  const gone = await edge.addMailbox(domain, "erased@here.test");
  await beat({ ...noCopyYet, restored: { id: "waits", from: Date.now(), mailboxes: ["none"] } });
  await keptSince(minute, "gone", gone.mailboxId);
  const mine = await keptSince(minute, "mine");
  const answer = await owner.delete(`/mailboxes/${gone.mailboxId}?address=erased@here.test`);
  expect([answer.status, answer.body]).toMatchObject([200, {}]);
  expect(await kept()).toEqual([mine]);
});

test("a node put back from a copy gets what came since, once", async () => {
  const other = await edge.addMailbox(domain, "other@here.test");
  const restored = { id: "restore-1", from: Date.now() - 60 * minute, mailboxes: null };
  await beat(noCopyYet);
  const held = await keptSince(120 * minute, "in-the-copy");
  await keptSince(6 * day, "so-old-that-it-would-be-parked"); // in the copy as well
  await keptSince(50 * minute, "lost-1");
  await keptSince(2 * minute, "lost-2", other.mailboxId);
  const said = { ...copied(Date.now() - minute), restored };
  await expect.poll(async () => (await beat(said))["putBack"], patient).toBe("restore-1");
  for (const id of ["lost-1", "lost-2"]) await edge.node.next(({ manifest }) => manifest.id === id);
  await expect.poll(() => keysUnder(`${edge.node.id}/`), patient).toEqual([]);
  const ids = edge.node.taken.map(({ manifest }) => manifest.id);
  expect(ids).not.toContain("in-the-copy");
  // What came again is kept again; asked for once more, it is the same restore and nothing comes.
  const again = (await kept()).sort();
  expect(again).toHaveLength(4);
  expect(again).toContain(held);
  expect((await beat(said))["putBack"]).toBe("restore-1");
  await edge.rows("update node set redriven_at = 0");
  await beat(copied(Date.now() - minute));
  await sweep();
  expect((await kept()).map((key) => key.split("/")[1]).sort()).toEqual(["lost-1", "lost-2"]);
  expect(edge.node.taken.filter(({ manifest }) => manifest.id === "lost-1")).toHaveLength(1);
});

test("many are put back in rounds, and until the last nothing is deleted", async () => {
  await beat(noCopyYet);
  const ids = Array.from({ length: 205 }, (_, i) => `many-${String(i).padStart(3, "0")}`);
  await Promise.all(ids.map((id) => keptSince(120 * minute, id)));
  await keptSince(2 * minute, "the-last");
  const said = {
    ...copied(Date.now() - minute),
    restored: { id: "rounds", from: Date.now() - 60 * minute, mailboxes: null },
  };
  expect((await beat(said))["putBack"]).toBeUndefined();
  await sweep();
  expect(await kept()).toHaveLength(206);
  await expect.poll(async () => (await beat(said))["putBack"], patient).toBe("rounds");
  await edge.node.next(({ manifest }) => manifest.id === "the-last");
  await expect.poll(() => waiting(box.mailboxId), patient).toEqual([]);
  await sweep();
  expect(await kept()).toEqual([`${box.mailboxId}/the-last`]);
});

test("a restore that never ends keeps nothing for ever", async () => {
  const young = await keptSince(minute, "young");
  await keptSince(8 * day, "old");
  const pending = async (age: number): Promise<void> => {
    const restore = { id: "stuck", heardAt: Date.now() - age, after: null, done: false };
    await edge.rows("update node set facts = json_set(facts, '$.kept', json(?))", JSON.stringify({ restore }));
    await sweep();
  };
  await pending(minute);
  expect(await kept()).toHaveLength(2);
  await pending(7 * day + minute);
  expect(await kept()).toEqual([young]);
});

test("one mailbox put back gets its own, however long ago it was accepted", async () => {
  const other = await edge.addMailbox(domain, "another@here.test");
  await beat(noCopyYet);
  await keptSince(6 * day, "six-days", other.mailboxId);
  await keptSince(5 * minute, "not-asked-for");
  const restored = { id: "restore-2", from: 0, mailboxes: [other.mailboxId] };
  await expect.poll(async () => (await beat({ ...noCopyYet, restored }))["putBack"], patient).toBe("restore-2");
  await edge.node.next(({ manifest }) => manifest.id === "six-days");
  expect(edge.node.taken.map(({ manifest }) => manifest.id)).not.toContain("not-asked-for");
});
