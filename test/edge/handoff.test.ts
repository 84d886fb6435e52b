/** Hand-off under trouble: the node is down, moved, refuses, or the Queue forgot. R2 alone has to be enough. */
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { toBase64 } from "../../src/core/bytes.ts";
import { edgePaths, nodePaths } from "../../src/core/contract/handoff.ts";
import { type Edge, letter, startEdge, type TestMailbox } from "./world.ts";

/** Queue and backoff take seconds on a busy machine. */
const patient = { timeout: 30_000, interval: 300 };

let edge: Edge;
let domain: string;
let account: string;
let box: TestMailbox;

beforeAll(async () => {
  edge = await startEdge({});
  await edge.addNode();
  account = await edge.addAccount("owner@home.test", true);
  domain = await edge.addDomain("here.test", account);
  box = await edge.addMailbox(domain, "box@here.test");
});
afterAll(() => edge.close());
afterEach(async () => {
  edge.node.answer = () => 200;
  await edge.worker.scheduled({});
});

/** Notices to the owner are on their way beside what a test is about. */
const spooled = async (): Promise<string[]> =>
  (await edge.env.SPOOL.list()).objects.map((object) => object.key).filter((key) => !/\/(parked|paused)-/.test(key));
const deliver = (to: string, subject: string) =>
  edge.deliver({ from: "ada@plain.test", to: [to], raw: letter("ada@plain.test", subject) });
const steps = async (target: string): Promise<string[]> => {
  const rows = await edge.rows<{ kind: string }>(
    "select kind from journal_step where target = ? order by at, id",
    target,
  );
  return rows.map(({ kind }) => kind);
};

function beat(more: Record<string, unknown> = {}): unknown {
  const transit = { publicKey: toBase64(edge.node.transit.publicKey), keyId: edge.node.transit.keyId };
  const facts = { node: edge.node.id, time: Date.now(), version: "test", relayWaiting: 0, diskFreeBytes: 1 };
  return { ...facts, transit, mailboxes: [], ...more };
}

/** The node's ear is deaf: connections end before an answer. */
async function whileDeaf(work: () => Promise<void>): Promise<void> {
  const origin = "http://127.0.0.1:9"; // nobody listens on discard
  await edge.rows("update node set origin = ?", origin);
  try {
    await work();
  } finally {
    await edge.rows("update node set origin = ?", edge.node.origin);
  }
}

test("node down: the sender hears 250, the mail waits, a heartbeat brings it at once", async () => {
  await whileDeaf(async () => {
    const { outcomes } = await deliver("box@here.test", "while you were away");
    expect(outcomes[0]?.kind).toBe("accepted");
    const silent = "select id from node where unreachable_since > 0";
    await expect.poll(() => edge.rows(silent), patient).toHaveLength(1);
    expect(await spooled()).toHaveLength(1);
  });
  await edge.rows("update node set redriven_at = 0");
  const before = edge.node.taken.length;
  await expect
    .poll(async () => {
      await edge.rows("update node set redriven_at = 0");
      await edge.ask(edgePaths.heartbeat, beat());
      return spooled();
    }, patient)
    .toEqual([]);
  expect(edge.node.taken.length).toBeGreaterThan(before);
  expect(new Set(edge.node.taken.slice(before).map(({ manifest }) => manifest.id)).size).toBe(1);
  expect(await steps("box@here.test")).toEqual(["seal", "handed-off"]);
});

test("a bell that was lost: the sweep finds the mail in R2", async () => {
  await deliver("box@here.test", "to copy");
  await expect.poll(spooled, patient).toEqual([]);
  const call = edge.node.taken.at(-1);
  if (call === undefined) throw new Error("nothing was handed off");
  const key = `${edge.node.id}/${box.mailboxId}/lost-bell`;
  const facts = { journal: "none", at: String(Date.now() - 60_000) };
  await edge.env.SPOOL.put(key, call.body, { customMetadata: facts });
  await expect
    .poll(async () => {
      await edge.worker.scheduled({});
      return spooled();
    }, patient)
    .toEqual([]);
  await edge.node.next(({ manifest }) => manifest.id === "lost-bell");
});

