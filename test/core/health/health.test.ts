/** Every check of a domain's DNS in every state: what is found, how it is judged, and that it says what to do unless all is well. */
import { sha512 } from "@noble/hashes/sha2.js";
import { expect, test } from "vitest";
import { fromHex, hex } from "../../../src/core/bytes.ts";
import { type Zones, zoneResolver } from "../../../src/core/dns/zones.ts";
import { checkRecords } from "../../../src/core/health/check.ts";
import type { Check } from "../../../src/core/health/finding.ts";
import { lookAround } from "../../../src/core/health/look.ts";
import { wantedRecords, zoneFile } from "../../../src/core/health/records.ts";
import { policyFor, policyNames, policyRecord, readPolicy } from "../../../src/core/health/sts-policy.ts";
import type { DnsAnswer, DnsRecords, DnsType, Resolver } from "../../../src/core/ports.ts";

const domain = { name: "shop.test", token: "t" };
const shown = (letter: string) => ({ sha256: letter.repeat(64), sha512: letter.repeat(128) });
const chain = [
  { cert: shown("a"), key: shown("b") },
  { cert: shown("c"), key: shown("d") },
];
const ports = { imaps: 1993, imap: 143, submissions: 465 };
type Facts = Record<string, unknown> | null;
const placeOf = (facts: Facts) => ({ node: { mxHost: "mx.node.test", facts }, edgeHost: "edge.test" });
const place = placeOf({ chain, ports });
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
  more: { signed?: string[]; policy?: string | null; facts?: Facts } = {},
): Promise<Check> {
  const dns = vouching({ ...good, ...zones }, more.signed ?? []);
  const place = placeOf(more.facts === undefined ? { chain, ports } : more.facts);
  const all = [
    ...(await checkRecords(wantedRecords(domain, place), dns, async () => more.policy ?? null)),
    ...(await lookAround(domain.name, place.node, dns)),
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
const tlsaOf = (...texts: string[]) => ({ "_25._tcp.mx.node.test": { TLSA: texts } });
const [ours, stale] = [`3 1 1 ${"b".repeat(64)}`, `3 1 1 ${"e".repeat(64)}`];
const tlsa = tlsaOf(ours);
const signed = { signed: ["node.test"] };
const imaps = (...records: [priority: number, port: number, target: string][]): Zones => ({
  "_imaps._tcp.shop.test": { SRV: records.map(([priority, port, target]) => ({ priority, weight: 5, port, target })) },
});
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
  ["DANE: the key beside one that is gone, as in a change of keys", "dane", "pass", tlsaOf(stale, ours), signed],
  ["DANE: another key", "dane", "wrong", tlsaOf(stale), signed],
  ["DANE: the whole certificate, by SHA-512", "dane", "pass", tlsaOf(`3 0 2 ${"a".repeat(128)}`), signed],
  ["DANE: the key where the certificate is asked for", "dane", "wrong", tlsaOf(`3 0 1 ${"b".repeat(64)}`), signed],
  ["DANE: the authority above", "dane", "pass", tlsaOf(`2 1 1 ${"d".repeat(64)}`), signed],
  ["DANE: our own named as an authority", "dane", "wrong", tlsaOf(`2 1 1 ${"b".repeat(64)}`), signed],
  ["DANE: the authority named as our own", "dane", "wrong", tlsaOf(`3 1 1 ${"d".repeat(64)}`), signed],
  ["DANE: a node that does not tell its key", "dane", "warn", tlsaOf(stale), { ...signed, facts: { ports } }],
  ["DANE: a node that tells nonsense", "dane", "warn", tlsaOf(stale), { ...signed, facts: { chain: [{}] } }],
  ["SRV: none", "imaps", "missing", {}],
  ["SRV: ours, whatever the weight", "imaps", "pass", imaps([9, 1993, "MX.node.test."])],
  ["SRV: the usual port, which is not ours", "imaps", "wrong", imaps([0, 993, "mx.node.test"])],
  ["SRV: elsewhere", "imaps", "wrong", imaps([0, 993, "imap.old.test"])],
  ["SRV: another beside ours", "imaps", "warn", imaps([0, 1993, "mx.node.test"], [1, 993, "imap.old.test"])],
  ["SRV: another before ours", "imaps", "wrong", imaps([1, 1993, "mx.node.test"], [0, 993, "imap.old.test"])],
  ["SRV: says that there is none (RFC 6186 §3.4)", "imaps", "wrong", imaps([0, 0, "."])],
  ["SRV: DNS is silent", "submissions", "trouble", { "_submissions._tcp.shop.test": "TIMEOUT" }],
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
  expect(text).toContain("_imaps._tcp.shop.test. 3600 IN SRV 0 1 1993 mx.node.test.");
  expect(text).not.toMatch(/TLSA|BIMI|DS /);
});

test("SRV records are asked for of what the node says it offers, and of nothing where it does not say", () => {
  const services = (facts: Facts) =>
    wantedRecords(domain, placeOf(facts))
      .filter(({ type }) => type === "SRV")
      .map(({ name, priority, value }) => `${name} ${priority} ${value}`);
  expect(services({ ports: { imaps: 993, imap: 143, pop3s: 995, submissions: 465 } })).toEqual([
    "_imaps._tcp.shop.test 0 1 993 mx.node.test",
    "_pop3s._tcp.shop.test 20 1 995 mx.node.test",
    "_submissions._tcp.shop.test 0 1 465 mx.node.test",
  ]);
  expect(services({ ports: { imap: 143 } })).toEqual([]);
  for (const facts of [null, {}, { ports: "993" }]) expect(services(facts)).toEqual([]);
  expect(wantedRecords(domain, { ...place, node: null }).some(({ type }) => type === "SRV")).toBe(false);
});

test("the TLSA record that is right is shown where the node tells its key", async () => {
  expect((await check("dane", {})).value).toBe(ours);
  expect((await check("dane", {}, { facts: null })).value).toContain("SHA-256");
  const bytes = "30820001ff";
  const whole = { sha256: "0".repeat(64), sha512: hex(sha512(fromHex(bytes))) };
  const facts = { chain: [{ cert: whole, key: shown("b") }] };
  expect((await check("dane", tlsaOf(`3 0 0 ${bytes}`), { ...signed, facts })).state).toBe("pass");
  expect((await check("dane", tlsaOf(`3 0 0 ${bytes}00`), { ...signed, facts })).state).toBe("wrong");
});

// Regression: what was there to copy was the record without the senders that the owner has.
test("who has an SPF record is shown their own with ours in it, to copy", async () => {
  const zones = { "shop.test": { TXT: ["other", "v=spf1 include:crm.test ip4:192.0.2.8 -all"] } };
  expect(await check("spf", zones)).toMatchObject({
    ...{ state: "wrong", value: "v=spf1 mx include:crm.test ip4:192.0.2.8 -all" },
  });
  expect(await check("spf", { "shop.test": { TXT: ["other"] } })).toMatchObject({ value: "v=spf1 mx ~all" });
});
