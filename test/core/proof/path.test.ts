/** To whom a failure may be told: the reverse-path's owner must surely have sent the message. */
import { expect, test } from "vitest";
import { isPathProven } from "../../../src/core/proof/path.ts";
import type { DkimResult, Proof } from "../../../src/core/proof/types.ts";

type Facts = {
  spf?: [string, "pass" | "fail", ("mailfrom" | "helo")?];
  dkim?: [string, "pass" | "fail"];
  dmarc?: "fail";
};

function proof({ spf, dkim, dmarc }: Facts): Proof {
  const signature = (domain: string, result: DkimResult["result"]): DkimResult => ({
    result,
    domain,
    selector: "s",
    algorithm: "",
    identity: "",
    reason: "",
    tag: "",
    keyBits: 0,
  });
  const [domain = "", result = "none", identity = "mailfrom"] = spf ?? [];
  return {
    spf: { result, identity, domain, mechanism: null, explanation: null, reason: "" },
    dkim: dkim === undefined ? [] : [signature(...dkim)],
    dmarc: {
      result: dmarc ?? "pass",
      policy: "none",
      disposition: "none",
      domain: "author.test",
      policyDomain: "author.test",
      alignment: { spf: "none", dkim: "none" },
      reason: "",
    },
    arc: { cv: "none", instances: 0, sealer: null, reason: "" },
    iprev: { result: "none", name: null },
    bimi: { result: "none", location: null },
  };
}

test.each<[string, string, Facts, boolean]>([
  ["SPF for the return path", "ann@author.test", { spf: ["author.test", "pass"] }, true],
  ["another case, another spelling", "ann@B\u00dcCHER.test", { spf: ["xn--bcher-kva.test", "pass"] }, true],
  ["a signature of the path's own domain", "ann@author.test", { dkim: ["author.test", "pass"] }, true],
  ["a signature of its parent", "b@mail.author.test", { dkim: ["author.test", "pass"] }, true],
  [
    "a bounce domain that SPF proves",
    "b-1@esp.test",
    { spf: ["esp.test", "pass"], dkim: ["author.test", "pass"] },
    true,
  ],
  ["a signed message replayed under another's path", "victim@elsewhere.test", { dkim: ["author.test", "pass"] }, false],
  ["SPF of the HELO name", "victim@elsewhere.test", { spf: ["elsewhere.test", "pass", "helo"] }, false],
  ["SPF of another domain", "victim@elsewhere.test", { spf: ["author.test", "pass"] }, false],
  ["a failed signature of the domain", "ann@author.test", { dkim: ["author.test", "fail"] }, false],
  ["a domain that only ends alike", "ann@notauthor.test", { dkim: ["author.test", "pass"] }, false],
  ["a path whose author is not vouched for", "ann@author.test", { spf: ["author.test", "pass"], dmarc: "fail" }, false],
  ["the null path", "", { spf: ["author.test", "pass", "helo"] }, false],
  ["nothing", "ann@author.test", {}, false],
])("%s", (_, mailFrom, facts, told) => expect(isPathProven(mailFrom, proof(facts))).toBe(told));
