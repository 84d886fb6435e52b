/** The node is killed (SIGKILL) at each step of relaying: after the restart the message is there, once. */
import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync } from "node:fs";
import { createServer, type Server } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { afterEach, expect, it } from "vitest";
import { outboundResultsSchema } from "../../../src/core/contract/handoff.ts";
import { openSink, type Sink, type Step } from "./sink.ts";
import { relayJob, sealFor } from "./world.ts";

const open: { close(): unknown }[] = [];
afterEach(async () => {
  for (const one of open.splice(0).reverse()) await one.close();
});

const child = join(import.meta.dirname, "crash-child.ts");
const message = Buffer.from(`Subject: once\r\n\r\n${"body ".repeat(50_000)}\r\n`);

class Node {
  readonly #process: ChildProcess;
  readonly #lines: AsyncIterator<string>;
  readonly gone: Promise<void>;

  private constructor(file: string, sink: Sink, edge: Edge) {
    const args = ["--disable-warning=ExperimentalWarning", child, file, String(sink.port), String(edge.port)];
    this.#process = spawn(process.execPath, args, { stdio: ["pipe", "pipe", "inherit"] });
    const { stdin, stdout } = this.#process;
    // What is written to the dead is lost, as it should be.
    stdin?.on("error", () => undefined);
    if (stdout === null) throw new Error("no stdout");
    this.#lines = createInterface({ input: stdout })[Symbol.asyncIterator]();
    this.gone = new Promise((done) => this.#process.once("exit", () => done()));
    open.push({ close: () => this.kill() });
  }

  static async start(
    file: string,
    sink: Sink,
    edge: Edge,
  ): Promise<{ node: Node; transit: { publicKey: string; keyId: string } }> {
    const node = new Node(file, sink, edge);
    return { node, transit: JSON.parse(await node.line()) };
  }

  async line(): Promise<string> {
    const { value } = await this.#lines.next();
    return value ?? "";
  }

  give(id: string, sealed: Uint8Array): void {
    this.#process.stdin?.write(`${id} ${Buffer.from(sealed).toString("base64")}\n`);
  }

  async kill(): Promise<void> {
    this.#process.kill("SIGKILL");
    await this.gone;
  }
}

type Edge = { port: number; heard: string[]; answer: () => number | Promise<number>; close(): void };

async function openEdge(): Promise<Edge> {
  const edge: Edge = { port: 0, heard: [], answer: () => 200, close: () => server.close() };
  const server: Server = createServer(async (request, response) => {
    const parts: Buffer[] = [];
    for await (const part of request) parts.push(part);
    const status = await edge.answer();
    if (status === 200)
      for (const { kind } of outboundResultsSchema.parse(JSON.parse(Buffer.concat(parts).toString())).results)
        edge.heard.push(kind);
    response.writeHead(status).end();
  });
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  const address = server.address();
  edge.port = typeof address === "object" && address !== null ? address.port : 0;
  return edge;
}

async function worldWithJob() {
  const sink = await openSink();
  const edge = await openEdge();
  open.push(sink, edge);
  const file = join(mkdtempSync(join(tmpdir(), "crash-")), "queue.db");
  const { node, transit } = await Node.start(file, sink, edge);
  const job = relayJob(Date.now());
  return { sink, edge, file, node, job, sealed: sealFor(transit, job, message) };
}

const steps: Step[] = ["greeting", "EHLO", "MAIL", "RCPT", "DATA", "end"];
for (const step of steps) {
  it(`killed while the other host is at ${step}`, async () => {
    const { sink, edge, file, node, job, sealed } = await worldWithJob();
    const reached = new Promise<void>((there) => {
      sink.answer = async (at) => {
        if (at !== step) return undefined;
        there();
        await node.gone;
        // The host finds the client gone before it could answer, and drops what it has.
        return null;
      };
    });
    node.give(job.id, sealed);
    expect(await node.line()).toBe(`${job.id} stored`);
    await reached;
    await node.kill();
    sink.answer = () => undefined;
    const second = await Node.start(file, sink, edge);
    await expect.poll(() => edge.heard, { timeout: 20_000 }).toEqual(["delivered"]);
    // The edge never heard our 2xx and drives the hand-off again.
    second.node.give(job.id, sealed);
    expect(await second.node.line()).toBe(`${job.id} duplicate`);
    expect(sink.caught.length).toBe(1);
    expect(sink.caught[0]?.raw.subarray(-message.length).equals(message)).toBe(true);
  });
}

it("killed while the job is being accepted: stored or not, a new hand-off makes it one message", async () => {
  const { sink, edge, file, node, job, sealed } = await worldWithJob();
  sink.answer = () => null;
  node.give(job.id, sealed);
  await node.kill();
  sink.answer = () => undefined;
  const second = await Node.start(file, sink, edge);
  second.node.give(job.id, sealed);
  expect(await second.node.line()).toMatch(/^job-\d+ (stored|duplicate)$/);
  await expect.poll(() => edge.heard, { timeout: 20_000 }).toEqual(["delivered"]);
  expect(sink.caught.length).toBe(1);
});

it("killed while the edge hears of the delivery: it is told again, the message is not sent again", async () => {
  const { sink, edge, file, node, job, sealed } = await worldWithJob();
  const asked = new Promise<void>((there) => {
    edge.answer = async () => {
      there();
      await node.gone;
      return 503;
    };
  });
  node.give(job.id, sealed);
  await asked;
  await node.kill();
  edge.answer = () => 200;
  await Node.start(file, sink, edge);
  await expect.poll(() => edge.heard, { timeout: 20_000 }).toEqual(["delivered"]);
  expect(sink.caught.length).toBe(1);
});
