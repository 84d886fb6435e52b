/** Several messages for one host go over one conversation, within bounds, and none is lost or doubled when it ends. */
import { mkdtempSync, readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { certificates } from "../../../src/cli/world/certificates.ts";
import { guardedConnect, mailPorts } from "../../../src/daemon/net/connect.ts";
import { tlsContext } from "../../../src/daemon/net/tls.ts";
import { type DeliverDeps, deliver } from "../../../src/daemon/queue/deliver.ts";
import { Reuse, type ReuseRules } from "../../../src/daemon/queue/reuse.ts";
import { openSink, type Sink, type SinkOptions, type Step } from "./sink.ts";
import { openQueue, relayJob, sealFor, tableResolver } from "./world.ts";

const open: { close(): unknown }[] = [];
let dialled = 0;
beforeEach(() => {
  dialled = 0;
});
afterEach(async () => {
  for (const one of open.splice(0).reverse()) await one.close();
});

async function hostWith(options: SinkOptions = {}): Promise<Sink> {
  const sink = await openSink(options);
  open.push(sink);
  return sink;
}

const guarded = guardedConnect({ ownAddresses: [], ports: mailPorts, allowLoopback: true, timeoutMs: 5000 });
const connect: typeof guarded = (address, port) => {
  dialled++;
  return guarded(address, port);
};

function depsFor(sink: Sink, rules: Partial<ReuseRules> = {}): DeliverDeps {
  const reuse = new Reuse({ idleMs: 60_000, ...rules });
  open.push(reuse);
  return {
    dns: tableResolver({ "dest.test": { A: ["127.0.0.1"] }, "other.test": { A: ["127.0.0.1"] } }),
    port: sink.port,
    ownNames: [],
    atHome: () => Promise.reject(new Error("nothing is served here")),
    chance: () => 0,
    name: "mx.node.test",
    connect,
    reuse,
    replyTimeoutMs: 5000,
    clock: Date.now,
  };
}

const body = (n: number): Buffer => Buffer.from(`Subject: ${n}\r\n\r\n.dot ${n}\r\n`);
const mail = (n: number, to = "me@dest.test") => ({ from: "a@b.test", to, route: null, raw: body(n), smtputf8: false });

it("sends several messages over one conversation, each byte for byte under its own envelope", async () => {
  const sink = await hostWith();
  const deps = depsFor(sink);
  for (let n = 0; n < 5; n++) expect(await deliver(mail(n, `to${n}@dest.test`), deps)).toMatchObject({ code: 250 });
  expect(dialled).toBe(1);
  expect(sink.caught.map(({ raw, to }) => [raw.toString(), to])).toEqual(
    [0, 1, 2, 3, 4].map((n) => [body(n).toString(), [`to${n}@dest.test`]]),
  );
});

it("keeps TLS: the second message is encrypted without a second handshake", async () => {
  const files = await certificates(mkdtempSync(join(tmpdir(), "reuse-")), ["dest.test"]);
  const sink = await hostWith({ tls: tlsContext({ key: readFileSync(files.key), cert: readFileSync(files.cert) }) });
  const deps = depsFor(sink);
  for (let n = 0; n < 3; n++) await deliver(mail(n), deps);
  expect(sink.caught.map(({ tls }) => tls)).toEqual([true, true, true]);
  expect(sink.said.filter((line) => line === "STARTTLS")).toHaveLength(1);
});

it("does not mix hosts: another name at the same address is another conversation", async () => {
  const sink = await hostWith();
  const deps = depsFor(sink);
  await deliver(mail(0), deps);
  await deliver(mail(1, "me@other.test"), deps);
  expect(dialled).toBe(2);
});

it("asks for SMTPUTF8 message by message", async () => {
  const sink = await hostWith({ extensions: ["8BITMIME", "SMTPUTF8"] });
  const deps = depsFor(sink);
  await deliver(mail(0, "почта@dest.test"), deps);
  await deliver(mail(1), deps);
  await deliver({ ...mail(2), raw: Buffer.from("Subject: Grüße\r\n\r\nx\r\n"), smtputf8: true }, deps);
  expect(sink.caught.map((one) => / SMTPUTF8\b/.test(one.mail))).toEqual([true, false, true]);
  expect(dialled).toBe(1);
});

const endings: [string, Step, string | null, number][] = [
  ["ended it while idle", "MAIL", null, 2],
  ["says 421 to the next message", "MAIL", "421 4.4.2 idle too long", 2],
  ["breaks off before the message", "DATA", null, 2],
];
for (const [name, step, reply, dials] of endings) {
  it(`opens a new conversation when the host ${name}`, async () => {
    const sink = await hostWith();
    const deps = depsFor(sink);
    await deliver(mail(0), deps);
    let times = 0;
    sink.answer = (at) => (at === step && times++ === 0 ? reply : undefined);
    expect(await deliver(mail(1), deps)).toMatchObject({ kind: "delivered" });
    expect(dialled).toBe(dials);
    expect(sink.caught.map(({ raw }) => raw.toString())).toEqual([body(0).toString(), body(1).toString()]);
  });
}

it("does not send at once again what the host may have: it broke off after the message", async () => {
  const sink = await hostWith();
  const deps = depsFor(sink);
  await deliver(mail(0), deps);
  sink.answer = (at) => (at === "end" ? null : undefined);
  expect(await deliver(mail(1), deps)).toMatchObject({ kind: "tempfail", enhanced: "4.4.1" });
  expect(sink.said.filter((line) => line === "DATA")).toHaveLength(2);
});

it("a refusal is the message's own, and ends the conversation", async () => {
  const sink = await hostWith();
  const deps = depsFor(sink);
  await deliver(mail(0), deps);
  sink.answer = (at, line) => (at === "RCPT" && line.includes("gone") ? "550 5.1.1 no such user" : undefined);
  expect(await deliver(mail(1, "gone@dest.test"), deps)).toMatchObject({ kind: "permfail", enhanced: "5.1.1" });
  expect(await deliver(mail(2), deps)).toMatchObject({ kind: "delivered" });
  expect(dialled).toBe(2);
});

it("ends a conversation after so many messages, and one that is idle too long", async () => {
  const sink = await hostWith();
  const few = depsFor(sink, { messages: 3 });
  for (let n = 0; n < 7; n++) await deliver(mail(n), few);
  expect(dialled).toBe(3);
  const short = depsFor(sink, { idleMs: 1 });
  const quits = () => sink.said.filter((line) => line === "QUIT").length;
  const before = quits();
  await deliver(mail(8), short);
  await expect.poll(quits, { timeout: 20_000 }).toBeGreaterThan(before);
});

it("a queue of many messages for one host dials no more often than it may talk at one time", async () => {
  const sink = await hostWith();
  const world = await openQueue({ port: sink.port, connect, rules: { perHost: 3 }, reuse: { idleMs: 60_000 } });
  open.push({ close: () => world.queue.close(0) });
  const accept = async (): Promise<void> => {
    const job = relayJob(world.time.now);
    await world.queue.accept(job.id, sealFor(world.queue.transit, job, body(1)));
  };
  await Promise.all(Array.from({ length: 30 }, accept));
  await expect.poll(() => sink.caught.length, { timeout: 20_000 }).toBe(30);
  expect(dialled).toBeLessThanOrEqual(3);
  await expect.poll(() => world.results.length, { timeout: 20_000 }).toBe(30);
});
