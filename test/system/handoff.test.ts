/** The hand-off under attack and under failure: forged, stale, misaddressed, repeated, node down, node killed. */

import { existsSync, readFileSync } from "node:fs";
import { request } from "node:https";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { fromBase64, utf8 } from "../../src/core/bytes.ts";
import { type CallHeaders, signCall } from "../../src/core/contract/call.ts";
import { nodePaths } from "../../src/core/contract/handoff.ts";
import { portablePrimitives } from "../../src/core/seal/primitives.ts";
import { sealMessage } from "../../src/core/seal/seal.ts";
import { nodeCrypto } from "../../src/daemon/platform.ts";
import { countIn, emailEvent, eventually, sample, type TestWorld, testWorld } from "./world.ts";

let world: TestWorld;
let mailbox: { id: string; publicKey: Uint8Array; keyId: string };

beforeAll(async () => {
  world = await testWorld();
  const { id, publicKey, keyId } = world.demo.mailbox;
  mailbox = { id, publicKey: fromBase64(publicKey), keyId };
});
afterAll(() => world?.close());

function sealed(subject: string): Uint8Array {
  const raw = utf8(`From: a@sender.test\r\nSubject: ${subject}\r\n\r\nbody\r\n`);
  const inner = {
    receivedAt: Date.now(),
    mailFrom: "a@sender.test",
    recipient: "hello@demo.test",
    folder: "INBOX",
    flags: [],
    trace: "",
    proofSummary: "spf=none dkim=none dmarc=none",
  };
  const { chunks } = sealMessage(
    { publicKey: mailbox.publicKey, keyId: mailbox.keyId, inner, raw },
    portablePrimitives,
  );
  return Buffer.concat([...chunks()]);
}

type Twist = { now?: number; audience?: string; seed?: Uint8Array; sender?: string; path?: string };

async function headersFor(id: string, body: Uint8Array, twist: Twist = {}): Promise<CallHeaders> {
  const manifest = {
    audience: twist.audience ?? world.secrets.nodeId,
    method: "POST" as const,
    path: twist.path ?? nodePaths.message,
    mailbox: mailbox.id,
    epoch: 0,
    id,
  };
  const identity = { name: twist.sender ?? "edge", seed: twist.seed ?? fromBase64(world.secrets.edge.seed) };
  return signCall(manifest, body, identity, twist.now ?? Date.now(), nodeCrypto);
}

/** POSTs to the node's hand-off listener; answers the status. */
function post(body: Uint8Array, headers: CallHeaders | Record<string, string>): Promise<number> {
  return new Promise((done, failed) => {
    const options = {
      ca: readFileSync(world.endpoints.ca),
      method: "POST",
      headers: { ...headers, "content-length": String(body.length) },
    };
    const call = request(`https://localhost:${world.endpoints.handoff.port}${nodePaths.message}`, options, (answer) => {
      answer.resume();
      answer.on("end", () => done(answer.statusCode ?? 0));
    });
    call.on("error", failed);
    call.end(body);
  });
}

describe("a hand-off is refused", () => {
  const body = (): Uint8Array => sealed("refused");
  test("without signature", async () => {
    expect(await post(body(), {})).toBe(401);
  });
  test("with a stale timestamp", async () => {
    const bytes = body();
    expect(await post(bytes, await headersFor("stale", bytes, { now: Date.now() - 10 * 60_000 }))).toBe(401);
  });
  test("with a timestamp of the future", async () => {
    const bytes = body();
    expect(await post(bytes, await headersFor("early", bytes, { now: Date.now() + 10 * 60_000 }))).toBe(401);
  });
  test("signed by somebody else", async () => {
    const bytes = body();
    expect(await post(bytes, await headersFor("forged", bytes, { seed: new Uint8Array(32).fill(7) }))).toBe(401);
  });
  test("meant for another node", async () => {
    const bytes = body();
    expect([401, 421]).toContain(await post(bytes, await headersFor("elsewhere", bytes, { audience: "other-node" })));
  });
  test("signed for another path", async () => {
    const bytes = body();
    expect([401, 421]).toContain(await post(bytes, await headersFor("path", bytes, { path: nodePaths.relay })));
  });
  test("whose body was changed on the way", async () => {
    const bytes = body();
    const headers = await headersFor("tampered", bytes);
    const changed = Uint8Array.from(bytes);
    changed[changed.length - 5] = (changed[changed.length - 5] ?? 0) ^ 1;
    expect(await post(changed, headers)).toBe(400);
  });
  test("and none of that was filed", async () => {
    expect(await countIn(world, "INBOX")).toBe(0);
  });
});