test("what waited five days is parked: kept, shown, not tried any more", async () => {
  const journal = edge.newId();
  await edge.insert("journal", {
    id: journal,
    domain,
    at: 0,
    entrance: "door",
    mail_from: "",
    recipient: "box@here.test",
    author: "",
    size: 1,
    outcome: "accepted",
    reason: "ok",
    reply: "",
    expires_at: Date.now() + 1e9,
  });
  const key = `${edge.node.id}/${box.mailboxId}/old`;
  const at = String(Date.now() - 5 * 86_400_000 - 1000);
  const sealed = { id: `copy:${journal}:old`, journal, at: 0, kind: "seal", target: "parked@here.test", ok: 1 };
  await edge.insert("journal_step", sealed);
  await edge.env.SPOOL.put(key, "sealed", { customMetadata: { journal, at } });
  await edge.worker.scheduled({});
  await edge.worker.scheduled({});
  expect(await steps("parked@here.test")).toEqual(["seal", "parked"]);
  expect(await spooled()).toEqual([key]);
  await edge.node.next(({ manifest }) => manifest.id.startsWith("parked-")); // its owner is told
  expect(edge.node.taken.some(({ manifest }) => manifest.id === "old")).toBe(false);
  await edge.env.SPOOL.delete(key);
});

test("the spool follows a mailbox to its new node, and dies with a deleted one", async () => {
  const moved = await edge.addMailbox(domain, "moved@here.test");
  const gone = await edge.addMailbox(domain, "gone@here.test");
  edge.node.answer = ({ path }) => (path === nodePaths.message ? 410 : 200);
  await deliver("moved@here.test", "moved");
  await deliver("gone@here.test", "gone");
  await expect.poll(spooled, patient).toHaveLength(2);
  const row = {
    name: "n2",
    origin: edge.node.origin,
    mx_host: "x",
    public_key: "AA==",
    state: "active",
    created_at: 0,
  };
  await edge.insert("node", { id: "node-2", ...row });
  await edge.rows("update mailbox set node = 'node-2', epoch = 1 where id = ?", moved.mailboxId);
  await edge.rows("update mailbox set state = 'deleted' where id = ?", gone.mailboxId);
  await expect
    .poll(async () => {
      await edge.worker.scheduled({});
      return spooled();
    }, patient)
    .toEqual([expect.stringMatching(`^node-2/${moved.mailboxId}/`)]);
  expect(await steps("gone@here.test")).toEqual(["seal", "destroyed"]);
  // The stub is node-1 and refuses what is addressed to node-2.
  await expect.poll(() => edge.node.refused.includes("misaddressed"), patient).toBe(true);
  await edge.env.SPOOL.delete(await spooled());
});

test("a heartbeat tells usage and devices, and hears what the edge holds", async () => {
  const slot = { id: "slot-1", selector: "abcd", slot: "{}", label: "phone", created_at: 0 };
  await edge.insert("keyslot", { ...slot, mailbox: box.mailboxId, kind: "app-password" });
  const usage = { id: box.mailboxId, revision: 1, usedBytes: 4242, waiting: 3, generation: 1, lastUse: { abcd: 1000 } };
  const response = await edge.ask(edgePaths.heartbeat, beat({ mailboxes: [usage] }));
  expect(response.status).toBe(200);
  const answer = (await response.json()) as { mailboxes: { id: string }[]; domains: string[] };
  expect(answer.mailboxes.map(({ id }) => id)).toContain(box.mailboxId);
  expect(answer.domains).toEqual(["here.test"]);
  const [row] = await edge.rows(
    "select used_bytes, waiting, applied_revision from mailbox where id = ?",
    box.mailboxId,
  );
  expect(row).toEqual({ used_bytes: 4242, waiting: 3, applied_revision: 1 });
  expect(await edge.rows("select last_used_at from keyslot")).toEqual([{ last_used_at: 1000 }]);
  const other = await edge.ask(edgePaths.heartbeat, beat({ node: "node-2" }));
  expect(other.status).toBe(503);
});

