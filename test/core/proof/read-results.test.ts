import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { bestResults, disagreements, readResults } from "../../../src/core/proof/read-results.ts";
import type { Proof } from "../../../src/core/proof/types.ts";

describe("RFC 8601 Appendix B", () => {
  test.each<[what: string, value: string, servId: string, findings: string[]]>([
    ["B.2 nothing done", " example.org 1; none", "example.org", []],
    [
      "B.3 one result",
      " example.com;\r\n          spf=pass smtp.mailfrom=example.net",
      "example.com",
      ["spf pass smtp.mailfrom=example.net"],
    ],
    [
      "B.4 several",
      " example.com;\r\n auth=pass (cram-md5) smtp.auth=sender@example.net;\r\n spf=pass smtp.mailfrom=example.net",
      "example.com",
      ["auth pass smtp.auth=sender@example.net", "spf pass smtp.mailfrom=example.net"],
    ],
    [
      "B.6 comments everywhere",
      " foo.example.net (foobar) 1 (baz);\r\n    dkim (Because I like it) / 1 (One yay) = (wait for it) fail\r\n      policy (A dot can go here) . (like that) expired\r\n      (this surprised me) = (as I wasn't expecting it) 1362471462",
      "foo.example.net",
      [],
    ],
    [
      "quoted",
      ' "mx.us.test"; dkim=fail reason="bad; (really) \\"bad\\"" header.d="a b"',
      "mx.us.test",
      ["dkim fail header.d=a b"],
    ],
    ["a version of a method", " x; DKIM/1=PASS header.d=y", "x", ["dkim pass header.d=y"]],
  ])("%s", (_, value, servId, findings) => {
    const read = readResults(value);
    expect(read?.servId).toBe(servId);
    expect(
      read?.findings.map(({ method, result, properties }) =>
        [method, result, ...Object.entries(properties).map(([name, text]) => `${name}=${text}`)].join(" "),
      ),
    ).toEqual(findings);
  });

  test.each(["", "   ", "; dkim=pass", "(open", 'x; dkim=pass reason="open', "x; dkim=pass (open", "x".repeat(40_000)])(
    "%j is nothing",
    (value) => {
      expect(readResults(value)).toBeNull();
    },
  );
});

test("a reason is kept, and never mistaken for a result", () => {
  expect(readResults('x; dkim=fail reason="; dkim=pass"')?.findings).toEqual([
    { method: "dkim", result: "fail", reason: "; dkim=pass", properties: {} },
  ]);
});

test("whatever comes, it ends and does not throw", () => {
  const letters = fc.constantFrom(...'();="\\ \t\r\nab./1é\0'.split(""));
  fc.assert(
    fc.property(fc.array(letters, { maxLength: 120 }), (parts) => {
      readResults(`x; ${parts.join("")}`);
      return true;
    }),
    { numRuns: 3000 },
  );
});

test("best results and disagreements", () => {
  const theirs = bestResults(readResults("x; dkim=fail; dkim=pass; spf=softfail; dmarc=pass")?.findings ?? []);
  expect(theirs).toEqual({ dkim: "pass", spf: "softfail", dmarc: "pass" });
  const proof = {
    spf: { result: "pass" },
    dkim: [{ result: "fail" }, { result: "pass" }],
    dmarc: { result: "fail" },
    arc: { cv: "none" },
  } as unknown as Proof;
  expect(disagreements(theirs, proof)).toEqual(["spf: softfail there, pass here", "dmarc: pass there, fail here"]);
});
