import { afterEach, beforeEach, expect, it } from "vitest";
import { type Home, type HomeMail, NotAJob } from "../../../src/daemon/queue/port.ts";
import { RelayQueue, relayQueue } from "../../../src/daemon/queue/queue.ts";
import { openSigning } from "../../../src/daemon/queue/signing.ts";
import { openSpool, type Spool } from "../../../src/daemon/queue/spool.ts";
import { Transit } from "../../../src/daemon/queue/transit.ts";
import { openSink, type Sink } from "./sink.ts";
import { hosts, openQueue, type QueueWorld, relayJob, sealFor } from "./world.ts";

const open: { close(): unknown }[] = [];
let sink: Sink;
beforeEach(async () => {
  sink = await openSink();
  open.push(sink);
});
afterEach(async () => {
  for (const one of open.splice(0).reverse()) await one.close();
});

async function start(options: Partial<Parameters<typeof openQueue>[0]> = {}): Promise<QueueWorld> {
  const world = await openQueue({ port: sink.port, ...options });
  open.push({ close: () => world.queue.close(0) });
  return world;
}

const message = Buffer.from("Subject: caf\xe9\r\nFrom: ann@author.test\r\n\r\n.dot\r\n\xff\x00 body\r\n", "latin1");

async function give(world: QueueWorld, more: Parameters<typeof relayJob>[1] = {}) {
  const job = relayJob(world.time.now, more);
  const answer = await world.queue.accept(job.id, sealFor(world.queue.transit, job, message));
  return { job, answer };
}

it("delivers what the edge sealed: return path rewritten, message untouched, the edge told", async () => {
  const world = await start();
  const { job, answer } = await give(world);
  expect(answer).toBe("stored");
  await expect
    .poll(() => world.results)
    .toEqual([
      {
        job: job.id,
        journalId: job.journalId,
        recipient: "me@dest.test",
        at: world.time.now,
        kind: "delivered",
        detail: "250 2.0.0 taken",
        host: "mx.dest.test",
      },
    ]);
  const [caught] = sink.caught;
  expect(caught?.to).toEqual(["me@dest.test"]);
  expect(caught?.from).toMatch(/^SRS0=[a-z2-7]{10}=[a-z2-7]{2}=author\.test=ann@demo\.test$/);
  expect(caught?.mail).toContain("BODY=8BITMIME");
  const head = caught?.raw.subarray(0, caught.raw.length - message.length).toString();
  expect(caught?.raw.subarray(-message.length)).toEqual(message);
  expect(head).toBe(
    `X-Postern-Forwarded-For: hello@demo.test\r\nReceived: by mx.node.test (Postern) with ESMTP id ${job.id}\r\n for <hello@demo.test>; Tue, 24 Nov 2026 00:00:00 +0000\r\n`,
  );
});

it("takes the same hand-off twice, and delivers once", async () => {
  const world = await start();
  const job = relayJob(world.time.now);
  const sealed = sealFor(world.queue.transit, job, message);
  const answers = await Promise.all([world.queue.accept(job.id, sealed), world.queue.accept(job.id, sealed)]);
  expect(answers.sort()).toEqual(["duplicate", "stored"]);
  await expect.poll(() => world.results.length).toBe(1);
  expect(await world.queue.accept(job.id, sealFor(world.queue.transit, job, message))).toBe("duplicate");
  expect(sink.caught.length).toBe(1);
});

it("refuses a job that is damaged, sealed to another, or no job", async () => {
  const world = await start();
  const other = await openQueue({ port: sink.port });
  open.push({ close: () => other.queue.close(0) });
  const job = relayJob(world.time.now);
  const sealed = sealFor(world.queue.transit, job, message);
  sealed[sealed.length - 1] = (sealed.at(-1) ?? 0) ^ 1;
  const bad = [
    sealed,
    sealFor(other.queue.transit, job, message),
    sealFor(world.queue.transit, { id: "x" }, message),
    Buffer.from("hi"),
  ];
  for (const one of bad) await expect(world.queue.accept("a", one)).rejects.toThrow(NotAJob);
  expect(world.queue.waiting).toBe(0);
});

