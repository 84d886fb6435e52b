/** D1 is put back to a time before a move: the mailbox stays whole where it is, its mail waits, and the same command mends it. */
import { cpSync, existsSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { z } from "zod";
import { utf8 } from "../../src/core/bytes.ts";
import { nodePaths } from "../../src/core/contract/handoff.ts";
import { postern } from "../postern.ts";
import { asEdge, type SecondNode, secondNode } from "./second-node.ts";
import { curlAs, emailEvent, eventually, type TestWorld, testWorld } from "./world.ts";

const patience = 120_000;
let world: TestWorld;
let second: SecondNode;

beforeAll(async () => {
  world = await testWorld();
  second = await secondNode(world);
});
afterAll(async () => {
  await second?.close();
  await world?.close();
});

async function mail(subject: string): Promise<void> {
  const head = `From: ann@plain.test\r\nTo: hello@demo.test\r\nSubject: ${subject}\r\nMessage-ID: <${subject}@plain.test>`;
  const raw = Buffer.from(`${head}\r\nDate: Tue, 24 Nov 2026 05:00:00 +0000\r\n\r\n${subject}\r\n`);
  const taken = async () => (await emailEvent(world, "ann@plain.test", "hello@demo.test", raw)).outcome;
  await eventually(`${subject} taken`, async () => ((await taken()) === "ok" ? true : null), patience);
}

type Which = "first" | "second";
const idOf = (which: Which): string => (which === "first" ? world.secrets.nodeId : second.id);
const portOf = (which: Which, name: "handoff" | "imaps"): number =>
  which === "first" ? world.endpoints[name].port : (second.ports[name] ?? 0);
const dirOf = (which: Which): string => join(which === "first" ? join(world.folder, "node") : second.dir, "mailboxes");

/** Else a node is heard of each half minute only. */
async function beats(): Promise<void> {
  for (const which of ["first", "second"] as const) {
    const call = { path: nodePaths.beat, id: "beat", body: utf8("{}"), about: {} };
    await asEdge(world, { id: idOf(which), port: portOf(which, "handoff") }, call).catch(() => null);
  }
}

const messages = (which: Which, count: number): Promise<unknown> =>
  eventually(
    `${count} at the ${which} node`,
    async () => {
      await beats();
      const url = `imaps://localhost:${portOf(which, "imaps")}/`;
      const said = await curlAs(world, world.endpoints.mailbox, url, "-X", "STATUS INBOX (MESSAGES)");
      return said.stdout.toString().includes(`(MESSAGES ${count})`) ? true : null;
    },
    patience,
  );

const nodesSchema = z.object({
  items: z.array(z.object({ id: z.string(), troubles: z.array(z.object({ says: z.string() })) })),
});
/** Ids of the nodes whose troubles name this command. */
async function told(command: string): Promise<string[]> {
  const { items } = nodesSchema.parse(await second.api("GET", "/api/nodes", undefined));
  return items.filter(({ troubles }) => troubles.some(({ says }) => says.includes(command))).map(({ id }) => id);
}

async function whileEdgeIsDown(work: () => void): Promise<void> {
  await world.edge.stop();
  work();
  await world.edge.start();
}

test("moved, D1 put back, mail comes: nothing is erased, operators are told, the move asked for again brings all of it", async () => {
  const { edge, mailbox, admin } = world.endpoints;
  const d1 = join(world.folder, "edge", "v3", "d1");
  const before = join(world.folder, "d1-before");
  const move = async (): Promise<void> => {
    const args = ["mailbox", "move", mailbox.address, second.id, "--edge", edge, "--email", admin.email];
    expect(await postern(args, admin.password)).toMatchObject({ code: 0, out: "moved\n" });
  };
  await mail("one");
  await messages("first", 1);
  await whileEdgeIsDown(() => cpSync(d1, before, { recursive: true }));
  await move();
  await messages("second", 1);
  const isErased = async (): Promise<true | null> => {
    await beats();
    return readdirSync(dirOf("first")).length === 0 ? true : null;
  };
  await eventually("nothing at the first node", isErased, patience);

  await whileEdgeIsDown(() => {
    rmSync(d1, { recursive: true });
    cpSync(before, d1, { recursive: true });
  });
  const command = `postern mailbox move ${mailbox.address} ${second.id}`;
  const areTold = async (): Promise<true | null> => {
    await beats();
    return (await told(command)).length === 2 ? true : null;
  };
  await eventually("both nodes' trouble", areTold, patience);
  await mail("two");
  await beats();
  await messages("second", 1);
  expect([readdirSync(dirOf("first")), existsSync(join(dirOf("second"), world.demo.mailbox.id))]).toEqual([[], true]);

  await move();
  await messages("second", 2);
  expect(await told(command)).toEqual([]);
  expect(readdirSync(dirOf("first"))).toEqual([]);
});
