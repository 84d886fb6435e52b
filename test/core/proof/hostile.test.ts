/** Messages made to cost: each ends soon, with a verdict that is sound, and never a pass that was not earned. */
import { describe, expect, test } from "vitest";
import { concat, fromLatin1, utf8 } from "../../../src/core/bytes.ts";
import { type Zones, zoneResolver } from "../../../src/core/dns/zones.ts";
import { limits } from "../../../src/core/limits.ts";
import type { DnsType, Resolver } from "../../../src/core/ports.ts";
import { cloudflareBlock } from "../../../src/core/proof/cloudflare.ts";
import { signDkim } from "../../../src/core/proof/dkim/sign.ts";
import { prove } from "../../../src/core/proof/prove.ts";
import { authenticationResults, stripForged } from "../../../src/core/proof/results.ts";
import type { Proof } from "../../../src/core/proof/types.ts";
import { webCrypto } from "./crypto.ts";
import { above } from "./generate.ts";

const now = Date.UTC(2026, 10, 24);
const seed = Uint8Array.from({ length: 32 }, (_, i) => i);
const zones: Zones = {
  "e._domainkey.h.test": { TXT: ["v=DKIM1; k=ed25519; p=A6EHv/POEL4dcN0Y50vAmWfk1jCbpQ1fHdyGZBJVMbg="] },
  "_dmarc.h.test": { TXT: ["v=DMARC1; p=reject"] },
  "h.test": { TXT: ["v=spf1 ip4:192.0.2.1 -all"] },
};
const base = utf8("From: a@h.test\r\nTo: b@h.test\r\nSubject: s\r\n\r\nbody\r\n");
const signer = { domain: "h.test", selector: "e", key: { type: "ed25519", seed }, now } as const;
const signature = await signDkim(base, signer, webCrypto);
const signed = above(signature, base);

/** Generous, since test machines are shared: what is meant is "not minutes". */
const soon = 20_000;

async function proofOf(
  raw: Uint8Array,
  more: { mailFrom?: string; zones?: Zones; dns?: Resolver } = {},
): Promise<Proof> {
  const input = {
    raw,
    mailFrom: more.mailFrom ?? "a@other.test",
    helo: "h.test",
    ip: "192.0.2.1",
    now,
    authservId: "us.test",
    trustedSealers: [],
  };
  const proof = await prove(input, { dns: more.dns ?? zoneResolver({ ...zones, ...more.zones }), crypto: webCrypto });
  authenticationResults(proof, "us.test");
  stripForged(raw, "us.test");
  cloudflareBlock(raw);
  return proof;
}

describe("still right", { timeout: soon }, () => {
  const cases: [what: string, raw: () => Uint8Array][] = [
    ["100,000 header fields above", () => above("X-A: b\r\n".repeat(100_000), signed)],
    ["a line of five megabytes without a colon", () => above(`${"x".repeat(5e6)}\r\n`, signed)],
    ["a name with five megabytes of spaces", () => above(`x${" ".repeat(5e6)}:y\r\n`, signed)],
    ["5,000 good signatures", () => concat(fromLatin1(signature.repeat(5000)), base)],
    [
      "10,000 Authentication-Results",
      () => above("Authentication-Results: us.test; dmarc=pass\r\n".repeat(10_000), signed),
    ],
    [
      "five megabytes of open comments elsewhere",
      () => above(`Authentication-Results: ${"(".repeat(5e6)}\r\n`, signed),
    ],
    ["a chain of sixty sets", () => above(arcSets(60, ""), signed)],
    ["a chain of huge results", () => above(arcSets(50, "y".repeat(20_000)), signed)],
  ];
  test.each(cases)("%s", async (_, raw) => {
    const { dmarc, dkim, arc } = await proofOf(raw());
    expect(dmarc.result).toBe("pass");
    expect(dkim.length).toBeLessThanOrEqual(limits.proof.signatures + 1);
    expect(arc.cv).not.toBe("pass");
  });
});

function arcSets(count: number, filler: string): string {
  return Array.from({ length: count }, (_, i) =>
    [
      `ARC-Seal: i=${i + 1}; a=rsa-sha256; d=h.test; s=e; cv=${i === 0 ? "none" : "pass"}; b=AAAA\r\n`,
      `ARC-Message-Signature: i=${i + 1}; a=rsa-sha256; d=h.test; s=e; h=from; bh=2jUSOH9NhtVGCQWNr9BrIAPreKQjO6Sn7XIkfJVOzv8=; b=AAAA\r\n`,
      `ARC-Authentication-Results: i=${i + 1}; x; none ${filler}\r\n`,
    ].join(""),
  ).join("");
}

