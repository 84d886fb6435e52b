import { describe, expect, test } from "vitest";
import { concat, fromHex, latin1 } from "../../../src/core/bytes.ts";
import { type DohFetch, dohResolver } from "../../../src/core/dns/doh.ts";

/** An upstream that answers with A records, or as told, and counts what it is asked. */
class Upstream {
  asked: string[] = [];
  now = 1_000_000;
  reply: (url: string, query: Uint8Array) => Uint8Array | "error" | "hang" | "http" = (_, query) => aRecord(query, 60);

  readonly fetch: DohFetch = async (url, { body, headers, method }) => {
    expect([method, headers["content-type"]]).toEqual(["POST", "application/dns-message"]);
    this.asked.push(`${url} ${nameIn(body)}`);
    const reply = this.reply(url, body);
    if (reply === "error") throw new TypeError("no route");
    if (reply === "hang") {
      this.now += 10_000;
      throw new DOMException("timed out", "TimeoutError");
    }
    if (reply === "http") return { ok: false, arrayBuffer: async () => new ArrayBuffer(0) };
    return { ok: true, arrayBuffer: async () => new Uint8Array(reply).buffer };
  };

  resolver(urls = ["https://one.test/", "https://two.test/"], cacheEntries = 100) {
    return dohResolver({ urls, fetch: this.fetch, clock: () => this.now, budgetMs: 4000, cacheEntries });
  }
}

function nameIn(query: Uint8Array): string {
  const labels: string[] = [];
  for (let at = 12; (query[at] ?? 0) > 0; at += 1 + (query[at] ?? 0)) {
    labels.push(latin1(query.subarray(at + 1, at + 1 + (query[at] ?? 0))));
  }
  return labels.join(".");
}

function message(query: Uint8Array, flags: string, counts: string, records: string): Uint8Array {
  return concat(fromHex(`0000${flags}0001${counts}`), query.subarray(12), fromHex(records));
}

function aRecord(query: Uint8Array, ttl: number): Uint8Array {
  return message(query, "8180", "000100000000", `c00c00010001${ttl.toString(16).padStart(8, "0")}0004c0000201`);
}

const found = { kind: "found", records: ["192.0.2.1"] };

describe("the cache", () => {
  test("keeps an answer for its TTL, whatever the case of the name", async () => {
    const up = new Upstream();
    const dns = up.resolver();
    expect(await dns.resolve("Example.COM.", "A")).toEqual(found);
    up.now += 59_000;
    expect(await dns.resolve("example.com", "A")).toEqual(found);
    expect(up.asked).toEqual(["https://one.test/ example.com"]);
    up.now += 2000;
    await dns.resolve("example.com", "A");
    expect(up.asked).toHaveLength(2);
  });

  test("keeps 'no such name' as long as the SOA says, and tells it from 'no such record'", async () => {
    const up = new Upstream();
    const soa = "c00c000600010000012c001600000000000100000002000000030000000400000078";
    up.reply = (_, query) => message(query, nameIn(query) === "none.test" ? "8183" : "8180", "000000010000", soa);
    const dns = up.resolver();
    expect(await dns.resolve("none.test", "A")).toEqual({ kind: "none", nxdomain: true });
    expect(await dns.resolve("empty.test", "A")).toEqual({ kind: "none", nxdomain: false });
    up.now += 119_000;
    await dns.resolve("none.test", "A");
    expect(up.asked).toHaveLength(2);
    up.now += 2000;
    await dns.resolve("none.test", "A");
    expect(up.asked).toHaveLength(3);
  });

  test("holds a bounded number of answers", async () => {
    const up = new Upstream();
    const dns = up.resolver(["https://one.test/"], 10);
    for (let i = 0; i < 20; i++) await dns.resolve(`n${i}.test`, "A");
    await dns.resolve("n19.test", "A");
    expect(up.asked).toHaveLength(20);
    await dns.resolve("n0.test", "A");
    expect(up.asked).toHaveLength(21);
  });
});

describe("trouble", () => {
  test.each(["error", "http"] as const)("the second upstream answers when the first gives an %s", async (how) => {
    const up = new Upstream();
    up.reply = (url, query) => (url.includes("one") ? how : aRecord(query, 60));
    expect(await up.resolver().resolve("example.com", "A")).toEqual(found);
    expect(up.asked).toHaveLength(2);
  });

  test("SERVFAIL of both is trouble, and soon asked again", async () => {
    const up = new Upstream();
    up.reply = (_, query) => message(query, "8182", "000000000000", "");
    const dns = up.resolver();
    expect(await dns.resolve("example.com", "A")).toEqual({ kind: "trouble", reason: "servfail" });
    await dns.resolve("example.com", "A");
    expect(up.asked).toHaveLength(2);
    up.now += 6000;
    up.reply = (_, query) => aRecord(query, 60);
    expect(await dns.resolve("example.com", "A")).toEqual(found);
  });

  test("bytes that are no DNS message are trouble", async () => {
    const up = new Upstream();
    up.reply = () => Uint8Array.of(1, 2, 3);
    expect(await up.resolver().resolve("example.com", "A")).toEqual({ kind: "trouble", reason: "servfail" });
  });

  test("a message's time runs out for it alone", async () => {
    const up = new Upstream();
    up.reply = () => "hang";
    const dns = up.resolver();
    const first = dns.forMessage?.() ?? dns;
    expect(await first.resolve("slow.test", "A")).toEqual({ kind: "trouble", reason: "timeout" });
    expect(up.asked).toHaveLength(1);
    expect(await first.resolve("other.test", "A")).toEqual({ kind: "trouble", reason: "timeout" });
    expect(up.asked).toHaveLength(1);
    up.reply = (_, query) => aRecord(query, 60);
    expect(await (dns.forMessage?.() ?? dns).resolve("slow.test", "A")).toEqual(found);
  });
});

test("CNAMEs in the answer are followed, within their TTL", async () => {
  const up = new Upstream();
  const alias = "c00c000500010000000a000501780179";
  up.reply = (_, query) => message(query, "8180", "000200000000", `${alias}0001780179000001000100000e100004c0000201`);
  const dns = up.resolver();
  expect(await dns.resolve("example.com", "A")).toEqual(found);
  up.now += 11_000;
  await dns.resolve("example.com", "A");
  expect(up.asked).toHaveLength(2);
});

test("a name that no query can carry is never asked for", async () => {
  const up = new Upstream();
  expect(await up.resolver().resolve(`${"a".repeat(64)}.test`, "A")).toEqual({ kind: "none", nxdomain: true });
  expect(up.asked).toEqual([]);
});
