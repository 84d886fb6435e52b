/** A node's disk is lost. What was accepted before its last copy is in the copy; what came since, the edge hands over again. */
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { ImapFlow } from "imapflow";
import { afterAll, beforeAll, expect, test } from "vitest";
import { postern } from "../postern.ts";
import { countIn, emailEvent, eventually, type TestWorld, testWorld } from "./world.ts";

let world: TestWorld;
const at = (name: string): string => join(world.folder, name);

beforeAll(async () => {
  world = await testWorld();
});
afterAll(() => world?.close());

async function deliver(subjects: readonly string[]): Promise<void> {
  for (const subject of subjects) {
    const head = `From: ann@plain.test\r\nTo: hello@demo.test\r\nSubject: ${subject}\r\nMessage-ID: <${subject}@plain.test>`;
    const raw = Buffer.from(`${head}\r\nDate: Tue, 24 Nov 2026 05:00:00 +0000\r\n\r\n${subject}\r\n`);
    expect((await emailEvent(world, "ann@plain.test", "hello@demo.test", raw)).outcome).toBe("ok");
  }
}

const holds = (count: number) =>
  eventually(`${count} messages`, async () => ((await countIn(world, "INBOX")) === count ? true : null), 90_000);

/** What this process of the node has counted, once it says so. */
async function counted(metric: RegExp, least = 0): Promise<void> {
  const { port } = world.endpoints.metrics;
  await eventually(String(metric), async () => {
    const text = await fetch(`http://127.0.0.1:${port}/metrics`).then((said) => said.text());
    return Number(metric.exec(text)?.[1] ?? Number.NaN) >= least ? true : null;
  });
}
/** The edge answered a heartbeat: it knows whether copies are made. */
const heard = () => counted(/^postern_heartbeat_age_seconds (\S+)/m);

async function whileStopped(work: () => Promise<void> | void): Promise<void> {
  await world.node.stop();
  await work();
  await world.node.start();
  await heard();
}

async function subjects(): Promise<string[]> {
  const { host, port } = world.endpoints.imaps;
  const { address, password } = world.endpoints.mailbox;
  const tls = { ca: readFileSync(world.endpoints.ca) };
  const client = new ImapFlow({
    host,
    port,
    secure: true,
    tls,
    auth: { user: address, pass: password },
    logger: false,
  });
  await client.connect();
  try {
    await client.mailboxOpen("INBOX");
    const all = await client.fetchAll("1:*", { envelope: true });
    return all.map(({ envelope }) => envelope?.subject ?? "");
  } finally {
    await client.logout();
  }
}

test("three messages, a copy, three more, the disk lost, the copy put back: all six are there, once", async () => {
  const [config, copy] = [at("node.json"), at("copy")];
  await whileStopped(() => {
    const before = JSON.parse(readFileSync(config, "utf8"));
    writeFileSync(config, JSON.stringify({ ...before, backup: { mark: at("backup-mark.json") } }));
  });
  const before = await countIn(world, "INBOX");
  const [old, young] = [
    ["old-1", "old-2", "old-3"],
    ["young-1", "young-2", "young-3"],
  ] as const;
  await deliver(old);
  await holds(before + 3);
  await whileStopped(async () => {
    expect(await postern(["backup", config, copy], "")).toMatchObject({ code: 0 });
  });
  await deliver(young);
  await holds(before + 6);
  await whileStopped(async () => {
    rmSync(at("node"), { recursive: true });
    rmSync(at("backup-mark.json"));
    expect(await postern(["restore", config, copy, "--all"], "")).toMatchObject({ code: 0 });
  });
  await holds(before + 6);
  // Minutes are too near for the edge to know which of them the copy has: all six came again, three were known by their ids.
  await counted(/^postern_handoff_calls_total\{status="200"\} (\d+)/m, 6);
  await (await fetch(`${world.endpoints.edge}/cdn-cgi/handler/scheduled`)).text(); // another sweep brings nothing twice
  const found = (await subjects()).filter((subject) => /^(old|young)-/.test(subject)).sort();
  expect(found).toEqual([...old, ...young]);
});