describe("never a pass", { timeout: soon }, () => {
  const cases: [what: string, raw: () => Uint8Array][] = [
    ["5,000 bad signatures above a good one", () => above(signature.replace("s=e", "s=f").repeat(5000), signed)],
    ["h= of 100,000 names", () => above(signature.replace("h=", `h=${"x:".repeat(100_000)}`), base)],
    [
      "h= that names megabytes",
      () => above(signature.replace("h=", `h=${"x:".repeat(900)}`) + `x: ${"y ".repeat(2000)}\r\n`.repeat(900), base),
    ],
    ["more fields than are read", () => above("a:\r\n".repeat(limits.proof.headerFields + 1), signed)],
    ["From with two million open comments", () => utf8(`From: ${"(".repeat(2e6)}a@h.test\r\n\r\nx`)],
    ["From with 100,000 addresses", () => utf8(`From: ${"a@h.test, ".repeat(100_000)}\r\n\r\nx`)],
    [
      "From with 5,000 domains",
      () => utf8(`From: ${Array.from({ length: 5000 }, (_, i) => `a@d${i}.test`).join(", ")}\r\n\r\nx`),
    ],
    [
      "20 signatures with 20 values of l=",
      () =>
        above(
          Array.from({ length: 20 }, (_, i) => signature.replace("h=", `l=${i + 1000}; h=`)).join(""),
          concat(base, fromLatin1("a b  \r\n".repeat(300_000))),
        ),
    ],
    ["a body of line ends", () => concat(signed, fromLatin1(`${"\r\n".repeat(2e6)}x`))],
    ["a body of LFs", () => concat(signed, fromLatin1(`${"\n".repeat(4e6)}x`))],
    ["a body of tabs", () => concat(signed, fromLatin1(`${"\t".repeat(4e6)}x`))],
    ["a body with a change in every word", () => concat(signed, fromLatin1("a\tb  ".repeat(1e6)))],
    ["nothing", () => new Uint8Array()],
    ["NULs", () => new Uint8Array(1e6)],
    ["colons", () => new Uint8Array(1e6).fill(58)],
    ["spaces", () => new Uint8Array(1e6).fill(32)],
  ];
  test.each(cases)("%s", async (_, raw) => {
    const { dmarc } = await proofOf(raw());
    expect(dmarc.result).not.toBe("pass");
  });
});

describe("the DNS", { timeout: soon }, () => {
  const includes = (name: string, next: string) => ({
    [name]: { TXT: [`v=spf1 include:${next} include:${next} include:${next} -all`] },
  });

  test("includes that loop end at ten look-ups", async () => {
    const loop = { ...includes("l.test", "m.test"), ...includes("m.test", "l.test") };
    const counted = counting(zoneResolver({ ...zones, ...loop }));
    const { spf } = await proofOf(base, { mailFrom: "a@l.test", dns: counted.dns });
    expect(spf).toMatchObject({ result: "permerror", reason: "more than ten DNS look-ups" });
    expect(counted.asked()).toBeLessThan(30);
  });

  test("names that grow by macros are cut, not asked without end", async () => {
    const grow = { "g.test": { TXT: [`v=spf1 exists:${"%{s}.".repeat(1000)}g.test -all`] } };
    const { spf } = await proofOf(base, { mailFrom: `${"x".repeat(200)}@g.test`, zones: grow });
    expect(["fail", "permerror"]).toContain(spf.result);
  });

  test("a megabyte of TXT is no record", async () => {
    const big = {
      "b.test": { TXT: [`v=spf1 ${"a:x.test ".repeat(120_000)}`] },
      "_dmarc.h.test": { TXT: [`v=DMARC1; p=reject; ${"x".repeat(1e6)}`] },
    };
    const { spf, dmarc } = await proofOf(base, { mailFrom: "a@b.test", zones: big });
    expect([spf.result, dmarc.result]).toEqual(["none", "none"]);
  });

  test("one message asks a bounded number of questions", async () => {
    const fields = Array.from({ length: 20 }, (_, i) =>
      signature.replace("d=h.test", `d=${"a.".repeat(20)}d${i}.h.test`),
    ).join("");
    const counted = counting(zoneResolver(zones));
    await proofOf(above(fields, base), { dns: counted.dns });
    expect(counted.asked()).toBeLessThanOrEqual(limits.proof.dnsQueries);
  });

  test("a DNS that never knows makes nothing pass and nothing fail for good", async () => {
    const silent: Resolver = { resolve: async () => ({ kind: "trouble", reason: "timeout" }) };
    const { spf, dkim, dmarc, iprev } = await proofOf(signed, { mailFrom: "a@h.test", dns: silent });
    expect([spf.result, dkim[0]?.result, dmarc.result, iprev.result]).toEqual([
      "temperror",
      "temperror",
      "temperror",
      "temperror",
    ]);
  });
});

function counting(inner: Resolver): { dns: Resolver; asked: () => number } {
  let asked = 0;
  const dns: Resolver = {
    resolve: <T extends DnsType>(name: string, type: T) => {
      asked++;
      return inner.resolve(name, type);
    },
  };
  return { dns, asked: () => asked };
}
