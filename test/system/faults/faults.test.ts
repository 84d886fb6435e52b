/**
 * The edge is killed, its bindings fail, its clock is wrong: over 500 messages, each sent until its sender heard that it was taken,
 * come home once and byte-exact. The node's half of this is `test/daemon/store/crash`.
 */
import { once } from "node:events";
import { readFileSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ImapFlow } from "imapflow";
import { afterAll, beforeAll, expect, test } from "vitest";
import { root } from "../../../src/cli/run.ts";
import { countIn, eventually, type TestWorld, testWorld } from "../world.ts";
import { type Fault, failures, kills, skews } from "./points.ts";

/** Messages for each fault. */
const each = 22;
const atOnce = 5;

let world: TestWorld;
let faults: Server;
let plan: Fault | null = null;
let passed = 0;
let hurt = 0;
let skew = 0;
let onKill: (() => void) | null = null;

/** Subject → the bytes that were sent. */
const sent = new Map<string, string>();
const counts: { name: string; messages: number; hurt: number }[] = [];

beforeAll(async () => {
  faults = createServer((request, response) => {
    const point = new URL(request.url ?? "", "http://faults").searchParams.get("point") ?? "";
    const hit = plan?.at.test(point) && plan.hits(++passed);
    if (hit) hurt++;
    if (hit && plan?.act === "kill") return onKill?.(); // and never an answer
    response.end(JSON.stringify({ act: hit ? plan?.act : "go", skew }));
  }).listen(0, "127.0.0.1");
  await once(faults, "listening");
  const { port } = faults.address() as AddressInfo;
  const vars = { FAULTS: `http://127.0.0.1:${port}` };
  world = await testWorld({ vars, edgeArgs: ["--config", configured(port)] });
  await keepCopies();
});

/** Backups are configured: the edge keeps what the node took, so every point below is passed with that too. */
async function keepCopies(): Promise<void> {
  await world.node.stop();
  const path = join(world.folder, "node.json");
  const backup = { mark: join(world.folder, "backup-mark.json") };
  writeFileSync(path, JSON.stringify({ ...JSON.parse(readFileSync(path, "utf8")), backup }));
  await world.node.start();
  const metrics = `http://127.0.0.1:${world.endpoints.metrics.port}/metrics`;
  await eventually("the edge to have heard of it", async () => {
    const text = await fetch(metrics).then((said) => said.text());
    return /^postern_heartbeat_age_seconds \d/m.test(text) ? true : null;
  });
}
afterAll(async () => {
  await world?.close();
  faults?.closeAllConnections();
  faults?.close();
});