test("the same hand-off twice, freshly signed, answers 2xx and files one message", async () => {
  const bytes = sealed("once");
  expect(await post(bytes, await headersFor("twice", bytes))).toBe(200);
  expect(await post(bytes, await headersFor("twice", bytes, { now: Date.now() + 1000 }))).toBe(200);
  expect(await countIn(world, "INBOX")).toBe(1);
});

test("a node killed between receipt and filing loses nothing", async () => {
  const before = await countIn(world, "INBOX");
  const received = 20;
  for (let i = 0; i < received; i++) {
    const bytes = sealed(`kill ${i}`);
    expect(await post(bytes, await headersFor(`kill-${i}`, bytes))).toBe(200);
  }
  process.kill(world.node.pid ?? 0, "SIGKILL");
  await eventually("the node back, with all of it", async () =>
    (await countIn(world, "INBOX")) === before + received ? true : null,
  );
  // and the ids are remembered across the restart
  const bytes = sealed("kill 0");
  const again = await eventually("the hand-off listener back", async () => {
    const headers = await headersFor("kill-0", bytes);
    return post(bytes, headers).catch(() => null);
  });
  expect(again).toBe(200);
  expect(await countIn(world, "INBOX")).toBe(before + received);
});

test("mail accepted while the node is down waits, and arrives once when it is back", async () => {
  const before = await countIn(world, "INBOX");
  await world.node.stop();
  const events = ["one@plain.test", "two@plain.test", "three@plain.test"];
  for (const from of events)
    expect((await emailEvent(world, from, "hello@demo.test", sample("unsigned"))).outcome).toBe("ok");
  await world.node.start();
  await eventually(
    "all that waited",
    async () => ((await countIn(world, "INBOX")) === before + events.length ? true : null),
    90_000,
  );
  await fetch(`${world.endpoints.edge}/cdn-cgi/handler/scheduled`); // another sweep brings nothing twice
  expect(await countIn(world, "INBOX")).toBe(before + events.length);
});

test("the node's metrics tell how hand-offs ended and how far it is behind", async () => {
  const { port } = world.endpoints.metrics;
  const text = await eventually(
    "numbers of the edge's spool",
    async () => {
      const said = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text();
      return said.includes("handoff_lag_seconds") ? said : null;
    },
    90_000,
  );
  expect(text).toMatch(/^postern_handoff_calls_total\{status="200"\} [1-9]/m);
  expect(text).not.toContain("demo.test");
});

test("mail that waits outlives a restart of the edge, whose queue forgets", async () => {
  const before = await countIn(world, "INBOX");
  await world.node.stop();
  expect((await emailEvent(world, "four@plain.test", "hello@demo.test", sample("unsigned"))).outcome).toBe("ok");
  await world.edge.stop();
  await world.edge.start();
  await world.node.start();
  await eventually("what waited", async () => ((await countIn(world, "INBOX")) === before + 1 ? true : null), 90_000);
});

/** The demo's operator, over the API. */
async function api(method: string, path: string, body?: unknown): Promise<number> {
  const origin = world.endpoints.edge;
  const headers = { "content-type": "application/json", origin };
  const session = await fetch(new URL("/api/session", origin), {
    method: "POST",
    headers,
    body: JSON.stringify(world.secrets.admin),
  });
  const cookie = session.headers
    .getSetCookie()
    .map((each) => each.split(";")[0])
    .join("; ");
  const sent = body === undefined ? {} : { body: JSON.stringify(body) };
  return (await fetch(new URL(path, origin), { method, headers: { ...headers, cookie }, ...sent })).status;
}

test("a mailbox deleted while its node is away: its files and its mail on the way are gone once the node is back", async () => {
  const folder = join(world.folder, "node", "mailboxes", mailbox.id);
  expect(existsSync(join(folder, "mail.db"))).toBe(true);
  await world.node.stop();
  expect((await emailEvent(world, "five@plain.test", "hello@demo.test", sample("unsigned"))).outcome).toBe("ok");
  expect(await api("DELETE", `/api/mailboxes/${mailbox.id}?address=${world.endpoints.mailbox.address}`)).toBe(200);
  expect(existsSync(folder)).toBe(true);
  await world.node.start();
  await eventually("the files gone", () => (existsSync(folder) ? null : true), 90_000);
  expect(await countIn(world, "INBOX")).toBeNaN(); // nobody logs in
  const body = sealed("late");
  expect(await post(body, await headersFor("late", body))).toBe(410);
});