/** Lets what runs come to its end, then moves the clock to the next timer. */
async function turn({ queue, time }: QueueWorld): Promise<void> {
  await expect.poll(() => queue.underWay, { interval: 1 }).toBe(0);
  time.advance(Math.max(0, time.next - time.now));
}

it("waits and comes back on 4xx, ever more patiently, with the edge told of the delay once", async () => {
  const world = await start();
  sink.answer = (step) => (step === "RCPT" ? "450 4.2.1 busy" : undefined);
  await give(world);
  const tries = () => sink.said.filter((line) => line.startsWith("RCPT")).length;
  const gaps: number[] = [];
  await expect.poll(() => [tries(), world.queue.underWay], { interval: 1 }).toEqual([1, 0]);
  for (let last = world.time.now, seen = 1; gaps.length < 9; ) {
    await turn(world);
    await expect.poll(() => world.queue.underWay, { interval: 1 }).toBe(0);
    if (tries() === seen) continue;
    seen = tries();
    gaps.push(Math.round((world.time.now - last) / 60_000));
    last = world.time.now;
  }
  const floors = [1, 5, 15, 30, 60, 120, 240, 240, 240];
  for (const [i, floor] of floors.entries()) {
    expect(gaps[i]).toBeGreaterThanOrEqual(floor);
    expect(gaps[i]).toBeLessThanOrEqual(Math.ceil(floor * 1.25) + 1);
  }
  expect(world.results.map(({ kind }) => kind)).toEqual(["delayed"]);
  sink.answer = () => undefined;
  while (sink.caught.length === 0) await turn(world);
  await expect.poll(() => world.results.map(({ kind }) => kind)).toEqual(["delayed", "delivered"]);
});

it("gives up after five days, and says so to author and edge", async () => {
  const world = await start();
  sink.answer = (step, line) => (step === "RCPT" && line.includes("me@dest") ? "450 4.2.1 busy" : undefined);
  await give(world);
  const began = world.time.now;
  while (sink.caught.length === 0) await turn(world);
  expect((world.time.now - began) / 86_400_000).toBeCloseTo(5, 1);
  expect(world.results.map(({ kind }) => kind)).toEqual(["delayed", "failed"]);
  expect(sink.caught[0]).toMatchObject({ from: "", to: ["ann@author.test"] });
  expect(sink.caught[0]?.raw.toString("latin1")).toContain("Status: 5.4.7");
});

it("bounces a refusal to an author that DMARC vouches for, without naming the hidden destination", async () => {
  const world = await start();
  sink.answer = (step, line) =>
    step === "RCPT" && line.includes("me@dest") ? "550 5.1.1 no me@dest.test here" : undefined;
  await give(world);
  await expect.poll(() => sink.caught.length).toBe(1);
  const [dsn] = sink.caught;
  expect(dsn).toMatchObject({ from: "", to: ["ann@author.test"] });
  const text = dsn?.raw.toString("latin1") ?? "";
  expect(text).toContain(
    "Final-Recipient: rfc822;hello@demo.test\r\nAction: failed\r\nStatus: 5.1.1\r\nDiagnostic-Code: smtp;550 5.1.1\r\n",
  );
  expect(text).toContain("Subject: caf\xe9");
  expect(text).not.toContain("dest.test");
  expect(text).not.toContain("body");
  expect(world.results).toMatchObject([
    { kind: "failed", detail: "550 5.1.1 no me@dest.test here", host: "mx.dest.test" },
  ]);
});

const silent: [string, Parameters<typeof relayJob>[1]][] = [
  ["a sender who may be forged", { pathProven: false }],
  ["the null reverse-path", { mailFrom: "" }],
];
for (const [name, more] of silent) {
  it(`tells nobody but the edge of a failure for ${name}`, async () => {
    const world = await start();
    sink.answer = (step) => (step === "end" ? "554 5.7.1 spam" : undefined);
    await give(world, more);
    await expect.poll(() => world.results.map(({ kind }) => kind)).toEqual(["failed"]);
    await expect.poll(() => world.queue.waiting).toBe(0);
    expect(sink.said.filter((line) => line.startsWith("RCPT"))).toEqual(["RCPT TO:<me@dest.test>"]);
  });
}