/** The product's own configuration with another entry, and without what only pages need. */
function configured(port: number): string {
  const text = readFileSync(join(root, "wrangler.toml"), "utf8")
    .replace('main = "workers/index.ts"', `main = ${JSON.stringify(join(import.meta.dirname, "faulty.mjs"))}`)
    .replace(/^\[(build|assets)\]\n(?:(?!\[).*\n)*/gm, "");
  const path = join(tmpdir(), `postern-faulty-${port}.toml`);
  writeFileSync(path, text);
  return path;
}

function letter(subject: string, i: number): Buffer {
  const body = `${subject} ${"über alle Berge ".repeat(1 + i * 40)}`;
  return Buffer.from(
    `From: ann@plain.test\r\nTo: hello@demo.test\r\nSubject: ${subject}\r\nMessage-ID: <${subject}@plain.test>\r\nDate: Tue, 24 Nov 2026 05:00:00 +0000\r\n\r\n${body}\r\n`,
  );
}

/** As a sender does: again, until it hears that the message was taken. */
async function deliver(subject: string, i: number): Promise<void> {
  const raw = letter(subject, i);
  sent.set(subject, raw.toString("latin1"));
  await eventually(`${subject} taken`, () => post(raw), 100_000);
}

async function post(raw: Buffer): Promise<true | null> {
  const url = new URL(
    "/cdn-cgi/handler/email?from=ann@plain.test&to=hello@demo.test&format=json",
    world.endpoints.edge,
  );
  try {
    const response = await fetch(url, {
      method: "POST",
      body: new Uint8Array(raw),
      signal: AbortSignal.timeout(60_000),
    });
    const said = await response.text();
    return said.startsWith("{") && JSON.parse(said).outcome === "ok" ? true : null;
  } catch {
    return null; // killed: no answer is no promise
  }
}

async function deliverAll(name: string): Promise<void> {
  const at = counts.length;
  let next = 0;
  const sender = async (): Promise<void> => {
    for (let i = next++; i < each; i = next++) await deliver(`fault-${at}-${i}`, i);
  };
  await Promise.all(Array.from({ length: atOnce }, sender));
  counts.push({ name, messages: each, hurt });
}

async function sweep(): Promise<void> {
  const response = await fetch(`${world.endpoints.edge}/cdn-cgi/handler/scheduled`).catch(() => null);
  await response?.text();
}

function begin(fault: Fault | null): void {
  [passed, hurt, plan] = [0, 0, fault];
}

for (const fault of kills) {
  test(`kill -9 of workerd: ${fault.name}`, async () => {
    const killed = new Promise<void>((resolve) => {
      onKill = () => {
        const { pid } = world.edge;
        // The whole group: the runtime and the tool that keeps it.
        if (pid !== undefined) process.kill(-pid, "SIGKILL");
        plan = null;
        resolve();
      };
    });
    const back = killed.then(async () => {
      await world.edge.stop();
      await world.edge.start();
    });
    begin(fault);
    const delivered = deliverAll(fault.name);
    if (fault.name.startsWith("sweep")) await sweep();
    await Promise.all([back, delivered]);
    expect(hurt).toBe(1);
  });
}

for (const fault of failures) {
  test(fault.name, async () => {
    begin(fault);
    await deliverAll(fault.name);
    if (fault.name === "R2 list fails") await sweep();
    await eventually("the fault to be met", () => (hurt > 0 ? true : null));
    counts[counts.length - 1] = { name: fault.name, messages: each, hurt };
    begin(null);
  });
}

for (const { name, skewMs } of skews) {
  test(name, async () => {
    begin(null);
    skew = skewMs;
    await deliverAll(name);
    skew = 0;
  });
}

test("everything came home, once, byte-exact", async () => {
  begin(null);
  const total = counts.length * each;
  await eventually("all of it at home", () => bringHome(total), 240_000);
  await sweep(); // brings nothing twice
  const found = await inbox();
  expect(found.length).toBe(total);
  const seen = new Set<string>();
  for (const source of found) {
    const subject = /^Subject: (fault-\S+)\r$/m.exec(source)?.[1] ?? "";
    expect(source.endsWith(`\n${sent.get(subject)}`)).toBe(true);
    seen.add(subject);
  }
  expect(seen.size).toBe(total);
  console.log(`the edge hurt at ${counts.length} points over ${total} messages: none lost, none twice, all byte-exact`);
  for (const one of counts) console.log(`  ${one.name}: ${one.messages} messages, hurt ${one.hurt} times`);
}, 300_000);

/** A sweep, and as long as there is news of it. */
async function bringHome(total: number): Promise<true | null> {
  await sweep();
  for (let before = -1; ; ) {
    const now = await countIn(world, "INBOX");
    if (now >= total) return true;
    if (now === before) return null;
    before = now;
    await new Promise((later) => setTimeout(later, 1000));
  }
}

async function inbox(): Promise<string[]> {
  const { mailbox, imaps, ca } = world.endpoints;
  const client = new ImapFlow({
    ...{ host: "localhost", port: imaps.port, secure: true, logger: false },
    auth: { user: mailbox.address, pass: mailbox.password },
    tls: { ca: readFileSync(ca) },
  });
  await client.connect();
  const lock = await client.getMailboxLock("INBOX");
  try {
    const found: string[] = [];
    for await (const one of client.fetch("1:*", { source: true })) found.push(one.source?.toString("latin1") ?? "");
    return found;
  } finally {
    lock.release();
    await client.logout();
  }
}
