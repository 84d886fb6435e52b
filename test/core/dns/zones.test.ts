import { expect, test } from "vitest";
import { memoResolver } from "../../../src/core/dns/memo.ts";
import { isHostName, isWithin, toName } from "../../../src/core/dns/name.ts";
import { Zones, zoneResolver } from "../../../src/core/dns/zones.ts";
import type { Resolver } from "../../../src/core/ports.ts";

const zones = Zones.parse({
  "Example.test.": {
    TXT: ["one", ["v=spf1 ", "-all"]],
    MX: [{ priority: 10, exchange: "mx.example.test." }],
    A: ["192.0.2.1"],
    AAAA: "SERVFAIL",
    NS: "NXDOMAIN",
  },
  "alias.test": { CNAME: "example.test" },
  "loop.test": { CNAME: "loop.test" },
  "dangling.test": { CNAME: "nowhere.test" },
  "slow.test": "TIMEOUT",
  "broken.test": "SERVFAIL",
  "gone.test": "NXDOMAIN",
});
const dns = zoneResolver(zones);

test.each([
  ["EXAMPLE.test", "TXT", { kind: "found", records: ["one", "v=spf1 -all"] }],
  ["example.test.", "MX", { kind: "found", records: [{ priority: 10, exchange: "mx.example.test" }] }],
  ["example.test", "AAAA", { kind: "trouble", reason: "servfail" }],
  ["example.test", "PTR", { kind: "none", nxdomain: false }],
  ["example.test", "NS", { kind: "none", nxdomain: true }],
  ["alias.test", "A", { kind: "found", records: ["192.0.2.1"] }],
  ["alias.test", "CNAME", { kind: "found", records: ["example.test"] }],
  ["loop.test", "A", { kind: "trouble", reason: "servfail" }],
  ["dangling.test", "A", { kind: "none", nxdomain: true }],
  ["slow.test", "A", { kind: "trouble", reason: "timeout" }],
  ["broken.test", "TXT", { kind: "trouble", reason: "servfail" }],
  ["gone.test", "A", { kind: "none", nxdomain: true }],
  ["unlisted.test", "A", { kind: "none", nxdomain: true }],
] as const)("%s %s", async (name, type, answer) => {
  expect(await dns.resolve(name, type)).toEqual(answer);
});

test("one message asks a question once, and not without end", async () => {
  let asked = 0;
  const counting: Resolver = {
    resolve: (name, type) => {
      asked++;
      return dns.resolve(name, type);
    },
  };
  const memo = memoResolver(counting, 3);
  for (const name of ["a.test", "A.test.", "b.test", "c.test"]) await memo.resolve(name, "A");
  expect(asked).toBe(3);
  expect(await memo.resolve("d.test", "A")).toEqual({ kind: "trouble", reason: "timeout" });
  expect(await memo.resolve("a.test", "A")).toEqual({ kind: "none", nxdomain: true });
  expect(asked).toBe(3);
});

test.each([
  ["Example.COM.", "example.com"],
  ["b\u00fccher.example", "xn--bcher-kva.example"],
  ["a\u3002example", "a.example"],
  ["_dmarc.x", "_dmarc.x"],
  ["a..b", null],
  [".a", null],
  ["", null],
  [".", null],
  [`${"a".repeat(64)}.test`, null],
  ["a.".repeat(130), null],
  ["1.2", "1.2"],
])("the name of %j is %j", (text, name) => {
  expect(toName(text)).toBe(name);
});

test("names and places", () => {
  expect([
    isHostName("mail.example.com"),
    isHostName("localhost"),
    isHostName("192.0.2.1"),
    isHostName("-a.test"),
  ]).toEqual([true, false, false, false]);
  expect([isWithin("a.b.test", "b.test"), isWithin("b.test", "b.test"), isWithin("ab.test", "b.test")]).toEqual([
    true,
    true,
    false,
  ]);
});
