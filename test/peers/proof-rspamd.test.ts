/** SPF, DKIM and DMARC of a generated corpus: rspamd and we say the same, message by message. */
import { generateKeyPairSync } from "node:crypto";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type LoopbackDns, startDns } from "../../src/cli/world/dns.ts";
import { fromLatin1, latin1, utf8 } from "../../src/core/bytes.ts";
import { Zones, zoneResolver } from "../../src/core/dns/zones.ts";
import { signDkim } from "../../src/core/proof/dkim/sign.ts";
import { prove } from "../../src/core/proof/prove.ts";
import type { Proof } from "../../src/core/proof/types.ts";
import { nodeCrypto } from "../../src/daemon/platform.ts";
import { above, Chance } from "../core/proof/generate.ts";
import { need } from "./need.ts";
import { type Rspamd, startRspamd } from "./rspamd.ts";

const here = need("rspamd", ["rspamd", "--version"], "SPF, DKIM and DMARC are not compared with it");
const count = 120;

const rsa = generateKeyPairSync("rsa", { modulusLength: 2048 });
const key = { type: "rsa", pkcs8: rsa.privateKey.export({ type: "pkcs8", format: "der" }) } as const;
const keyText = rsa.publicKey.export({ type: "spki", format: "der" }).toString("base64");
const now = Date.now();

type Sample = { raw: Uint8Array; ip: string; helo: string; from: string; what: string };
type Zone = Record<string, { TXT?: string[][]; A?: string[]; MX?: { priority: number; exchange: string }[] }>;

const records = [
  "v=spf1 ip4:192.0.2.0/24 -all",
  "v=spf1 ip4:192.0.2.0/24 ~all",
  "v=spf1 ?all",
  "v=spf1 mx -all",
  "v=spf1 a:mail.%{d} -all",
  "v=spf1 exists:%{ir}.ok.%{d} -all",
  "v=spf1 include:inc.%{d} -all",
  "v=spf1 redirect=inc.%{d}",
  // No unknown mechanism here: rspamd passes over it, RFC 7208 §4.6.1 makes it a permerror.
  "v=spf1 a:mail.%{d} a:mail.%{d} ptr -all",
  "some text that is no record", // a name without any TXT is "DNS failure" to rspamd
];
const policies = [
  "v=DMARC1; p=reject",
  "v=DMARC1; p=quarantine; adkim=s",
  "v=DMARC1; p=none; sp=reject",
  "v=DMARC1; p=reject; aspf=s",
  "v=DMARC1; p=reject; sp=quarantine",
  null,
];
const keyRecords = [`v=DKIM1; k=rsa; p=${keyText}`, `v=DKIM1; k=rsa; p=${keyText}`, "v=DKIM1; p=", null];

/** A domain of its own for each case: rspamd remembers records. */
async function makeSample(i: number, zones: Zone): Promise<Sample> {
  const chance = new Chance(i * 7793 + 1);
  const domain = `d${i}.org`;
  const add = (name: string, text: string | null) => {
    if (text !== null) zones[name] = { ...zones[name], TXT: [text.match(/.{1,255}/g) ?? []] };
  };
  const spf = chance.pick(records);
  for (const name of [domain, `sub.${domain}`]) {
    add(name, spf);
    zones[name] = { ...zones[name], MX: [{ priority: 5, exchange: `mail.${domain}` }] };
    zones[`mail.${name}`] = { A: ["192.0.2.1"] };
    add(`inc.${name}`, "v=spf1 ip4:192.0.2.1 -all");
    zones[`1.2.0.192.ok.${name}`] = { A: ["127.0.0.2"] };
  }
  const policy = chance.pick(policies);
  const published = chance.pick(keyRecords);
  add(`_dmarc.${domain}`, policy);
  add(`k._domainkey.${domain}`, published);
  const author = chance.oneIn(3) ? `sub.${domain}` : domain;
  const plain = utf8(
    `From: a@${author}\r\nTo: b@receiver.org\r\nSubject: case ${i}\r\nDate: Tue, 24 Nov 2026 05:00:00 +0000\r\nMessage-ID: <${i}@${domain}>\r\n\r\nbody of ${i}\r\n`,
  );
  const signing = chance.below(4);
  const signed =
    signing === 0 ? plain : above(await signDkim(plain, { domain, selector: "k", key, now }, nodeCrypto), plain);
  const raw = signing === 1 ? fromLatin1(latin1(signed).replace("body of", "BODY of")) : signed;
  const from = `a@${chance.pick([domain, `sub.${domain}`, "elsewhere.org"])}`;
  const ip = chance.pick(["192.0.2.1", "198.51.100.7"]);
  const what = JSON.stringify({ i, spf, policy, key: published?.slice(0, 12), author, signing, from, ip });
  return { raw, ip, helo: `mail.${domain}`, from, what };
}

const zones: Zone = { "elsewhere.org": { TXT: [["v=spf1 ip4:192.0.2.1 -all"]] } };
let samples: Sample[] = [];
let dns: LoopbackDns;
let rspamd: Rspamd;
beforeAll(async () => {
  if (!here) return;
  samples = await Promise.all(Array.from({ length: count }, (_, i) => makeSample(i, zones)));
  dns = await startDns(zones);
  rspamd = await startRspamd(dns.udpPort);
});
afterAll(async () => {
  if (!here) return;
  await rspamd.close();
  await dns.close();
});

const words: Record<string, string> = {
  R_SPF_ALLOW: "spf pass",
  R_SPF_FAIL: "spf fail",
  R_SPF_SOFTFAIL: "spf softfail",
  R_SPF_NEUTRAL: "spf neutral",
  R_SPF_NA: "spf none",
  R_SPF_PERMFAIL: "spf permerror",
  R_SPF_DNSFAIL: "spf temperror",
  R_DKIM_ALLOW: "dkim pass",
  R_DKIM_REJECT: "dkim no",
  R_DKIM_PERMFAIL: "dkim no",
  R_DKIM_TEMPFAIL: "dkim temperror",
  R_DKIM_NA: "dkim none",
  DMARC_POLICY_ALLOW: "dmarc pass",
  DMARC_POLICY_REJECT: "dmarc fail reject",
  DMARC_POLICY_QUARANTINE: "dmarc fail quarantine",
  DMARC_POLICY_SOFTFAIL: "dmarc fail none",
  DMARC_NA: "dmarc none",
};

function ourWords({ spf, dkim, dmarc }: Proof): string[] {
  // A changed body under a revoked key is "fail" here and a permanent error there: no is no.
  const signature = dkim[0]?.result ?? "none";
  const policy = dmarc.result === "fail" ? ` ${dmarc.policy}` : "";
  return [
    `spf ${spf.result}`,
    `dkim ${/fail|permerror/.test(signature) ? "no" : signature}`,
    `dmarc ${dmarc.result}${policy}`,
  ];
}

test.skipIf(!here)(`${count} messages`, { timeout: 120_000 }, async () => {
  const resolver = zoneResolver(Zones.parse(zones));
  const different: unknown[] = [];
  for (const { raw, ip, helo, from, what } of samples) {
    const theirs = (await rspamd.check(raw, { ip, helo, from })).flatMap((symbol) => words[symbol] ?? []).sort();
    const input = { raw, mailFrom: from, helo, ip, now, authservId: "us.test", trustedSealers: [] };
    const ours = ourWords(await prove(input, { dns: resolver, crypto: nodeCrypto })).sort();
    if (ours.join() !== theirs.join()) different.push({ what, ours, theirs });
  }
  expect(different).toEqual([]);
});
