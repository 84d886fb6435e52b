/** Every check of a domain's DNS in every state: what is found, how it is judged, and that it says what to do unless all is well. */
import { expect, test } from "vitest";
import { type Zones, zoneResolver } from "../../../src/core/dns/zones.ts";
import { checkRecords } from "../../../src/core/health/check.ts";
import type { Check } from "../../../src/core/health/finding.ts";
import { lookAround } from "../../../src/core/health/look.ts";
import { wantedRecords, zoneFile } from "../../../src/core/health/records.ts";
import { policyFor, policyNames, policyRecord, readPolicy } from "../../../src/core/health/sts-policy.ts";
import type { DnsAnswer, DnsRecords, DnsType, Resolver } from "../../../src/core/ports.ts";

const domain = { name: "shop.test", token: "t" };
const place = { node: { mxHost: "mx.node.test", facts: null }, edgeHost: "edge.test" };
const good: Zones = {
  "mx.node.test": { A: ["192.0.2.9"] },
  "9.2.0.192.in-addr.arpa": { PTR: ["mx.node.test"] },
};

/** A resolver that vouches for the names given, as a validating one does. */
function vouching(zones: Zones, signed: readonly string[]): Resolver {
  const plain = zoneResolver(zones);
  return {
    async resolve<T extends DnsType>(name: string, type: T): Promise<DnsAnswer<DnsRecords[T]>> {
      const answer = await plain.resolve(name, type);
      const under = signed.some((one) => name === one || name.endsWith(`.${one}`));
      return answer.kind === "found" && under ? { ...answer, authentic: true } : answer;
    },
  };
}

async function check(
  id: string,
  zones: Zones,
  more: { signed?: string[]; policy?: string | null } = {},
): Promise<Check> {
  const dns = vouching({ ...good, ...zones }, more.signed ?? []);
  const all = [
    ...(await checkRecords(wantedRecords(domain, place), dns, async () => more.policy ?? null)),
    ...(await lookAround(domain.name, place.node.mxHost, dns)),
  ];
  const found = all.find((one) => one.id === id);
  if (found === undefined) throw new Error(`no check ${id}`);
  if (found.state !== "pass") expect(found.todo, `${id} says what to do`).not.toBe("");
  expect(found.why).not.toBe("");
  return found;
}

const sts = { "_mta-sts.shop.test": { TXT: ["v=STSv1; id=1"] } };
const policy = (mode: string, mx = "mx.node.test"): string =>
  `version: STSv1\nmode: ${mode}\nmx: ${mx}\nmax_age: 86400\n`;
const tlsa = { "_25._tcp.mx.node.test": { TLSA: ["3 1 1 abcd"] } };
const ds = { "shop.test": { DS: ["1 13 2 abcd"], MX: [{ priority: 10, exchange: "mx.node.test" }] } };