test("a full mailbox is 452, and a node learns a mailbox only if it lives there", async () => {
  await edge.rows("update mailbox set used_bytes = quota_bytes where id = ?", box.mailboxId);
  expect((await deliver("box@here.test", "too much")).outcomes[0]).toMatchObject({
    kind: "deferred",
    enhanced: "4.2.2",
  });
  await edge.rows("update keyslot set revoked_at = 1");
  await edge.rows("delete from keyslot");
  const ask = async (address: string): Promise<unknown> => (await edge.ask(edgePaths.mailbox, { address })).json();
  expect(await ask("BOX@here.test")).toMatchObject({ mailbox: { id: box.mailboxId, address: "box@here.test" } });
  expect(await ask("moved@here.test")).toEqual({ mailbox: null });
});

test("without a node to relay through, forwarding is deferred and nothing is lost or doubled", async () => {
  await edge.addAlias(domain, "out", [["address", "x@else.test"]]);
  await edge.rows("update node set transit_key = null");
  const mail = { from: "ada@plain.test", to: ["out@here.test"], raw: letter("ada@plain.test", "retry") };
  expect((await edge.deliver(mail)).outcomes[0]).toMatchObject({ kind: "deferred", enhanced: "4.2.1" });
  await edge.ask(edgePaths.heartbeat, beat()); // brings the key
  expect((await edge.deliver(mail)).outcomes[0]?.kind).toBe("accepted");
  const call = await edge.node.next(({ path }) => path === nodePaths.relay);
  const results = [
    {
      job: call.manifest.id,
      journalId: "",
      recipient: "x@else.test",
      at: 5,
      kind: "failed",
      detail: "550 5.1.1 no such user",
      host: "mx.else.test",
    },
  ];
  const [row] = await edge.rows<{ id: string }>(
    "select id from journal where recipient = 'out@here.test' order by id desc",
  );
  for (const result of results) result.journalId = row?.id ?? "";
  await edge.ask(edgePaths.results, { results });
  await edge.ask(edgePaths.results, { results });
  expect(await steps("x@else.test")).toEqual(["relay", "taken", "failed"]);
  const [health] = await edge.rows<{ paused_at: number; failures: number }>(
    "select paused_at, failures from destination where target = 'x@else.test'",
  );
  expect(health?.paused_at).toBe(5);
  await edge.node.next(({ manifest }) => manifest.id.startsWith("paused-")); // its owner is told
});

test("one recipient forwarded and one filed, each failing in turn: nothing lost, nothing doubled", async () => {
  await edge.rows("update mailbox set used_bytes = 0 where id = ?", box.mailboxId);
  await edge.addAlias(domain, "pair", [
    ["mailbox", box.mailboxId],
    ["address", "pair@else.test"],
  ]);
  const transit = toBase64(edge.node.transit.publicKey);
  for (const broken of [
    "update node set transit_key = 'AA=='",
    "update mailbox set public_key = 'AA==' where id = ?1",
  ]) {
    const raw = letter("ada@plain.test", `pair, then ${broken}`);
    const mail = { from: "ada@plain.test", to: ["pair@here.test", "box@here.test"], raw };
    const before = edge.node.taken.length;
    await edge.rows(broken, ...(broken.includes("?1") ? [box.mailboxId] : []));
    const first = await edge.deliver(mail);
    expect(first.outcomes[0]?.kind).toBe("deferred");
    await edge.rows("update node set transit_key = ? where id = ?", transit, edge.node.id);
    await edge.rows("update mailbox set public_key = ? where id = ?", toBase64(box.publicKey), box.mailboxId);
    const second = await edge.deliver(mail);
    expect(second.outcomes.map(({ kind }) => kind)).toEqual(["accepted", "accepted"]);
    await edge.deliver(mail);
    await expect.poll(spooled, patient).toEqual([]);
    const ids = edge.node.taken
      .slice(before)
      .map(({ manifest }) => manifest.id)
      .filter((id) => /^[0-9a-f]{40}$/.test(id)); // not the notices
    // Filed for pair, filed for box, relayed for pair. A node keeps ids, so the same one again is nothing new to it.
    expect(new Set(ids).size).toBe(3);
  }
});
