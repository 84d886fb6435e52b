/**
 * Trouble while the edge keeps copies of what a node took: each thing it does in R2 fails, before it is done or after, or comes late.
 * What no copy of the node holds is never only at the node, and comes back after a restore.
 */
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { toBase64 } from "../../src/core/bytes.ts";
import { edgePaths } from "../../src/core/contract/handoff.ts";
import type { Seen, SpoolFault } from "./inside/faulty-spool.ts";
import { configWith, type Edge, letter, startEdge, type TestMailbox } from "./world.ts";

/** Queue and backoff take seconds on a busy machine. */
const patient = { timeout: 60_000, interval: 200 };
const minute = 60_000;
const day = 1440 * minute;

let edge: Edge;
let box: TestMailbox;
let spoolOf: string;
let keptOf: string;

beforeAll(async () => {
  edge = await startEdge({}, {}, undefined, configWith("test/edge/inside/faulty-spool.ts"));
  await edge.addNode();
  const account = await edge.addAccount("owner@here.test", true);
  const domain = await edge.addDomain("here.test", account);
  box = await edge.addMailbox(domain, "box@here.test");
  spoolOf = `${edge.node.id}/${box.mailboxId}/`;
  keptOf = `.kept/${spoolOf}`;
});
afterAll(() => edge.close());
afterEach(async () => {
  await plan();
  await driven();
  const { objects } = await edge.env.SPOOL.list();
  if (objects.length > 0) await edge.env.SPOOL.delete(objects.map(({ key }) => key));
});

async function plan(...faults: SpoolFault[]): Promise<void> {
  await (await fetch(new URL("/faults", edge.url), { method: "POST", body: JSON.stringify(faults) })).text();
}
const seen = async (): Promise<Seen> => (await (await fetch(new URL("/seen", edge.url))).json()) as Seen;
const met = async (): Promise<number> => (await seen()).met;

async function beat(more: Record<string, unknown> = { backup: { since: 1, until: 0 } }): Promise<unknown> {
  await edge.rows("update node set redriven_at = 0");
  const transit = { publicKey: toBase64(edge.node.transit.publicKey), keyId: edge.node.transit.keyId };
  const facts = { node: edge.node.id, time: Date.now(), version: "test", relayWaiting: 0, diskFreeBytes: 1 };
  const response = await edge.ask(edgePaths.heartbeat, { ...facts, transit, mailboxes: [], ...more });
  expect(response.status).toBe(200);
  return ((await response.json()) as Record<string, unknown>)["putBack"];
}

async function idsUnder(prefix: string): Promise<string[]> {
  const { objects } = await edge.env.SPOOL.list({ prefix });
  return objects.map(({ key }) => key.slice(key.lastIndexOf("/") + 1)).sort();
}
const waiting = (): Promise<string[]> => idsUnder(spoolOf);
const kept = (): Promise<string[]> => idsUnder(keptOf);
const timesTaken = (id: string): number => edge.node.taken.filter(({ manifest }) => manifest.id === id).length;

async function keptSince(age: number, id: string): Promise<void> {
  const handed = String(Date.now() - age);
  const customMetadata = { journal: "none", at: handed, handed };
  await edge.env.SPOOL.put(keptOf + id, `sealed ${id}`, { customMetadata });
}

async function accepted(subject: string): Promise<void> {
  const mail = { from: "ada@plain.test", to: ["box@here.test"], raw: letter("ada@plain.test", subject) };
  expect((await edge.deliver(mail)).outcomes[0]?.kind).toBe("accepted");
}
/** Beats, as a node does, until nothing waits for it. */
async function driven(said?: Record<string, unknown>): Promise<void> {
  await expect
    .poll(async () => {
      await beat(said);
      return waiting();
    }, patient)
    .toEqual([]);
}
/** The one that was handed over since. */
async function handedOver(before: number): Promise<string> {
  const mine = () => edge.node.taken.slice(before).find(({ manifest }) => manifest.mailbox === box.mailboxId);
  await expect.poll(mine, patient).toBeDefined();
  return mine()?.manifest.id ?? "";
}

const once = (op: SpoolFault["op"], under: string, when: SpoolFault["when"]): SpoolFault => {
  return { op, under, when, does: "fail", times: 1 };
};

for (const when of ["before", "after"] as const) {
  test(`keeping fails, ${when} it is done: the spool's own copy stays until one is kept`, async () => {
    await beat();
    await plan({ ...once("put", keptOf, when), times: 2 });
    const before = edge.node.taken.length;
    await accepted(`keeping fails ${when}`);
    const id = await handedOver(before);
    await expect.poll(met, patient).toBeGreaterThan(0);
    await expect.poll(waiting, patient).toEqual([]);
    expect(await met()).toBe(2);
    expect(timesTaken(id)).toBe(3); // a node knows ids: one message
    expect(await kept()).toEqual([id]);
  });

  test(`the edge ends between keeping and deleting, ${when} the latter is done: handed over once more, kept once`, async () => {
    await beat();
    await plan(once("delete", spoolOf, when));
    const before = edge.node.taken.length;
    await accepted(`deleting fails ${when}`);
    const id = await handedOver(before);
    await expect.poll(met, patient).toBe(1);
    await expect.poll(waiting, patient).toEqual([]);
    expect(await kept()).toEqual([id]);
  });
}

