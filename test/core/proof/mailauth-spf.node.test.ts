/** SPF beside mailauth's (strict mode), over records made by chance. There is no difference left to explain. */
import { createRequire } from "node:module";
import { expect, test } from "vitest";
import { memoResolver } from "../../../src/core/dns/memo.ts";
import { zoneResolver } from "../../../src/core/dns/zones.ts";
import type { DnsType } from "../../../src/core/ports.ts";
import { checkSpf } from "../../../src/core/proof/spf/spf.ts";
import { Chance } from "./generate.ts";
import { spfFacts, spfZones } from "./generate-spf.ts";

const cases = Number(process.env["POSTERN_CASES"] ?? 1500);

type Theirs = { status: { result: string; comment?: string } };
const { spf } = createRequire(import.meta.url)("mailauth") as { spf(options: object): Promise<Theirs> };

test(`${cases} records beside mailauth`, async () => {
  const different: unknown[] = [];
  for (let seed = 1; seed <= cases; seed++) {
    const chance = new Chance(seed * 104_729);
    const zones = spfZones(chance);
    const { ip, sender } = spfFacts(chance);
    const dns = zoneResolver(zones);
    const ours = await checkSpf(
      { mailFrom: sender, helo: "c.test", ip, now: Date.now(), authservId: "us.test" },
      memoResolver(dns),
    );
    const resolver = async (name: string, type: DnsType) => {
      const answer = await dns.resolve(name, type);
      if (answer.kind === "found") return type === "TXT" ? answer.records.map((text) => [text]) : answer.records;
      const code = answer.kind === "trouble" ? "ETIMEOUT" : answer.nxdomain ? "ENOTFOUND" : "ENODATA";
      throw Object.assign(new Error(answer.kind), { code });
    };
    const theirs = await spf({ sender, ip, helo: "c.test", mta: "us.test", resolver, strict: true });
    if (ours.result === theirs.status.result) continue;
    different.push({ seed, ip, sender, ours, theirs: theirs.status });
  }
  expect(different).toEqual([]);
});
