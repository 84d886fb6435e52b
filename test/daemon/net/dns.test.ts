import { afterAll, beforeAll, expect, it } from "vitest";
import { type LoopbackDns, startDns } from "../../../src/cli/world/dns.ts";
import type { DnsType } from "../../../src/core/ports.ts";
import { nodeResolver } from "../../../src/daemon/net/dns.ts";

let world: LoopbackDns;
beforeAll(async () => {
  world = await startDns({
    "a.test": {
      A: ["127.0.0.1", "127.0.0.2"],
      AAAA: ["::1"],
      MX: [{ priority: 10, exchange: "mx.a.test" }],
      TXT: [["v=spf1 ", "-all"], "plain"],
    },
    "_imaps._tcp.a.test": { SRV: [{ priority: 0, weight: 1, port: 993, target: "mx.a.test" }] },
    "_pop3s._tcp.a.test": { SRV: [{ priority: 0, weight: 0, port: 0, target: "." }] },
    "alias.test": { CNAME: "a.test" },
    "broken.test": "SERVFAIL",
    "slow.test": "TIMEOUT",
  });
});
afterAll(() => world.close());

const cases: [string, DnsType, unknown][] = [
  ["a.test", "A", { kind: "found", records: ["127.0.0.1", "127.0.0.2"] }],
  ["a.test", "AAAA", { kind: "found", records: ["::1"] }],
  ["a.test", "MX", { kind: "found", records: [expect.objectContaining({ priority: 10, exchange: "mx.a.test" })] }],
  ["a.test", "TXT", { kind: "found", records: ["v=spf1 -all", "plain"] }],
  [
    "_imaps._tcp.a.test",
    "SRV",
    { kind: "found", records: [expect.objectContaining({ priority: 0, weight: 1, port: 993, target: "mx.a.test" })] },
  ],
  ["_pop3s._tcp.a.test", "SRV", { kind: "found", records: [expect.objectContaining({ port: 0, target: "" })] }],
  ["a.test", "NS", { kind: "none", nxdomain: false }],
  ["alias.test", "A", { kind: "found", records: ["127.0.0.1", "127.0.0.2"] }],
  ["nowhere.test", "A", { kind: "none", nxdomain: true }],
  ["broken.test", "A", { kind: "trouble", reason: "servfail" }],
  ["slow.test", "A", { kind: "trouble", reason: "timeout" }],
  ["-bad..name", "MX", { kind: "none", nxdomain: true }],
];
for (const [name, type, answer] of cases) {
  it(`${name} ${type}`, async () => {
    const dns = nodeResolver({ servers: [`127.0.0.1:${world.udpPort}`], timeoutMs: 150 });
    expect(await dns.resolve(name, type)).toEqual(answer);
  });
}
