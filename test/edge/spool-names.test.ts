/** What lies in R2 names nobody: no address is in a key or in an object's facts, and the activity still tells whose copy went where. */
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { toBase64 } from "../../src/core/bytes.ts";
import { edgePaths, nodePaths } from "../../src/core/contract/handoff.ts";
import { type Edge, letter, startEdge, type TestMailbox } from "./world.ts";

/** Queue and backoff take seconds on a busy machine. */
const patient = { timeout: 60_000, interval: 300 };
const hook = "https://hooks.else.test/for-box";

let edge: Edge;
let domain: string;
let box: TestMailbox;

beforeAll(async () => {
  edge = await startEdge({});
  await edge.addNode();
  domain = await edge.addDomain("here.test", await edge.addAccount("owner@home.test", true));
  box = await edge.addMailbox(domain, "box@here.test");
  await edge.addAlias(domain, "all", [
    ["mailbox", box.mailboxId],
    ["address", "away@else.test"],
    ["webhook", hook],
  ]);
});
afterAll(() => edge?.close());
afterEach(async () => {
  edge.node.answer = () => 200;
  const { objects } = await edge.env.SPOOL.list();
  await edge.env.SPOOL.delete(objects.map(({ key }) => key));
});

async function stored(): Promise<{ key: string; facts: Record<string, string> }[]> {
  const { objects } = await edge.env.SPOOL.list();
  const heads = await Promise.all(objects.map(({ key }) => edge.env.SPOOL.head(key)));
  return heads.flatMap((head) => (head === null ? [] : [{ key: head.key, facts: head.customMetadata ?? {} }]));
}
const spooled = async (): Promise<string[]> =>
  (await stored()).map(({ key }) => key).filter((key) => !key.startsWith(".") && !key.startsWith("edge/"));

/** Of the newest message; answers its row's id. */
async function deliver(to: string): Promise<string> {
  const { outcomes } = await edge.deliver({ from: "ada@plain.test", to: [to], raw: letter("ada@plain.test") });
  expect(outcomes[0]?.kind).toBe("accepted");
  const [row] = await edge.rows<{ id: string }>("select id from journal order by id desc limit 1");
  return row?.id ?? "";
}

const stepsOf = async (journal: string): Promise<string[]> => {
  const sql = "select kind, target from journal_step where journal = ? order by kind, target";
  return (await edge.rows<{ kind: string; target: string }>(sql, journal)).map((one) => `${one.kind} ${one.target}`);
};

async function beat(more: Record<string, unknown> = {}): Promise<void> {
  const transit = { publicKey: toBase64(edge.node.transit.publicKey), keyId: edge.node.transit.keyId };
  const facts = { node: edge.node.id, time: Date.now(), version: "test", relayWaiting: 0, diskFreeBytes: 1 };
  expect((await edge.ask(edgePaths.heartbeat, { ...facts, transit, mailboxes: [], ...more })).status).toBe(200);
}

async function sweptTo(keys: readonly string[]): Promise<void> {
  const swept = async (): Promise<string[]> => {
    await edge.worker.scheduled({});
    return spooled();
  };
  await expect.poll(swept, patient).toEqual(keys);
}

test("copies for a mailbox, to be sent on and for a webhook: no key and no fact names anybody, the activity does", async () => {
  edge.node.answer = () => 503;
  const journal = await deliver("all@here.test");
  const waiting = await stored();
  expect(waiting.map(({ key }) => key.split("/").slice(0, -1)).sort()).toEqual([
    [".transit"],
    ["edge", expect.any(String)],
    ["node-1", box.mailboxId],
    ["node-1", "relay"],
  ]);
  expect(JSON.stringify(waiting)).not.toMatch(/@|box|away|https|else|plain/);
  await beat({ backup: { since: 1, until: 0 } });
  edge.node.answer = () => 200;
  await sweptTo([]);
  const kept = (await stored()).filter(({ key }) => key.startsWith(".kept/"));
  expect(kept).toHaveLength(1);
  expect(JSON.stringify(kept)).not.toMatch(/@|box|away|here/);
  const steps = [
    "handed-off box@here.test",
    `queued ${hook}`,
    "relay away@else.test",
    "seal box@here.test",
    "taken away@else.test",
  ];
  await expect.poll(() => stepsOf(journal), patient).toEqual(steps);
});

test("the directory lost what it knew of a copy: it is handed over, and told by the mailbox's id", async () => {
  edge.node.answer = () => 503;
  const journal = await deliver("all@here.test");
  await edge.rows("delete from journal_step where journal = ?", journal);
  edge.node.answer = () => 200;
  await sweptTo([]);
  const id = edge.node.taken.findLast(({ path }) => path === nodePaths.relay)?.manifest.id;
  const left = [`handed-off ${box.mailboxId}`, `taken ${id}`];
  await expect.poll(() => stepsOf(journal), patient).toEqual(left);

  edge.node.answer = () => 503;
  const lost = await deliver("box@here.test");
  await edge.rows("delete from journal where id = ?", lost);
  const before = edge.node.taken.length;
  edge.node.answer = () => 200;
  await sweptTo([]);
  const taken = edge.node.taken.slice(before).filter(({ path }) => path === nodePaths.message);
  expect(taken.map(({ manifest }) => manifest.mailbox)).toEqual([box.mailboxId]);
});

test("an object that an earlier version wrote is handed over; where it goes on, its address does not", async () => {
  const at = String(Date.now() - 60_000);
  const customMetadata = { journal: "none", target: "box@here.test", at };
  const name = { name: "n2", origin: edge.node.origin, mx_host: "x", public_key: "AA==" };
  await edge.insert("node", { id: "node-2", ...name, state: "active", created_at: 0 });
  await edge.env.SPOOL.put(`node-2/${box.mailboxId}/old`, "sealed", { customMetadata });
  edge.node.answer = () => 503;
  await sweptTo([`node-1/${box.mailboxId}/old`]);
  expect((await stored()).map(({ facts }) => facts)).toEqual([{ journal: "none", at }]);
  edge.node.answer = () => 200;
  await edge.env.SPOOL.put(`node-1/${box.mailboxId}/older`, "sealed", { customMetadata });
  await sweptTo([]);
  for (const id of ["old", "older"]) await edge.node.next(({ manifest }) => manifest.id === id);
});
