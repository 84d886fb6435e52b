/** A relay queue on a temporary file, with DNS from a table and an edge that listens to results. */
import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fromBase64 } from "../../../src/core/bytes.ts";
import type { RelayJob } from "../../../src/core/contract/handoff.ts";
import type { DnsAnswer, DnsRecords, DnsType, Resolver } from "../../../src/core/ports.ts";
import { sealedBytes, sealFrame } from "../../../src/core/seal/seal.ts";
import { guardedConnect, mailPorts } from "../../../src/daemon/net/connect.ts";
import { nativePrimitives, nodeCrypto, random } from "../../../src/daemon/platform.ts";
import type { Result } from "../../../src/daemon/queue/port.ts";
import { type QueueOptions, type RelayQueue, relayQueue } from "../../../src/daemon/queue/queue.ts";

export type Zones = Record<string, Partial<{ [T in DnsType]: DnsRecords[T][] | "TIMEOUT" }>>;

export function tableResolver(zones: Zones): Resolver {
  return {
    async resolve<T extends DnsType>(name: string, type: T): Promise<DnsAnswer<DnsRecords[T]>> {
      const node = zones[name];
      if (node === undefined) return { kind: "none", nxdomain: true };
      const records = node[type] as DnsRecords[T][] | "TIMEOUT" | undefined;
      if (records === "TIMEOUT") return { kind: "trouble", reason: "timeout" };
      return records === undefined ? { kind: "none", nxdomain: false } : { kind: "found", records };
    },
  };
}

/** A clock that moves when told, and timers that fire by it. */
export class FakeTime {
  now = Date.UTC(2026, 10, 24);
  readonly #timers = new Set<{ at: number; run: () => void }>();

  readonly clock = (): number => this.now;
  readonly timer = (run: () => void, ms: number): (() => void) => {
    const one = { at: this.now + ms, run };
    this.#timers.add(one);
    return () => this.#timers.delete(one);
  };

  /** When the next timer fires; hourly upkeep aside. */
  get next(): number {
    return Math.min(...[...this.#timers].map(({ at }) => at));
  }

  advance(ms: number): void {
    const end = this.now + ms;
    for (;;) {
      const due = [...this.#timers].filter(({ at }) => at <= end).sort((a, b) => a.at - b.at)[0];
      if (due === undefined) break;
      this.#timers.delete(due);
      this.now = Math.max(this.now, due.at);
      due.run();
    }
    this.now = end;
  }
}

export const queueKey = (): Buffer => Buffer.alloc(32, 7);
export const srsSecret = Buffer.alloc(32, 9);

export type QueueWorld = {
  queue: RelayQueue;
  results: Result[];
  file: string;
  time: FakeTime;
  options: () => QueueOptions;
};

export async function openQueue(
  { port, zones, ...more }: { port: number; zones?: Zones } & Partial<QueueOptions>,
  time = new FakeTime(),
): Promise<QueueWorld> {
  const results: Result[] = [];
  const file = more.file ?? join(mkdtempSync(join(tmpdir(), "queue-")), "queue.db");
  const options = (): QueueOptions => ({
    key: queueKey(),
    srsSecrets: [srsSecret],
    name: "mx.node.test",
    port,
    dns: tableResolver(zones ?? { "dest.test": { MX: [{ priority: 10, exchange: "mx.dest.test" }] }, ...hosts }),
    connect: guardedConnect({ ownAddresses: [], ports: mailPorts, allowLoopback: true, timeoutMs: 2000 }),
    clock: time.clock,
    timer: time.timer,
    random,
    primitives: nativePrimitives,
    crypto: nodeCrypto,
    report: async (batch) => {
      results.push(...batch.results);
    },
    home: null,
    log: () => undefined,
    ...more,
    file,
  });
  return { queue: await relayQueue(options()), results, file, time, options };
}

export const hosts: Zones = {
  "mx.dest.test": { A: ["127.0.0.1"] },
  "author.test": { MX: [{ priority: 10, exchange: "mx.dest.test" }] },
};

let count = 0;

export function relayJob(now: number, more: Partial<RelayJob> = {}): RelayJob {
  return {
    id: `job-${++count}`,
    mailFrom: "ann@author.test",
    domain: "demo.test",
    forwardedFor: "hello@demo.test",
    recipient: "me@dest.test",
    route: null,
    journalId: `journal-${count}`,
    receivedAt: now,
    authResults: "mx.demo.test; spf=pass smtp.mailfrom=author.test",
    arcCv: "none",
    dmarcPassed: true,
    pathProven: true,
    smtputf8: false,
    ...more,
  };
}

/** As the edge does it. */
export function sealFor(transit: { publicKey: string; keyId: string }, job: unknown, raw: Uint8Array): Uint8Array {
  const key = { publicKey: fromBase64(transit.publicKey), keyId: transit.keyId };
  return sealedBytes(sealFrame({ ...key, head: job, raw }, nativePrimitives));
}