const copyWas = 60 * minute;
const restored = (id: string) => ({ id, from: Date.now() - copyWas, mailboxes: null });

for (const [op, prefix] of [
  ["list", () => keptOf.slice(0, keptOf.indexOf("/", 6) + 1)],
  ["get", () => keptOf],
  ["put", () => spoolOf],
] as const) {
  for (const when of ["before", "after"] as const) {
    test(`a ${op} fails while what was lost is put back, ${when} it is done: the next beat goes on`, async () => {
      const name = `${op}-${when}`;
      const ids = [0, 1, 2].map((n) => `${name}-${n}`);
      for (const id of ids) await keptSince(5 * minute, id);
      await plan(once(op, prefix(), when));
      const said = { backup: { since: 1, until: 0 }, restored: restored(name) };
      expect(await beat(said)).toBeUndefined();
      await expect.poll(met, patient).toBe(1);
      await expect.poll(() => beat(said), patient).toBe(name);
      await driven();
      expect(ids.map(timesTaken)).toEqual([1, 1, 1]);
      expect(await kept()).toEqual(ids);
    });
  }
}

test("a restore that is heard in two beats at once gives everything back", async () => {
  const ids = Array.from({ length: 30 }, (_, n) => `twice-${String(n).padStart(2, "0")}`);
  await Promise.all(ids.map((id) => keptSince(5 * minute, id)));
  const said = { backup: { since: 1, until: 0 }, restored: restored("twice") };
  await Promise.all([beat(said), beat(said), beat(said)]);
  await expect.poll(() => beat(said), patient).toBe("twice");
  await driven();
  for (const id of ids) expect(timesTaken(id)).toBeGreaterThan(0);
  expect(await kept()).toEqual(ids);
});

test("handed over again before the putting back is over: it is kept all the same", async () => {
  await keptSince(5 * minute, "overtaken");
  await plan({ op: "put", under: spoolOf, when: "after", does: "hold", times: 1 });
  await beat({ backup: { since: 1, until: 0 }, restored: restored("overtaken") });
  await expect.poll(async () => (await seen()).held, patient).toBe(1);
  await driven();
  expect(timesTaken("overtaken")).toBe(1);
  await plan(); // lets the putting back go on
  await expect
    .poll(() => beat({ backup: { since: 1, until: 0 }, restored: restored("overtaken") }), patient)
    .toBe("overtaken");
  expect(await kept()).toEqual(["overtaken"]);
});

test("a mark that is lost, or goes back, deletes nothing more", async () => {
  await keptSince(30 * minute, "young");
  await keptSince(120 * minute, "old");
  for (const until of [Date.now() - 60 * minute, Date.now() - 180 * minute, 0]) {
    await beat({ backup: { since: 1, until } });
    await edge.worker.scheduled({});
    expect(await kept()).toEqual(["young"]);
  }
});

test("with each clock as wrong as may be, nothing goes that the copy may lack", async () => {
  const ahead = 5 * minute;
  // The node's clock is five minutes ahead, and was set right after the copy: 5 + 5.
  await keptSince(0, "after-the-copy");
  await keptSince(6 * minute, "before-the-copy");
  await keptSince(11 * minute, "surely-before");
  await beat({ backup: { since: 1, until: Date.now() + ahead - 5 * minute } });
  await edge.worker.scheduled({});
  expect(await kept()).toEqual(["after-the-copy", "before-the-copy"]);
  const said = { backup: { since: 1, until: 0 }, restored: { id: "clocks", from: Date.now() - 1000, mailboxes: null } };
  await expect.poll(() => beat(said), patient).toBe("clocks");
  for (const id of ["after-the-copy", "before-the-copy"]) await edge.node.next(({ manifest }) => manifest.id === id);
});

test("tidying fails: the rest of the sweep is done, and the next one tidies", async () => {
  await beat();
  await keptSince(8 * day, "old");
  await edge.insert("seen", { key: "expired", journal: "none", reply: "", expires_at: 1 });
  await plan({ op: "delete", under: keptOf, when: "before", does: "fail", times: 1 });
  await edge.worker.scheduled({});
  expect(await met()).toBe(1);
  expect(await kept()).toEqual(["old"]);
  expect(await edge.rows("select * from seen where expires_at = 1")).toEqual([]);
  await edge.worker.scheduled({});
  expect(await kept()).toEqual([]);
});

test("one node's spool can't be listed: the others' mail is driven", async () => {
  const row = {
    name: "n0",
    origin: edge.node.origin,
    mx_host: "x",
    public_key: "AA==",
    state: "active",
    created_at: 0,
  };
  await edge.insert("node", { id: "node-0", ...row });
  await edge.rows("update node set rowid = 0 where id = 'node-0'"); // the sweep meets it first
  const customMetadata = { journal: "none", at: String(Date.now() - minute) };
  await edge.env.SPOOL.put(`${spoolOf}beside`, "sealed", { customMetadata });
  await plan({ op: "list", under: "node-0/", when: "before", does: "fail", times: 1000 });
  await expect
    .poll(async () => {
      await edge.rows("update node set redriven_at = 0");
      await edge.worker.scheduled({});
      return waiting();
    }, patient)
    .toEqual([]);
  await edge.rows("delete from node where id = 'node-0'");
});
