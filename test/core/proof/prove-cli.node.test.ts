/** `postern prove` as a stranger would run it: a process, lines in, lines out. */
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type LoopbackDns, startDns } from "../../../src/cli/world/dns.ts";
import { toBase64, utf8 } from "../../../src/core/bytes.ts";
import { dohResolver } from "../../../src/core/dns/doh.ts";

const main = join(import.meta.dirname, "../../../src/cli/main.ts");

function prove(args: string[], input = ""): { status: number | null; out: string; err: string } {
  const { status, stdout, stderr } = spawnSync(process.execPath, [main, "prove", ...args], {
    input,
    encoding: "utf8",
    maxBuffer: 1e9,
  });
  return { status, out: stdout, err: stderr };
}

function batch(...requests: unknown[]): Record<string, unknown>[] {
  const lines = requests.map((one) => (typeof one === "string" ? one : JSON.stringify(one))).join("\n");
  const { status, out } = prove(["--batch"], lines);
  expect(status).toBe(0);
  return out
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line) as Record<string, unknown>);
}

const dns = {
  "Example.COM.": { TXT: [["v=spf1 ip4:", "192.0.2.1 -all"]] },
  "_dmarc.example.com": { TXT: ["v=DMARC1; p=reject"] },
};
const raw = toBase64(utf8("From: a@example.com\r\nTo: b@example.net\r\n\r\nhi \u2028 there\r\n"));

describe("--batch", () => {
  test("without raw only SPF is answered", () => {
    expect(batch({ id: 1, ip: "192.0.2.9", helo: "x.test", mailfrom: "a@example.com", dns })).toEqual([
      { id: 1, spf: { result: "fail", explanation: null, mechanism: "-all" } },
    ]);
  });

  test("with raw all of it, in the agreed form", () => {
    expect(
      batch({
        id: "m",
        raw,
        ip: "192.0.2.1",
        helo: "x.test",
        mailfrom: "a@example.com",
        now: "2026-11-24T05:00:00Z",
        dns,
      }),
    ).toEqual([
      {
        id: "m",
        spf: { result: "pass", explanation: null, mechanism: "ip4:192.0.2.1" },
        dkim: [],
        dmarc: {
          result: "pass",
          policy: "reject",
          disposition: "none",
          domain: "example.com",
          alignment: { spf: "aligned", dkim: "none" },
        },
        arc: { cv: "none", instances: 0, reason: "no ARC set" },
      },
    ]);
  });

  test("what can't be read gets an error under its id, and the run goes on", () => {
    const answers = batch(
      "{",
      { id: 2, dns: { "a.test": "MAYBE" } },
      { id: 3, raw: "***" },
      { id: 4, now: "yesterday" },
      [],
      "",
      { id: { deep: [5] }, mailfrom: "a@b.test", ip: "192.0.2.1" },
      `{"id":"\u2028","mailfrom":"a@b.test","ip":"192.0.2.1"}`,
    );
    expect(answers.map(({ id, error, spf }) => [id, error === undefined ? spf : "error"])).toEqual([
      [null, "error"],
      [2, "error"],
      [3, "error"],
      [4, "error"],
      [null, "error"],
      [{ deep: [5] }, { result: "none", explanation: null, mechanism: null }],
      ["\u2028", { result: "none", explanation: null, mechanism: null }],
    ]);
  });

  test("trouble written into the zone", () => {
    const request = (zone: object) => ({ id: 0, ip: "192.0.2.1", helo: "h.test", mailfrom: "a@t.test", dns: zone });
    const zones = [
      { "t.test": "TIMEOUT" },
      { "t.test": "SERVFAIL" },
      { "t.test": { TXT: "TIMEOUT" } },
      { "t.test": "NXDOMAIN" },
      { "t.test": { CNAME: "u.test" }, "u.test": { TXT: ["v=spf1 +all"] } },
    ];
    const results = batch(...zones.map(request)).map((answer) => (answer["spf"] as { result: string }).result);
    expect(results).toEqual(["temperror", "temperror", "temperror", "none", "pass"]);
  });

  test("two hundred requests, in order", () => {
    const requests = Array.from({ length: 200 }, (_, id) => ({
      id,
      raw,
      ip: "192.0.2.1",
      mailfrom: "a@example.com",
      dns,
    }));
    expect(batch(...requests).map(({ id }) => id)).toEqual(requests.map(({ id }) => id));
  });
});