it("brings a bounce to a return address of ours back to the author", async () => {
  const world = await start();
  await give(world);
  await expect.poll(() => sink.caught.length).toBe(1);
  const srs = sink.caught[0]?.from ?? "";
  expect(world.queue.recognise(srs)).toBe("ours");
  expect(world.queue.recognise(srs.replace("author.test", "other.test"))).toBe("forged");
  expect(world.queue.recognise("hello@demo.test")).toBe(null);
  await world.queue.returnToAuthor({ recipient: srs, raw: Buffer.from("Subject: bounce\r\n\r\n"), smtputf8: false });
  await expect.poll(() => sink.caught.length).toBe(2);
  expect(sink.caught[1]).toMatchObject({ from: "", to: ["ann@author.test"] });
});

it("takes a bounce to a return address from the edge too, and refuses one that it did not make", async () => {
  const world = await start();
  await give(world);
  await expect.poll(() => sink.caught.length).toBe(1);
  const srs = sink.caught[0]?.from ?? "";
  await give(world, { mailFrom: "", recipient: srs, forwardedFor: srs });
  await expect.poll(() => sink.caught.length).toBe(2);
  expect(sink.caught[1]).toMatchObject({ from: "", to: ["ann@author.test"] });
  await give(world, { mailFrom: "", recipient: srs.replace("author.test", "victim.test") });
  await expect.poll(() => world.results.map(({ kind }) => kind)).toEqual(["delivered", "delivered", "failed"]);
  expect(sink.caught.length).toBe(2);
});

const served = { ...hosts, "dest.test": { MX: [{ priority: 10, exchange: "mx.node.test" }] } };

it("brings mail for a domain served here to the edge instead of out, marked, under the author's own path", async () => {
  const brought: HomeMail[] = [];
  const said = [
    { kind: "deferred", code: 451, enhanced: "4.3.0", text: "later" },
    { kind: "accepted", code: 250, enhanced: "2.0.0", text: "Accepted" },
  ] as const;
  const home: Home = async (mail) => {
    brought.push({ ...mail, raw: Uint8Array.from(mail.raw) });
    return { recipient: mail.recipient, ...(said[brought.length - 1] ?? said[1]) };
  };
  const world = await start({ zones: served, home });
  await give(world);
  await expect.poll(() => brought.length).toBe(1);
  await expect.poll(() => world.queue.underWay).toBe(0);
  world.time.advance(2 * 60_000);
  await expect.poll(() => world.results).toMatchObject([{ kind: "delivered", host: "mx.node.test" }]);
  expect(brought[0]).toMatchObject({ mailFrom: "ann@author.test", recipient: "me@dest.test", vouched: true });
  const text = Buffer.from(brought[0]?.raw ?? []).toString("latin1");
  expect(text).toContain("X-Postern-Forwarded-For: hello@demo.test\r\n");
  expect(text.endsWith(message.toString("latin1"))).toBe(true);
  expect(brought[1]?.raw).toEqual(brought[0]?.raw); // the edge knows it again
  expect(sink.caught.length).toBe(0);
});

it("tells the author when the edge refuses what was brought home, vouches for its own letters alone", async () => {
  const vouched: boolean[] = [];
  const home: Home = async (mail) => {
    vouched.push(mail.vouched);
    return { recipient: mail.recipient, kind: "refused", code: 550, enhanced: "5.1.1", text: "No such address here" };
  };
  const world = await start({ zones: served, home });
  await give(world, { dmarcPassed: false });
  await expect.poll(() => sink.caught.length).toBe(1);
  expect(sink.caught[0]).toMatchObject({ from: "", to: ["ann@author.test"] });
  await give(world, { mailFrom: "", forwardedFor: "", dmarcPassed: false, pathProven: false });
  await expect.poll(() => vouched).toEqual([false, true]);
});

