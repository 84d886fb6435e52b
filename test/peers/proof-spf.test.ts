/** SPF beside libmail-spf-perl, whose author edited RFC 4408's successor, over records made by chance. */
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { startDns } from "../../src/cli/world/dns.ts";
import { memoResolver } from "../../src/core/dns/memo.ts";
import { zoneResolver } from "../../src/core/dns/zones.ts";
import { checkSpf } from "../../src/core/proof/spf/spf.ts";
import { Chance } from "../core/proof/generate.ts";
import { spfFacts, spfZones } from "../core/proof/generate-spf.ts";
import { Leash } from "./leash.ts";
import { need } from "./need.ts";

const here = need("libmail-spf-perl", ["/usr/bin/perl", "-MMail::SPF", "-e", "1"], "SPF is not compared with it");
const count = 900;

/**
 * Worlds that are passed over, since Mail::SPF reads them otherwise: it finds a bad macro only when it expands it, where RFC
 * 7208 §4.6 wants the whole record sound; it lets an IPv4 client match an ip6 that spans ::ffff:0:0/96, where §5 has only ip4 name
 * IPv4 addresses; and Net::DNS dies of an empty label.
 */
const readOtherwise = /%\{z\}|%\{d0\}|%\{c\}|ip6:::|a\.\.b/;

type Answer = { result?: string; explanation?: string | null; error?: string };

let peer: Leash;
let dns: Awaited<ReturnType<typeof startDns>>;
beforeAll(async () => {
  if (!here) return;
  dns = await startDns({});
  peer = new Leash("/usr/bin/perl", [join(import.meta.dirname, "proof_mail_spf.pl"), String(dns.udpPort)]);
});
afterAll(async () => {
  if (!here) return;
  await peer.close();
  await dns.close();
});

test.skipIf(!here)(`${count} records`, { timeout: 120_000 }, async () => {
  const different: unknown[] = [];
  let compared = 0;
  for (let seed = 1; seed <= count; seed++) {
    const chance = new Chance(seed * 15_485_863);
    const zones = spfZones(chance);
    if (readOtherwise.test(JSON.stringify(zones))) continue;
    // Waiting for real would take minutes: SERVFAIL is the same trouble.
    zones["slow.test"] = "SERVFAIL";
    const { ip, sender } = spfFacts(chance);
    for (const [name, records] of Object.entries(zones)) dns.set(name, records as never);
    const identity = sender === "" ? { scope: "helo", identity: "c.test" } : { scope: "mfrom", identity: sender };
    const theirs = await peer.ask<Answer>({ ...identity, ip, helo: "c.test" });
    const input = { mailFrom: sender, helo: "c.test", ip, now: Date.now(), authservId: "us.test" };
    const ours = await checkSpf(input, memoResolver(zoneResolver(zones)));
    compared++;
    if (ours.result !== theirs.result)
      different.push({ seed, ip, sender, ours: `${ours.result} ${ours.reason}`, theirs, zones });
  }
  expect(different).toEqual([]);
  expect(compared).toBeGreaterThan(100);
});