describe("a file", () => {
  const folder = mkdtempSync(join(tmpdir(), "postern-prove-"));
  afterAll(() => rmSync(folder, { recursive: true }));

  test("verdicts as JSON, from a zone file", () => {
    writeFileSync(join(folder, "m.eml"), "From: a@example.com\r\n\r\nhi\r\n");
    writeFileSync(join(folder, "zones.json"), JSON.stringify(dns));
    const facts = [
      "--ip",
      "192.0.2.1",
      "--helo",
      "x.test",
      "--from",
      "a@example.com",
      "--dns",
      join(folder, "zones.json"),
    ];
    const { status, out } = prove([join(folder, "m.eml"), ...facts]);
    expect(status).toBe(0);
    expect(JSON.parse(out)).toMatchObject({
      spf: { result: "pass" },
      dmarc: { result: "pass" },
      authenticationResults: expect.stringContaining("dmarc=pass"),
    });
  });

  test("mistakes are told, not thrown", () => {
    for (const args of [
      [],
      ["a", "b"],
      ["--what"],
      [join(folder, "nothing.eml")],
      [join(folder, "m.eml"), "--dns", join(folder, "m.eml")],
    ]) {
      const { status, err } = prove(args);
      expect(status).toBe(2);
      expect(err).toMatch(/^postern prove: |usage/);
      expect(err).not.toContain("    at ");
    }
    expect(prove(["--help"])).toMatchObject({ status: 0, out: expect.stringContaining("alignment") });
  });
});

describe("DoH over loopback", () => {
  let world: LoopbackDns;
  beforeAll(async () => {
    world = await startDns({
      "example.com": {
        TXT: [["v=spf1 ", "-all"]],
        MX: [{ priority: 10, exchange: "mail.example.com" }],
        A: ["192.0.2.1"],
        AAAA: ["2001:db8::1"],
      },
      "alias.test": { CNAME: "example.com" },
      "broken.test": "SERVFAIL",
      "slow.test": "TIMEOUT",
    });
  });
  afterAll(() => world.close());

  test("answers, absence and trouble over a real fetch", { timeout: 20_000 }, async () => {
    const dead = "http://127.0.0.1:9/dns-query";
    const resolver = dohResolver({
      urls: [dead, world.dohUrl],
      fetch: (url, init) => fetch(url, init),
      clock: Date.now,
      budgetMs: 3000,
    });
    expect(await resolver.resolve("example.com", "TXT")).toEqual({ kind: "found", records: ["v=spf1 -all"] });
    expect(await resolver.resolve("example.com", "MX")).toEqual({
      kind: "found",
      records: [{ priority: 10, exchange: "mail.example.com" }],
    });
    expect(await resolver.resolve("example.com", "AAAA")).toEqual({ kind: "found", records: ["2001:db8::1"] });
    expect(await resolver.resolve("alias.test", "A")).toEqual({ kind: "found", records: ["192.0.2.1"] });
    expect(await resolver.resolve("example.com", "PTR")).toEqual({ kind: "none", nxdomain: false });
    expect(await resolver.resolve("nowhere.test", "A")).toEqual({ kind: "none", nxdomain: true });
    expect(await resolver.resolve("broken.test", "A")).toEqual({ kind: "trouble", reason: "servfail" });
    expect((await resolver.resolve("slow.test", "A")).kind).toBe("trouble");
  });
});
