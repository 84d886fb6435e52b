/**
 * `GET /metrics` in Prometheus' text format: how much is kept and waits, how far this node is behind the edge, how hand-offs ended.
 * Numbers only: no address and no mailbox is named.
 */
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import type { Cover, KeptState, SpoolState } from "../../core/contract/handoff.ts";

/** What the last heartbeat was answered. */
export type EdgeTold = {
  spool?: SpoolState | undefined;
  kept?: KeptState | undefined;
  clockSkewMs?: number | undefined;
};

export type Measured = {
  mailboxes: readonly { usedBytes: number; waiting: number }[];
  relayWaiting: number;
  /** UTC ms; 0: never. */
  heartbeatAt: number;
  told: EdgeTold;
  /** How far copies of this node reach; null where none are made. */
  backup: Cover | null;
  /** Hand-off calls by the status that they were answered with. */
  handoffs: ReadonlyMap<number, number>;
  now: number;
};

type Metric = { name: string; type: "gauge" | "counter"; help: string; values: [labels: string, value: number][] };

export function metricsText(measured: Measured): string {
  return metrics(measured)
    .filter(({ values }) => values.length > 0)
    .map(({ name, type, help, values }) => {
      const lines = values.map(([labels, value]) => `postern_${name}${labels} ${value}\n`);
      return `# HELP postern_${name} ${help}\n# TYPE postern_${name} ${type}\n${lines.join("")}`;
    })
    .join("");
}

function metrics({ mailboxes, relayWaiting, heartbeatAt, told, backup, handoffs, now }: Measured): Metric[] {
  const gauge = (name: string, help: string, value: number | null | undefined): Metric => {
    return { name, type: "gauge", help, values: value == null ? [] : [["", value]] };
  };
  const sum = (of: "usedBytes" | "waiting"): number => mailboxes.reduce((total, one) => total + one[of], 0);
  const age = (at: number): number => Math.max(0, now - at) / 1000;
  const { spool, kept, clockSkewMs } = told;
  const lag = spool && (spool.oldest === null ? 0 : age(spool.oldest));
  const copied = ({ since, until }: Cover): number | null => (until || since) && age(until || since);
  const ahead = (ms: number | undefined) => (ms === undefined ? null : ms / 1000);
  return [
    gauge("mailboxes", "Mailboxes placed here.", mailboxes.length),
    gauge("mailbox_bytes", "Raw bytes of filed mail.", sum("usedBytes")),
    gauge("sealed_waiting", "Sealed messages here that wait for their owner to log in.", sum("waiting")),
    gauge("relay_waiting", "Messages on their way out.", relayWaiting),
    gauge("heartbeat_age_seconds", "Since the edge last answered.", heartbeatAt === 0 ? null : age(heartbeatAt)),
    gauge("edge_waiting", "Sealed messages at the edge for this node.", spool?.waiting),
    gauge("edge_parked", "Of this node, given up by the edge after five days.", spool?.parked),
    gauge("handoff_lag_seconds", "Age of the oldest message that waits at the edge for this node.", lag),
    gauge("edge_kept", "Messages that the edge keeps until a copy of this node holds them.", kept?.count),
    gauge("edge_kept_bytes", "Bytes of them, sealed.", kept?.bytes),
    gauge(
      "backup_age_seconds",
      "Age of what the newest copy holds; before the first, of the data.",
      backup && copied(backup),
    ),
    gauge("clock_ahead_seconds", "How far this clock is ahead of the edge's, latency included.", ahead(clockSkewMs)),
    {
      name: "handoff_calls_total",
      type: "counter",
      help: "Calls of the edge, by the answer.",
      values: [...handoffs].map(([status, count]) => [`{status="${status}"}`, count]),
    },
  ];
}

export async function serveMetrics(
  at: { host: string; port: number },
  measure: () => Measured,
): Promise<{ port: number; close(): Promise<void> }> {
  const server = createServer((request, response) => {
    if (request.method !== "GET" || request.url !== "/metrics") return response.writeHead(404).end();
    response.writeHead(200, { "content-type": "text/plain; version=0.0.4", "cache-control": "no-store" });
    return response.end(metricsText(measure()));
  });
  server.listen(at.port, at.host);
  await once(server, "listening");
  const close = async (): Promise<void> => {
    const closed = once(server.close(), "close");
    server.closeAllConnections();
    await closed;
  };
  return { port: (server.address() as AddressInfo).port, close };
}
