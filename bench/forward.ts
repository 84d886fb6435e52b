/**
 * What relaying costs on this machine, over loopback: from the moment the node has accepted a job (fsynced) to the other
 * host's 250, one at a time and under load; beside it the floor, the same messages sent by the bare SMTP client with no
 * queue, no disk and no signature. The other host runs in a process of its own; all numbers are of one run.
 */
import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { fromBase64 } from "../src/core/bytes.ts";
import { sealedBytes, sealFrame } from "../src/core/seal/seal.ts";
import { guardedConnect, mailPorts } from "../src/daemon/net/connect.ts";
import { clock, nativePrimitives, nodeCrypto, random } from "../src/daemon/platform.ts";
import { type RelayQueue, relayQueue } from "../src/daemon/queue/queue.ts";
import { sendOver } from "../src/daemon/queue/smtp.ts";
import { openSink } from "../test/daemon/queue/sink.ts";
import { relayJob, tableResolver, type Zones } from "../test/daemon/queue/world.ts";

const sizes = { "10 KB": 10_000, "1 MB": 1_000_000, "20 MB": 20_000_000 } as const;
const counts = {
  "10 KB": { alone: 200, loaded: 2000 },
  "1 MB": { alone: 20, loaded: 100 },
  "20 MB": { alone: 3, loaded: 6 },
};
type Size = keyof typeof sizes;

const connect = guardedConnect({ ownAddresses: [], ports: mailPorts, allowLoopback: true, timeoutMs: 5000 });

export async function run(args: string[]): Promise<number> {
  const other = new OtherHost();
  const folder = mkdtempSync(join(tmpdir(), "bench-forward-"));
  try {
    const port = await other.port();
    const queue = await openQueue(join(folder, "queue.db"), port);
    process.stdout.write(
      "size     accepted→250 ms: median p95   accept ms   relayed/s   floor/s   relayed:floor   CPU ms each\n",
    );
    const wanted = (Object.keys(sizes) as Size[]).filter(
      (size) => args.length === 0 || args.includes(size.replace(" ", "")),
    );
    for (const size of wanted) await measure(size, queue, other, port);
    await queue.close();
    return 0;
  } finally {
    other.stop();
    rmSync(folder, { recursive: true, force: true });
  }
}

async function measure(size: Size, queue: RelayQueue, other: OtherHost, port: number): Promise<void> {
  const raw = message(sizes[size]);
  const { alone, loaded } = counts[size];
  const latencies: number[] = [];
  const accepts: number[] = [];
  for (let i = 0; i < alone; i++) {
    const { id, sealed } = jobFor(queue, raw);
    const began = performance.now();
    await queue.accept(id, sealed);
    const accepted = performance.now();
    await other.took(id);
    accepts.push(accepted - began);
    latencies.push(performance.now() - accepted);
  }
  const jobs = Array.from({ length: loaded }, () => jobFor(queue, raw));
  const cpuBefore = process.cpuUsage();
  const relayed = await perSecond(loaded, 16, () => relay(queue, other, jobs));
  const cpu = process.cpuUsage(cpuBefore);
  const floor = await perSecond(loaded, 16, () => bare(port, raw));
  const cells = [
    size.padEnd(22),
    quantile(latencies, 0.5).toFixed(1).padStart(8),
    quantile(latencies, 0.95).toFixed(1).padStart(7),
    quantile(accepts, 0.5).toFixed(1).padStart(11),
    relayed.toFixed(relayed < 10 ? 1 : 0).padStart(11),
    floor.toFixed(floor < 10 ? 1 : 0).padStart(9),
    (relayed / floor).toFixed(2).padStart(15),
    ((cpu.user + cpu.system) / 1000 / loaded).toFixed(1).padStart(12),
  ];
  process.stdout.write(`${cells.join("")}\n`);
}

/** Sealing is the edge's work: done here before the watch starts. */
function jobFor(queue: RelayQueue, raw: Uint8Array): { id: string; sealed: Uint8Array } {
  const job = relayJob(Date.now());
  const { publicKey, keyId } = queue.transit;
  const sealed = sealedBytes(sealFrame({ publicKey: fromBase64(publicKey), keyId, head: job, raw }, nativePrimitives));
  return { id: job.id, sealed };
}

