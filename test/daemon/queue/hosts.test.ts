import { expect, it } from "vitest";
import { type Targets, targetsFor } from "../../../src/daemon/queue/hosts.ts";
import { tableResolver, type Zones } from "./world.ts";

const zones: Zones = {
  "two.test": {
    MX: [
      { priority: 20, exchange: "b.two.test" },
      { priority: 10, exchange: "A.two.test." },
    ],
  },
  "a.two.test": { A: ["192.0.2.1"], AAAA: ["2001:db8::1"] },
  "b.two.test": { A: ["192.0.2.2"] },
  "implicit.test": { A: ["192.0.2.3"] },
  "null.test": { MX: [{ priority: 0, exchange: "" }] },
  "bare.test": { TXT: ["hello"] },
  "slow.test": { MX: "TIMEOUT" },
  "halfslow.test": { MX: [{ priority: 1, exchange: "slowhost.test" }] },
  "slowhost.test": { A: "TIMEOUT" },
  "ours.test": {
    MX: [
      { priority: 5, exchange: "a.two.test" },
      { priority: 10, exchange: "mx.node.test" },
      { priority: 20, exchange: "b.two.test" },
    ],
  },
  "onlyours.test": { MX: [{ priority: 10, exchange: "mx.node.test" }] },
  "mx.node.test": { A: ["192.0.2.9"] },
};
const deps = { dns: tableResolver(zones), port: 25, ownNames: ["mx.node.test"], chance: () => 0 };

const short = (found: Targets) =>
  found.kind === "targets"
    ? found.targets.map(({ host, addresses, port }) => `${host}:${port} ${addresses.join(" ")}`)
    : found.kind === "home"
      ? "home"
      : `${found.ending.kind} ${found.ending.enhanced}`;

const cases: [string, string, string[] | string][] = [
  [
    "MX by preference, case and final dot aside",
    "two.test",
    ["a.two.test:25 192.0.2.1 2001:db8::1", "b.two.test:25 192.0.2.2"],
  ],
  ["no MX: the domain itself (RFC 5321 §5.1)", "implicit.test", ["implicit.test:25 192.0.2.3"]],
  ["null MX (RFC 7505)", "null.test", "permfail 5.1.10"],
  ["no host at all", "bare.test", "permfail 5.4.4"],
  ["no such domain", "nowhere.test", "permfail 5.1.2"],
  ["DNS trouble is never taken for absence", "slow.test", "tempfail 4.4.3"],
  ["nor at the host's addresses", "halfslow.test", "tempfail 4.4.3"],
  ["an MX that is ourselves cuts off what is less preferred", "ours.test", ["a.two.test:25 192.0.2.1 2001:db8::1"]],
  ["only ourselves: it is served here", "onlyours.test", "home"],
  ["an address literal", "[192.0.2.7]", ["192.0.2.7:25 192.0.2.7"]],
  ["an IPv6 literal", "[IPv6:2001:db8::7]", ["2001:db8::7:25 2001:db8::7"]],
];
for (const [name, domain, expected] of cases) {
  it(name, async () => expect(short(await targetsFor(domain, null, deps))).toEqual(expected));
}

it("another port is that of the MX hosts", async () => {
  const found = await targetsFor("implicit.test", { host: null, port: 2525 }, deps);
  expect(short(found)).toEqual(["implicit.test:2525 192.0.2.3"]);
  const [first] = short(await targetsFor("two.test", { host: null, port: 2525 }, deps));
  expect(first).toMatch(/^a\.two\.test:2525 /);
});

it("a fixed route passes by MX", async () => {
  expect(short(await targetsFor("two.test", { host: "b.two.test", port: 2525 }, deps))).toEqual([
    "b.two.test:2525 192.0.2.2",
  ]);
});
