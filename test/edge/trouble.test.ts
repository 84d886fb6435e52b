/**
 * Whatever fails while a message is carried out, at whatever call, before it was done or after: once the sender has heard yes,
 * each copy has gone its way, and none twice. A sender who hears "later" sends the same message again.
 */
import { afterAll, beforeAll, expect, test } from "vitest";
import { nodePaths } from "../../src/core/contract/handoff.ts";
import type { Act, Fault } from "./inside/faulty.ts";
import { configWith, type Edge, letter, openFor, startEdge, type TestMailbox } from "./world.ts";

const zones = { "good.test": { TXT: ["v=spf1 ip4:192.0.2.1 -all"] }, "mx.sender.test": { A: ["192.0.2.1"] } };
let edge: Edge;
let box: TestMailbox;

beforeAll(async () => {
  edge = await startEdge(zones, {}, undefined, configWith("test/edge/inside/faulty.ts"));
  await edge.addNode();
  const account = await edge.addAccount("owner@home.test", true);
  const domain = await edge.addDomain("here.test", account);
  box = await edge.addMailbox(domain, "box@here.test");
  await edge.addAlias(domain, "three", [
    ["address", "direct@else.test"],
    ["address", "relayed@else.test"],
    ["mailbox", box.mailboxId],
  ]);
  const proven = { token: "t", sent_at: 0, verified_at: 1, cloudflare: 1 };
  await edge.insert("verified_address", { account, address: "direct@else.test", ...proven });
});
afterAll(() => edge.close());

/** Sets the faults of the next event; answers how many calls there were since the last time. */
async function plan(...faults: Fault[]): Promise<Record<Act, number>> {
  const response = await fetch(new URL("/faults", edge.url), { method: "POST", body: JSON.stringify(faults) });
  return (await response.json()) as Record<Act, number>;
}

const block = [
  "Received: from mx.sender.test (192.0.2.1) by cloudflare-email.net (cloudflare) id abc for <three@here.test>; now",
  "Received-SPF: pass (mx.cloudflare.net: ok) receiver=mx.cloudflare.net; client-ip=192.0.2.1; envelope-from=<ada@good.test>; helo=mx.sender.test",
  "",
].join("\r\n");

type Sent = { accepted: boolean; forwards: string[] };
type Entrance = (subject: string) => Promise<Sent>;

const letters = new Map<string, string>();
function letterOf(subject: string): string {
  const raw = letters.get(subject) ?? letter("ada@good.test", subject);
  letters.set(subject, raw);
  return raw;
}

const byCloudflare: Entrance = async (subject) => {
  const raw = block + letterOf(subject);
  const result = await edge.worker.email({ from: "ada@good.test", to: "three@here.test", raw });
  const { outcome, forwards } = result as unknown as { outcome: string; forwards: { recipient: string }[] };
  return { accepted: outcome === "ok", forwards: forwards.map(({ recipient }) => recipient) };
};
const atTheDoor: Entrance = async (subject) => {
  const mail = { from: "ada@good.test", to: ["three@here.test"], raw: letterOf(subject) };
  // An edge that can't even look up who calls answers 500, which the door turns into 451.
  const { outcomes } = await edge.deliver(mail).catch((error: unknown) => {
    expect(String(error)).toContain("ingest: 500");
    return { outcomes: [{ kind: "deferred" }] };
  });
  expect(["accepted", "deferred"]).toContain(outcomes[0]?.kind);
  return { accepted: outcomes[0]?.kind === "accepted", forwards: [] };
};

/** Where copies of the message went: the node counts a hand-off by its id, as a real one does. */
function copies(subject: string): string[] {
  const ids = new Map<string, string>();
  for (const { path, body, manifest } of edge.node.taken) {
    const { head, raw } = openFor(path === nodePaths.relay ? edge.node.transit : box, body);
    if (!Buffer.from(raw).toString().includes(`Subject: ${subject}\r\n`)) continue;
    const { recipient } = head as { recipient: string };
    ids.set(manifest.id, path === nodePaths.relay ? recipient : "box@here.test");
  }
  return [...ids.values()];
}

async function sendUntilAccepted(entrance: Entrance, subject: string, faults: Fault[]): Promise<string[]> {
  await plan(...faults);
  const forwards: string[] = [];
  for (let tries = 0; tries < 5; tries++) {
    const sent = await entrance(subject);
    forwards.push(...sent.forwards);
    if (sent.accepted) break;
    expect(tries).toBeLessThan(4);
    await plan();
  }
  await plan();
  return forwards;
}

async function handedOver(): Promise<void> {
  const waiting = async (): Promise<number> => (await edge.env.SPOOL.list()).objects.length;
  await expect.poll(waiting, { timeout: 60_000 }).toBe(0);
}

async function wentTo(entrance: Entrance, subject: string, faults: Fault[]): Promise<string[]> {
  const forwards = await sendUntilAccepted(entrance, subject, faults);
  await handedOver();
  return [...forwards, ...copies(subject)].sort();
}

const beforeOnly = ["before"] as const;
const both = ["before", "after"] as const;
const whole = ["box@here.test", "direct@else.test", "relayed@else.test"];
const entrances: [string, Entrance][] = [
  ["at the door", atTheDoor],
  ["at Cloudflare's entrance", byCloudflare],
];

for (const [name, entrance] of entrances) {
  test(`each call to D1, R2 and forward() fails in turn ${name}`, async () => {
    await plan();
    expect(await wentTo(entrance, `${name}, warm`, [])).toEqual(whole);
    await plan();
    await entrance(`${name}, counted`);
    const counts = await plan();
    expect(counts.put).toBe(entrance === atTheDoor ? 3 : 2);
    expect(counts.forward).toBe(entrance === atTheDoor ? 0 : 1);
    expect(counts.d1).toBeGreaterThan(2);
    const forwarded = new Map<string, string[]>();
    for (const act of ["d1", "put"] as const) {
      for (let nth = 1; nth <= counts[act]; nth++) {
        for (const when of act === "d1" && entrance === atTheDoor ? beforeOnly : both) {
          const subject = `${name} ${act} ${nth} ${when}`;
          forwarded.set(subject, await sendUntilAccepted(entrance, subject, [{ act, nth, when }]));
        }
      }
    }
    await handedOver();
    for (const [subject, forwards] of forwarded)
      expect([subject, [...forwards, ...copies(subject)].sort()]).toEqual([subject, whole]);
  });
}

test("a forward() that throws becomes a relay job of the node", async () => {
  const before = edge.node.taken.length;
  expect(await wentTo(byCloudflare, "refused", [{ act: "forward", nth: 1, when: "before" }])).toEqual(whole);
  expect(
    edge.node.taken
      .slice(before)
      .map(({ path }) => path)
      .sort(),
  ).toEqual([nodePaths.message, nodePaths.relay, nodePaths.relay].sort());
  const detail = `select count(*) as n from journal_step s join journal j on j.id = s.journal
    where s.kind = 'relay' and s.target = 'direct@else.test'`;
  expect((await edge.rows<{ n: number }>(detail))[0]?.n).toBeGreaterThan(0);
});

test("where that can't be stored either the sender is told to come again, and nothing is doubled", async () => {
  const faults: Fault[] = [
    { act: "forward", nth: 1, when: "before" },
    { act: "put", nth: 3, when: "before" },
  ];
  await plan(...faults);
  expect((await byCloudflare("both fail")).accepted).toBe(false);
  expect(await wentTo(byCloudflare, "both fail", [])).toEqual(whole);
});