test.each<[what: string, id: string, state: Check["state"], zones: Zones, more?: Parameters<typeof check>[2]]>([
  ["MTA-STS: no record", "mta-sts", "missing", {}],
  ["MTA-STS: enforced, names our server", "mta-sts", "pass", sts, { policy: policy("enforce") }],
  ["MTA-STS: by a wildcard", "mta-sts", "pass", sts, { policy: policy("enforce", "*.node.test") }],
  ["MTA-STS: only testing", "mta-sts", "warn", sts, { policy: policy("testing") }],
  ["MTA-STS: names another server", "mta-sts", "wrong", sts, { policy: policy("enforce", "mx.old.test") }],
  ["MTA-STS: no policy behind the record", "mta-sts", "wrong", sts, { policy: null }],
  ["MTA-STS: a web page behind the record", "mta-sts", "wrong", sts, { policy: "<html>" }],
  ["MTA-STS: no id", "mta-sts", "wrong", { "_mta-sts.shop.test": { TXT: ["v=STSv1;"] } }],
  ["MTA-STS: DNS is silent", "mta-sts", "trouble", { "_mta-sts.shop.test": "TIMEOUT" }],
  ["TLS-RPT: none", "tls-rpt", "missing", {}],
  [
    "TLS-RPT: the owner's own",
    "tls-rpt",
    "pass",
    { "_smtp._tls.shop.test": { TXT: ["v=TLSRPTv1; rua=mailto:x@y.test"] } },
  ],
  ["TLS-RPT: to nobody", "tls-rpt", "wrong", { "_smtp._tls.shop.test": { TXT: ["v=TLSRPTv1; rua="] } }],
  ["DANE: none", "dane", "missing", {}],
  ["DANE: signed", "dane", "pass", tlsa, { signed: ["node.test"] }],
  ["DANE: not signed counts for nothing (RFC 7672 §2.2)", "dane", "wrong", tlsa],
  [
    "DANE: a usage for the web",
    "dane",
    "wrong",
    { "_25._tcp.mx.node.test": { TLSA: ["1 1 1 abcd"] } },
    { signed: ["node.test"] },
  ],
  ["PTR: leads there and back", "ptr", "pass", {}],
  ["PTR: none", "ptr", "missing", { "9.2.0.192.in-addr.arpa": "NXDOMAIN" }],
  ["PTR: leads elsewhere", "ptr", "wrong", { "9.2.0.192.in-addr.arpa": { PTR: ["host-9.isp.test"] } }],
  ["PTR: DNS is silent", "ptr", "trouble", { "9.2.0.192.in-addr.arpa": "TIMEOUT" }],
  ["PTR: a server without an address", "ptr", "missing", { "mx.node.test": "NXDOMAIN" }],
  ["DNSSEC: not signed", "dnssec", "missing", {}],
  ["DNSSEC: signed and verified", "dnssec", "pass", ds, { signed: ["shop.test"] }],
  ["DNSSEC: signed, not verified", "dnssec", "warn", ds],
  ["DNSSEC: signatures do not hold", "dnssec", "wrong", { "shop.test": { DS: ["1 13 2 abcd"], MX: "SERVFAIL" } }],
  ["BIMI: none", "bimi", "missing", {}],
  ["BIMI: a logo", "bimi", "pass", { "default._bimi.shop.test": { TXT: ["v=BIMI1; l=https://shop.test/l.svg;"] } }],
  ["BIMI: declined", "bimi", "pass", { "default._bimi.shop.test": { TXT: ["v=BIMI1; l=; a="] } }],
  [
    "BIMI: a logo without encryption",
    "bimi",
    "wrong",
    { "default._bimi.shop.test": { TXT: ["v=BIMI1; l=http://shop.test/l.svg"] } },
  ],
])("%s", async (_, id, state, zones, more) => {
  expect((await check(id, zones, more)).state).toBe(state);
});

test("a name inside a signed zone counts as signed", async () => {
  const zones = { "shop.example.test": {}, "example.test": { DS: ["1 13 2 abcd"] } };
  const found = await lookAround("shop.example.test", null, vouching(zones, ["example.test"]));
  expect(found.find(({ id }) => id === "dnssec")?.state).toBe("pass");
});

test("where Email Routing receives, Cloudflare's MX is asked for, and no mail server is looked at", async () => {
  const mx = (exchange: string) => ({ "shop.test": { MX: [{ priority: 5, exchange }] } });
  const look = (zones: Zones) => lookAround("shop.test", null, zoneResolver(zones));
  const states = async (zones: Zones) => (await look(zones)).find(({ id }) => id === "mx")?.state;
  expect(await states({})).toBe("missing");
  expect(await states(mx("mx.old.test"))).toBe("wrong");
  expect(await states(mx("route2.mx.cloudflare.net"))).toBe("pass");
  expect((await look({})).map(({ id }) => id)).toEqual(["mx", "dnssec", "bimi"]);
});

test("our own policy is one that our own check takes, and its record changes with it", () => {
  const ours = readPolicy(policyFor("mx.node.test"));
  expect(ours?.mode).toBe("enforce");
  expect(policyNames(ours ?? { mode: "", mx: [] }, "MX.node.test")).toBe(true);
  expect(policyNames({ mode: "enforce", mx: ["*.node.test"] }, "a.b.node.test")).toBe(false);
  expect(policyRecord(policyFor("mx.node.test"))).not.toBe(policyRecord(policyFor("mx2.node.test")));
  expect(policyRecord(policyFor(null))).toMatch(/^v=STSv1; id=[a-z0-9]{1,32}$/);
});

test("the zone file holds what the owner is to set and nothing else", () => {
  const text = zoneFile(wantedRecords(domain, place));
  expect(text).toContain("mta-sts.shop.test. 3600 IN CNAME edge.test.");
  expect(text).toContain('_smtp._tls.shop.test. 3600 IN TXT "v=TLSRPTv1; rua=mailto:postmaster@shop.test"');
  expect(text).not.toMatch(/TLSA|BIMI|DS /);
});
