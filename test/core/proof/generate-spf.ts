/** SPF records and the worlds around them, by chance: right, wrong and odd ones. */
import type { Zones } from "../../../src/core/dns/zones.ts";
import type { Chance } from "./generate.ts";

const hosts = ["a.test", "b.test", "c.test", "none.test", "slow.test", "broken.test", "many.test", "six.test"];
const specs = [
  ...hosts,
  "%{d}",
  "%{l}.c.test",
  "%{ir}.%{v}.c.test",
  "%{d1r}.test",
  "%{o}",
  "x%{L}.test",
  "%{h}",
  "%{p}",
  "a..b.test",
  "foo-",
  "%{z}",
  "%%.test",
  "a",
  "%{d0}.test",
  "%{c}.test",
];
const lengths = ["", "", "", "/24", "/32", "/0", "/33", "/024", "//64", "/24//64", "/24/64", "//129"];
const addresses = [
  "ip4:192.0.2.1",
  "ip4:192.0.2.0/24",
  "ip4:192.0.2.0/33",
  "ip4:1.2.3",
  "ip4:192.0.2.1/",
  "ip6:2001:db8::/32",
  "ip6:2001:db8::1",
  "ip6:::ffff:192.0.2.1",
  "ip6:2001:db8::/129",
  "ip6:192.0.2.1",
  "ip4:2001:db8::1",
  "ip4",
  "ip6:::1/0",
];
const odd = [
  "foo",
  "foo:bar",
  "all:x",
  "all/8",
  "include",
  "include:",
  "exists",
  "ptr:",
  "a:",
  "moo=cow",
  "moo=%{z}",
  "exp=%{l}.c.test",
  "exp=",
  "redirect=",
  "redirect:b.test",
  "=x",
  "1a",
  "A",
  "ALL",
  "Mx",
  "-Exists:%{ir}.c.test",
];

function term(chance: Chance): string {
  const sign = chance.pick(["", "", "", "+", "-", "~", "?"]);
  switch (chance.below(9)) {
    case 0:
    case 1:
      return sign + chance.pick(addresses);
    case 2:
      return `${sign}a${chance.oneIn(2) ? `:${chance.pick(specs)}` : ""}${chance.pick(lengths)}`;
    case 3:
      return `${sign}mx${chance.oneIn(2) ? `:${chance.pick(specs)}` : ""}${chance.pick(lengths)}`;
    case 4:
      return `${sign}include:${chance.pick(specs)}`;
    case 5:
      return `${sign}exists:${chance.pick(specs)}`;
    case 6:
      return `${sign}ptr${chance.oneIn(2) ? `:${chance.pick(specs)}` : ""}`;
    case 7:
      return chance.oneIn(3) ? chance.pick(odd) : `redirect=${chance.pick(specs)}`;
    default:
      return `${sign}all`;
  }
}

function record(chance: Chance): string {
  const terms = Array.from({ length: chance.below(5) }, () => term(chance));
  return [chance.oneIn(20) ? "V=SPF1" : "v=spf1", ...terms, ...(chance.oneIn(2) ? ["-all"] : [])].join(
    chance.oneIn(9) ? "  " : " ",
  );
}

/** A small world of records made by chance, with one name that times out and one that fails. */
export function spfZones(chance: Chance): Zones {
  const text = () => ({ TXT: chance.oneIn(12) ? [record(chance), record(chance)] : [record(chance)] });
  return {
    "a.test": { ...text(), A: ["192.0.2.1"], MX: [{ priority: 10, exchange: "c.test" }] },
    "b.test": { ...text(), A: ["192.0.2.77"], AAAA: ["2001:db8::77"] },
    "c.test": {
      ...text(),
      A: ["192.0.2.2"],
      MX: [
        { priority: 5, exchange: "a.test" },
        { priority: 6, exchange: "none.test" },
      ],
    },
    "six.test": { ...text(), AAAA: ["2001:db8::1"], MX: [{ priority: 0, exchange: "six.test" }] },
    "slow.test": "TIMEOUT",
    "broken.test": { TXT: ["v=spf1 a -all"], A: "SERVFAIL" },
    "many.test": { ...text(), MX: Array.from({ length: 11 }, (_, i) => ({ priority: i, exchange: "b.test" })) },
    "user.c.test": { A: ["127.0.0.2"] },
    "1.2.0.192.in-addr.c.test": { A: ["127.0.0.2"] },
    "1.2.0.192.in-addr.arpa": { PTR: ["a.test", "x.none.test"] },
    "1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa": { PTR: ["six.test"] },
  };
}

export function spfFacts(chance: Chance): { ip: string; sender: string } {
  const ip = chance.pick(["192.0.2.1", "192.0.2.1", "192.0.2.9", "2001:db8::1", "::ffff:192.0.2.1"]);
  return { ip, sender: chance.pick(["user@a.test", "user@a.test", "user@b.test", "", "user@six.test"]) };
}