it("does not send again what it could not write down as sent", async () => {
  const world = await openQueue({ port: sink.port });
  await world.queue.close();
  const options = world.options();
  const spool = openSpool(world.file, options.key);
  let full = 2;
  const flaky: Spool = {
    ...spool,
    end: (ended) => (full-- > 0 ? Promise.reject(new Error("disk full")) : spool.end(ended)),
  };
  const parts = {
    transit: await Transit.open({ ...options, spool }),
    signing: await openSigning({ ...options, spool }),
  };
  const queue = new RelayQueue(options, { ...parts, spool: flaky }, []);
  open.push({ close: () => queue.close(0) });
  const job = relayJob(world.time.now);
  await queue.accept(job.id, sealFor(queue.transit, job, message));
  while (world.results.length === 0) {
    world.time.advance(1000);
    await new Promise((next) => setImmediate(next));
  }
  expect(full).toBe(-1);
  expect(sink.caught.length).toBe(1);
});

it("tells an author whose path another forwarder rewrote", async () => {
  const world = await start({
    zones: {
      "dest.test": { MX: [{ priority: 10, exchange: "mx.dest.test" }] },
      "first.test": { A: ["127.0.0.1"] },
      ...hosts,
    },
  });
  sink.answer = (step, line) => (step === "RCPT" && line.includes("me@dest") ? "550 5.1.1 no" : undefined);
  await give(world, {
    mailFrom: "SRS0=hash=AB=author.test=ann@first.test",
    authResults: "mx.demo.test; spf=pass smtp.mailfrom=first.test",
  });
  await expect.poll(() => sink.caught.map(({ to }) => to)).toEqual([["SRS0=hash=AB=author.test=ann@first.test"]]);
});

it("spares a host: few conversations at one time, however much waits", async () => {
  const world = await start({ rules: { perHost: 2 } });
  let [now, most] = [0, 0];
  sink.answer = (step) => {
    if (step === "MAIL") most = Math.max(most, ++now);
    if (step === "end") now--;
    return undefined;
  };
  await Promise.all(Array.from({ length: 20 }, () => give(world)));
  await expect.poll(() => sink.caught.length).toBe(20);
  expect(most).toBe(2);
});

it("leaves the other hosts alone when one is down", async () => {
  const world = await start({
    zones: {
      "dest.test": { MX: [{ priority: 1, exchange: "mx.dest.test" }] },
      "down.test": { A: ["127.0.0.1"] },
      ...hosts,
    },
  });
  for (let i = 0; i < 5; i++) await give(world, { recipient: "me@down.test", route: { host: "127.0.0.1", port: 1 } });
  await give(world);
  await expect.poll(() => world.results.map(({ recipient }) => recipient)).toEqual(["me@dest.test"]);
  expect(world.queue.waiting).toBe(5);
});

it("keeps results until the edge has heard them", async () => {
  const heard: string[] = [];
  let down = true;
  const world = await start({
    report: async ({ results }) => {
      if (down) throw new Error("edge down");
      heard.push(...results.map(({ journalId }) => journalId));
    },
  });
  const first = await give(world);
  const second = await give(world);
  await expect.poll(() => world.queue.waiting).toBe(0);
  expect(heard).toEqual([]);
  down = false;
  while (heard.length < 2) {
    world.time.advance(1000);
    await new Promise((next) => setImmediate(next));
  }
  expect(heard.sort()).toEqual([first.job.journalId, second.job.journalId].sort());
});

it("goes on with what waits after a restart, and remembers what is done", async () => {
  const world = await start();
  sink.answer = (step) => (step === "greeting" ? "421 4.3.2 not now" : undefined);
  const { job } = await give(world);
  await expect.poll(() => world.time.next).toBeLessThan(world.time.now + 3_000_000);
  const transit = world.queue.transit;
  await world.queue.close();
  sink.answer = () => undefined;
  const again = await relayQueue(world.options());
  open.push({ close: () => again.close(0) });
  expect(again.transit).toEqual(transit);
  expect(again.waiting).toBe(1);
  world.time.advance(3_000_000);
  await expect.poll(() => world.results.length).toBe(1);
  expect(await again.accept(job.id, sealFor(transit, job, message))).toBe("duplicate");
  expect(sink.caught.length).toBe(1);
});
