import { expect, it } from "vitest";
import { mayNotify } from "../../../src/daemon/queue/backscatter.ts";
import { relayJob } from "./world.ts";

const cases: [string, string, string, boolean][] = [
  ["SPF for the return path", "ann@author.test", "spf=pass smtp.mailfrom=author.test", true],
  ["SPF, told with an address", "ann@author.test", "spf=pass smtp.mailfrom=ann@author.test", true],
  [
    "a signature of the path's own domain",
    "ann@author.test",
    "dkim=pass header.d=author.test header.i=@author.test",
    true,
  ],
  ["a signature of its parent", "bounce@mail.author.test", "dkim=pass header.d=author.test", true],
  [
    "a bounce domain that SPF proves",
    "b-1@esp.test",
    "dkim=pass header.d=author.test; spf=pass smtp.mailfrom=esp.test",
    true,
  ],
  [
    "a signed message replayed under another's path",
    "victim@elsewhere.test",
    "dkim=pass header.d=author.test; spf=fail smtp.mailfrom=elsewhere.test",
    false,
  ],
  ["SPF of the HELO name", "victim@elsewhere.test", "spf=pass smtp.helo=elsewhere.test", false],
  ["SPF of another domain", "victim@elsewhere.test", "spf=pass smtp.mailfrom=author.test", false],
  ["a failed signature of the domain", "ann@author.test", "dkim=fail header.d=author.test", false],
  ["a domain that only ends alike", "ann@notauthor.test", "dkim=pass header.d=author.test", false],
  [
    "words inside a reason",
    "victim@elsewhere.test",
    'dkim=fail reason="; spf=pass smtp.mailfrom=elsewhere.test; " header.d=x.test',
    false,
  ],
  ["nothing", "ann@author.test", "", false],
];
for (const [name, mailFrom, results, told] of cases) {
  it(`${name}: ${told ? "told" : "not told"}`, () => {
    const job = relayJob(0, { mailFrom, authResults: `mx.demo.test; ${results}` });
    expect(mayNotify(job)).toBe(told);
    expect(mayNotify({ ...job, dmarcPassed: false })).toBe(false);
    expect(mayNotify({ ...job, mailFrom: "" })).toBe(false);
  });
}
