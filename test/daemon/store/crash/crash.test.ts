// kill -9 at every named step between receipt and filing: nothing is lost, nothing is there twice, every byte is right.
import { type ChildProcess, fork } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, describe, expect, it } from "vitest";
import { toBase64 } from "../../../../src/core/bytes.ts";
import { openStore } from "../../../../src/daemon/store/store.ts";
import { makeMailbox, nodeKey, type TestMailbox, texts } from "../fixture.ts";
import type { Order } from "./child.ts";
import { points } from "./points.ts";

const here = (name: string) => fileURLToPath(new URL(name, import.meta.url));
const counts: Record<string, number> = {};

class Victim {
  readonly child: ChildProcess;
  readonly ended: Promise<void>;
  readonly #heard: ((said: Record<string, unknown>) => void)[] = [];

  constructor(dir: string, crashAt: string) {
    this.child = fork(here("child.ts"), [dir], {
      execArgv: ["--import", here("preload.ts")],
      env: { ...process.env, CRASH_AT: crashAt, NODE_COMPILE_CACHE: join(tmpdir(), "postern-compiled") },
      stdio: ["ignore", "inherit", "inherit", "ipc"],
    });
    this.ended = new Promise((resolve) => this.child.once("exit", () => resolve()));
    this.child.on("message", (said: Record<string, unknown>) => {
      if (said["failed"]) throw new Error(String(said["failed"]));
      this.#heard.shift()?.(said);
    });
  }

  /** What the child says next; null when it dies first. */
  next(): Promise<Record<string, unknown> | null> {
    return Promise.race([
      new Promise<Record<string, unknown>>((resolve) => this.#heard.push(resolve)),
      this.ended.then(() => null),
    ]);
  }

  async ask(order: Order): Promise<boolean> {
    if (this.child.connected) this.child.send(order, () => undefined);
    return (await this.next()) !== null;
  }
}

/** Sends everything that is not acknowledged yet, half of it before the owner logs in, half while the mailbox is open. */
async function run(victim: Victim, mailbox: TestMailbox, sealed: Map<string, string>): Promise<boolean> {
  if ((await victim.next()) === null || !(await victim.ask({ kind: "apply", record: mailbox.record }))) return false;
  const ids = [...sealed.keys()];
  for (const [i, id] of ids.entries()) {
    if (i === Math.floor(ids.length / 2)) {
      const { address } = mailbox.record;
      if (!(await victim.ask({ kind: "login", address, password: mailbox.password }))) return false;
    }
    const order: Order = { kind: "accept", mailbox: mailbox.record.id, id, bytes: sealed.get(id) ?? "" };
    if (!(await victim.ask(order))) return false;
    sealed.delete(id);
  }
  return true;
}

describe("kill -9 of the node", () => {
  for (const [number, point] of points.entries()) {
    it(`at "${point.name}" loses nothing and doubles nothing`, async () => {
      const dir = mkdtempSync(join(tmpdir(), "postern-crash-"));
      const mailbox = makeMailbox(`x${number}`, `x${number}@demo.test`);
      // Two are large: one comes before the owner logs in, one after.
      const length = (i: number) => (i === 6 || i === 18 ? 260_000 : i * i);
      const messages = Array.from({ length: 24 }, (_, i) => `Subject: ${i}\r\n\r\n${"body ".repeat(length(i))}\r\n`);
      const waiting = new Map(messages.map((raw, i) => [`h${i}`, toBase64(mailbox.seal(raw))]));

      const first = new Victim(dir, point.name);
      const survived = await run(first, mailbox, waiting);
      if (survived) {
        // Steps that come after the acknowledgement: the child dies within the second in which mirrors are written.
        await first.ended;
      }
      await first.ended;
      expect(first.child.signalCode).toBe("SIGKILL");

      const second = new Victim(dir, "");
      expect(await run(second, mailbox, waiting)).toBe(true);
      second.child.kill("SIGKILL");
      await second.ended;

      const store = await openStore({ dir, nodeKey, workers: 1 });
      const found = await texts(store, mailbox);
      await store.close();
      const trace = "Return-Path: <ann@sender.test>\r\n";
      expect(found.sort()).toEqual(messages.map((raw) => trace + raw).sort());
      counts[point.name] = found.length;
      rmSync(dir, { recursive: true, force: true });
    });
  }

  afterAll(() => {
    const total = Object.values(counts).reduce((sum, count) => sum + count, 0);
    console.log(`kill -9 at ${Object.keys(counts).length} points over ${total} messages: none lost, none twice`);
    for (const [name, count] of Object.entries(counts)) console.log(`  ${name}: ${count}`);
  });
});
