/** The node's numbers for monitoring, over HTTP on loopback. */
import { expect, test } from "vitest";
import { configSchema } from "../../src/daemon/config.ts";
import { type Measured, metricsText, serveMetrics } from "../../src/daemon/main/metrics.ts";

const measured: Measured = {
  mailboxes: [
    { usedBytes: 5, waiting: 1 },
    { usedBytes: 7, waiting: 2 },
  ],
  relayWaiting: 4,
  heartbeatAt: 90_000,
  told: {
    spool: { waiting: 3, parked: 1, oldest: 40_000, at: 95_000 },
    kept: { count: 6, bytes: 7000, at: 95_000 },
    clockSkewMs: -1500,
  },
  backup: { since: 1, until: 30_000 },
  handoffs: new Map([
    [200, 8],
    [507, 2],
  ]),
  now: 100_000,
};

test("what is kept, what waits, how far behind, and how hand-offs ended", async () => {
  const server = await serveMetrics({ host: "127.0.0.1", port: 0 }, () => measured);
  try {
    const at = `http://127.0.0.1:${server.port}`;
    const response = await fetch(`${at}/metrics`);
    expect(response.headers.get("content-type")).toContain("text/plain");
    const lines = (await response.text()).split("\n").filter((line) => line !== "" && !line.startsWith("#"));
    expect(lines).toEqual([
      "postern_mailboxes 2",
      "postern_mailbox_bytes 12",
      "postern_sealed_waiting 3",
      "postern_relay_waiting 4",
      "postern_heartbeat_age_seconds 10",
      "postern_edge_waiting 3",
      "postern_edge_parked 1",
      "postern_handoff_lag_seconds 60",
      "postern_edge_kept 6",
      "postern_edge_kept_bytes 7000",
      "postern_backup_age_seconds 70",
      "postern_clock_ahead_seconds -1.5",
      'postern_handoff_calls_total{status="200"} 8',
      'postern_handoff_calls_total{status="507"} 2',
    ]);
    expect((await fetch(`${at}/`)).status).toBe(404);
    expect((await fetch(`${at}/metrics`, { method: "POST" })).status).toBe(404);
  } finally {
    await server.close();
  }
});

test("nothing is said of what is not known", () => {
  const text = metricsText({ ...measured, heartbeatAt: 0, told: {}, backup: null, handoffs: new Map() });
  expect(text).not.toMatch(/heartbeat|edge_|lag|calls|backup|clock/);
  const caughtUp = metricsText({ ...measured, told: { spool: { waiting: 0, parked: 0, oldest: null, at: 1 } } });
  expect(caughtUp).toContain("postern_handoff_lag_seconds 0\n");
  // Where no copy was made yet, all of the data is as old as the folder.
  const never = metricsText({ ...measured, backup: { since: 10_000, until: 0 } });
  expect(never).toContain("postern_backup_age_seconds 90\n");
});

test("metrics are refused on a public address", () => {
  const config = (host: string) => ({
    node: { id: "n1", hostname: "n1" },
    ...{ data: "d", identity: "i", edge: null, tls: { cert: "c", key: "k" } },
    listen: { metrics: { host, port: 9470 } },
  });
  expect(configSchema.safeParse(config("127.0.0.1")).success).toBe(true);
  expect(configSchema.safeParse(config("::")).error?.issues[0]?.message).toContain("loopback");
});
