import { describe, expect, test } from "vitest";
import { fromLatin1, latin1 } from "../../../src/core/bytes.ts";
import { authenticationResults, stripForged } from "../../../src/core/proof/results.ts";
import type { Proof } from "../../../src/core/proof/types.ts";

const proof: Proof = {
  spf: {
    result: "pass",
    identity: "mailfrom",
    domain: "example.com",
    mechanism: "mx",
    explanation: null,
    reason: "mx in the record of example.com",
  },
  dkim: [
    {
      result: "pass",
      domain: "example.com",
      selector: "s1",
      algorithm: "rsa-sha256",
      identity: "@example.com",
      reason: "",
      tag: "AbCd/12",
      keyBits: 2048,
    },
    {
      result: "fail",
      domain: "list.test",
      selector: "x",
      algorithm: "ed25519-sha256",
      identity: "@list.test",
      reason: "body-hash",
      tag: "zz==",
      keyBits: 256,
    },
  ],
  dmarc: {
    result: "pass",
    policy: "reject",
    disposition: "none",
    domain: "example.com",
    policyDomain: "example.com",
    alignment: { spf: "aligned", dkim: "aligned" },
    reason: "SPF and DKIM aligned",
  },
  arc: { cv: "pass", instances: 1, sealer: "list.test", reason: "" },
  iprev: { result: "pass", name: "mail.example.com" },
  bimi: { result: "skipped", location: null },
};

test("RFC 8601: one field, folded, each finding with its properties", () => {
  expect(authenticationResults(proof, "mx.us.test").split("\r\n")).toEqual([
    "Authentication-Results: mx.us.test;",
    '\tdkim=pass header.d=example.com header.i=@example.com header.s=s1 header.a=rsa-sha256 header.b="AbCd/12";',
    '\tdkim=fail reason="body-hash" header.d=list.test header.i=@list.test header.s=x header.a=ed25519-sha256 header.b="zz==";',
    '\tspf=pass reason="mx in the record of example.com" smtp.mailfrom=example.com;',
    '\tdmarc=pass reason="SPF and DKIM aligned" policy.dmarc=reject header.from=example.com;',
    "\tarc=pass header.d=list.test;",
    "\tiprev=pass policy.iprev=mail.example.com",
    "",
  ]);
});

test("an unsigned message is said to be", () => {
  expect(authenticationResults({ ...proof, dkim: [] }, "mx.us.test")).toContain("\tdkim=none;");
});

test("what a sender chose can't end the string, the result or the line", () => {
  const evil = 'x" ; dkim=pass (\r\nFrom: evil@example.org\r\n\r\n\\';
  const [first] = proof.dkim;
  if (first === undefined) throw new Error("no signature");
  const dkim = [{ ...first, domain: evil, selector: evil, identity: evil, reason: evil, tag: evil }];
  const field = authenticationResults(
    { ...proof, dkim, spf: { ...proof.spf, domain: evil, reason: evil } },
    "mx.us.test",
  );
  expect(field.match(/\r\n(?!\t)/g)).toHaveLength(1);
  const outside = field.replace(/"(?:[^"\\]|\\.)*"/g, "");
  expect(outside.match(/dkim=pass/g)).toHaveLength(1);
  expect(outside).not.toContain("evil@");
});

describe("forged results", () => {
  const strip = (text: string) => latin1(stripForged(fromLatin1(text), "mx.us.test"));

  test.each([
    "Authentication-Results: mx.us.test; dmarc=pass\r\n",
    "authentication-results : MX.US.TEST; dmarc=pass\r\n",
    "Authentication-Results:\r\n mx.us.test\r\n ; dmarc=pass\r\n",
    "Authentication-Results: (a (nested) comment) mx.us.test/1; dmarc=pass\r\n".replace("/1", " 1"),
    'Authentication-Results: "mx.us.test"; dmarc=pass\r\n',
    'Authentication-Results: "mx\\.us.test"; dmarc=pass\r\n',
    "Authentication-Results: mx.us.test(comment); dmarc=pass\r\n",
    "Authentication-Results: (no end mx.us.test; dmarc=pass\r\n",
    "Authentication-Results: ; dmarc=pass\r\n",
    "Authentication-Results: mx.us.test; dmarc=pass\n",
  ])("%j goes", (field) => {
    expect(strip(`Received: x\r\n${field}From: a@b\r\n\r\nbody`)).toBe("Received: x\r\nFrom: a@b\r\n\r\nbody");
  });

  test.each([
    "Authentication-Results: mx.other.test; dmarc=pass\r\n",
    "Authentication-Results: notmx.us.test; dmarc=pass\r\n",
    "X-Authentication-Results: mx.us.test; dmarc=pass\r\n",
  ])("%j stays", (field) => {
    const text = `${field}From: a@b\r\n\r\nAuthentication-Results: mx.us.test; dmarc=pass\r\n`;
    const raw = fromLatin1(text);
    expect(stripForged(raw, "mx.us.test")).toBe(raw);
  });
});
