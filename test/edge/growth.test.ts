/** Thousands of aliases in a domain, thousands of mailboxes on a node: what they cost grows with their number, not with its square. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { toBase64 } from "../../src/core/bytes.ts";
import { edgePaths } from "../../src/core/contract/handoff.ts";
import { type Edge, startEdge } from "./world.ts";

const how = { "content-type": "application/json" };
let edge: Edge;
let cookie = "";
let account = "";

beforeAll(async () => {
  edge = await startEdge({});
  await edge.addNode();
  const owner = { email: "owner@growth.test", password: "a long demo password", token: "a-setup-token-for-tests" };
  const made = await fetch(new URL("/api/setup", edge.url), {
    method: "POST",
    headers: how,
    body: JSON.stringify(owner),
  });
  cookie = made.headers.getSetCookie()[0]?.split(";")[0] ?? "";
  account = ((await made.json()) as { id: string }).id;
});
afterAll(() => edge?.close());

async function timed(work: () => Promise<void>): Promise<number> {
  const started = performance.now();
  await work();
  return performance.now() - started;
}

async function importing(name: string, n: number): Promise<void> {
  const domain = await edge.addDomain(name, account);
  const lines = Array.from({ length: n }, (_, i) => `name${i},,to${i}@elsewhere.test`);
  const text = ["name,description,recipients", ...lines].join("\n");
  const response = await fetch(new URL(`/api/domains/${domain}/import`, edge.url), {
    method: "POST",
    headers: { ...how, cookie, origin: edge.url.origin },
    body: JSON.stringify({ source: "forward-email", text, apply: true }),
  });
  expect(await response.json()).toMatchObject({ applied: true, create: n });
}

// Eight times as many took 68 times as long: for each alias of the domain SQLite read the whole list.
test("an import of eight thousand aliases", async () => {
  const small = await timed(() => importing("small.test", 1000));
  const large = await timed(() => importing("large.test", 8000));
  console.log(`importing 1,000 aliases: ${small.toFixed(0)} ms; 8,000: ${large.toFixed(0)} ms`);
  expect(large).toBeLessThan(small * 24);
}, 180_000);

async function addMailboxes(n: number): Promise<void> {
  await edge.rows(
    `insert into mailbox (id, domain, address, node, public_key, key_id, quota_bytes, created_at)
     with recursive n(i) as (select 0 union all select i + 1 from n where i + 1 < ?2)
     select ?1 || i, (select id from domain limit 1), ?1 || i || '@small.test', ?3, '', '', 1000, 0 from n`,
    `beat${n}`,
    n,
    edge.node.id,
  );
}

test("the heartbeat of a node with six thousand mailboxes", async () => {
  const { publicKey, keyId } = edge.node.transit;
  const beat = async (usedBytes: number): Promise<void> => {
    const boxes = await edge.rows<{ id: string }>("select id from mailbox");
    const mailboxes = boxes.map(({ id }) => ({ id, revision: 1, usedBytes, waiting: 0, generation: 1, lastUse: {} }));
    const facts = { node: edge.node.id, time: Date.now(), version: "test", relayWaiting: 0, diskFreeBytes: 1 };
    const transit = { publicKey: toBase64(publicKey), keyId };
    const response = await edge.ask(edgePaths.heartbeat, { ...facts, transit, mailboxes });
    expect(response.status).toBe(200);
  };
  await addMailboxes(600);
  await beat(1);
  const small = await timed(() => beat(2));
  await addMailboxes(5400);
  const large = await timed(() => beat(3));
  console.log(`a heartbeat with 600 mailboxes: ${small.toFixed(0)} ms; with 6,000: ${large.toFixed(0)} ms`);
  expect(large).toBeLessThan(small * 30);
  expect(await edge.rows("select count(*) as n from mailbox where used_bytes = 3")).toEqual([{ n: 6000 }]);
}, 180_000);

async function shown(path: string): Promise<string> {
  const response = await fetch(new URL(path, edge.url), { headers: { cookie } });
  const html = await response.text();
  expect([response.status, html.length < 60 * 1024]).toEqual([200, true]);
  return html;
}

const addressesIn = (html: string): string[] =>
  [...html.matchAll(/(beat\d+)<span class="at">@/g)].map(([, local = ""]) => local);

test("six thousand mailboxes are shown by the page, and found by a part of their address", async () => {
  const [first] = await edge.rows<{ id: string }>("select id from domain order by id limit 1");
  await shown(`/domains/${first?.id}`);
  expect(await shown("/charts")).toContain("Stored, by mailbox");
  const html = await shown("/mailboxes");
  expect(html).toContain("6,000 mailboxes");
  const next = /href="([^"]*)" rel="next"/.exec(html)?.[1]?.replaceAll("&amp;", "&") ?? "";
  const [one, two] = [addressesIn(html), addressesIn(await shown(`/mailboxes${next}`))];
  expect([one.length, two.length, new Set([...one, ...two]).size]).toEqual([50, 50, 100]);
  expect(addressesIn(await shown("/mailboxes?text=beat540077@"))).toEqual(["beat540077"]);
});

// One page looks at 20,000 messages; what is sought is the 20,500th.
test("a search of the journal goes on where one page of it ended", async () => {
  const domain = await edge.addDomain("busy.test", account);
  await edge.rows(
    `insert into journal (id, domain, at, entrance, mail_from, recipient, author, size, outcome, reason, reply, expires_at)
     with recursive n(i) as (select 0 union all select i + 1 from n where i < 20999)
     select printf('01J%023d', 50000 - i), ?1, ?2, 'door', 'a@b.test', iif(i = 20500, 'sought', 'r') || '@busy.test', 'a@b.test', 1,
       'accepted', 'ok', '', ?2 + 1e9 from n`,
    domain,
    Date.now(),
  );
  const search = async (after = ""): Promise<{ items: unknown[]; next: string | null }> => {
    const url = new URL(`/api/activity?domain=${domain}&text=sought&limit=10${after}`, edge.url);
    return (await fetch(url, { headers: { cookie } })).json() as Promise<{ items: unknown[]; next: string | null }>;
  };
  const first = await search();
  expect(first).toEqual({ items: [], next: expect.any(String) });
  const second = await search(`&after=${first.next}`);
  expect(second).toEqual({ items: [expect.objectContaining({ recipient: "sought@busy.test" })], next: null });
  expect(await shown(`/activity?domain=${domain}&text=sought`)).toContain("Look further back");
  const stats = new URL(`/api/stats?domain=${domain}&days=1`, edge.url);
  expect(await (await fetch(stats, { headers: { cookie } })).json()).toMatchObject({ days: [{ accepted: 21_000 }] });
  await edge.rows("update journal set outcome = 'deferred', reason = 'busy' where recipient = 'sought@busy.test'");
  expect(await (await fetch(stats, { headers: { cookie } })).json()).toMatchObject({
    days: [{ accepted: 20_999, deferred: 1 }],
    reasons: [{ result: "busy", outcome: "deferred", n: 1 }],
  });
});