async function relay(queue: RelayQueue, other: OtherHost, jobs: { id: string; sealed: Uint8Array }[]): Promise<void> {
  const job = jobs.pop();
  if (job === undefined) throw new Error("fewer jobs than calls");
  await queue.accept(job.id, job.sealed);
  await other.took(job.id);
}

async function bare(port: number, raw: Uint8Array): Promise<void> {
  const dialled = await connect("127.0.0.1", port);
  if (dialled.kind !== "connected") throw new Error(dialled.why);
  const options = { name: "bench.test", host: "mx.dest.test", tls: "none", timeoutMs: 30_000 } as const;
  const sent = await sendOver(dialled.socket, options, { from: "ann@author.test", to: ["me@dest.test"] }, raw);
  if (sent.kind !== "taken") throw new Error(`the floor does not hold: ${sent.kind}`);
}

/** `all` calls, `wide` at one time. */
async function perSecond(all: number, wide: number, once: () => Promise<unknown>): Promise<number> {
  const began = performance.now();
  let left = all;
  const lane = async () => {
    while (left-- > 0) await once();
  };
  await Promise.all(Array.from({ length: wide }, lane));
  return all / ((performance.now() - began) / 1000);
}

function message(bytes: number): Buffer {
  const line = `${"Lorem ipsum dolor sit amet, consectetur adipiscing elit sed do eiusmod. ".slice(0, 72)}\r\n`;
  const head =
    "From: Ann <ann@author.test>\r\nTo: hello@demo.test\r\nSubject: bench\r\nMessage-ID: <1@author.test>\r\n\r\n";
  return Buffer.from(head + line.repeat(Math.ceil(bytes / line.length)));
}

function quantile(values: readonly number[], q: number): number {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length * q)] ?? 0;
}

async function openQueue(file: string, port: number): Promise<RelayQueue> {
  const zones: Zones = {
    "dest.test": { MX: [{ priority: 10, exchange: "mx.dest.test" }] },
    "mx.dest.test": { A: ["127.0.0.1"] },
  };
  const queue = await relayQueue({
    file,
    key: random(32),
    srsSecrets: [random(32)],
    name: "mx.node.test",
    port,
    dns: tableResolver(zones),
    connect,
    clock,
    random,
    primitives: nativePrimitives,
    crypto: nodeCrypto,
    report: async () => undefined,
    // As much as the floor gets; a real host would rather be spared.
    rules: { perHost: 16 },
    home: null,
    log: (what, error) => process.stderr.write(`${what} ${error ?? ""}\n`),
  });
  // Signed as in life: the forwarding domain publishes the key.
  const { selector, txt } = queue.signingRecord;
  zones[`${selector}._domainkey.demo.test`] = { TXT: [txt] };
  return queue;
}

/** The sink in a process of its own; it tells which job it has taken. */
class OtherHost {
  readonly #process: ChildProcess = fork(fileURLToPath(import.meta.url), ["--other-host"]);
  readonly #taken = new Map<string, () => void>();

  async port(): Promise<number> {
    const [port] = (await once(this.#process, "message")) as [number];
    this.#process.on("message", (id: string) => {
      this.#taken.get(id)?.();
      if (!this.#taken.delete(id)) this.#taken.set(id, () => undefined);
    });
    return port;
  }

  /** Resolves when that job's 250 has been sent, also when it has been already. */
  took(id: string): Promise<void> {
    if (this.#taken.delete(id)) return Promise.resolve();
    return new Promise((done) => this.#taken.set(id, done));
  }

  stop(): void {
    this.#process.kill();
  }
}

if (process.argv.includes("--other-host")) {
  const sink = await openSink();
  sink.onCaught = ({ raw }) => tell(raw);
  process.send?.(sink.port);
}

function tell(raw: Buffer): void {
  const id = / id (job-\d+)\r\n/.exec(raw.subarray(0, 8192).toString("latin1"))?.[1];
  if (id !== undefined) process.send?.(id);
}
