/** Whatever bytes come, a proof ends, does not throw, and is never a pass that nobody signed for. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { concat, fromLatin1, utf8 } from "../../../src/core/bytes.ts";
import { zoneResolver } from "../../../src/core/dns/zones.ts";
import { cloudflareBlock } from "../../../src/core/proof/cloudflare.ts";
import { signDkim } from "../../../src/core/proof/dkim/sign.ts";
import { parseTags } from "../../../src/core/proof/dkim/tags.ts";
import { parseDmarcRecord } from "../../../src/core/proof/dmarc-record.ts";
import { prove } from "../../../src/core/proof/prove.ts";
import { authenticationResults, stripForged } from "../../../src/core/proof/results.ts";
import { formatIp, parseIp } from "../../../src/core/proof/spf/ip.ts";
import { parseMacroString } from "../../../src/core/proof/spf/macro.ts";
import { parseSpfRecord, SpfSyntax } from "../../../src/core/proof/spf/record.ts";
import { webCrypto } from "./crypto.ts";
import { above, Chance, mutate } from "./generate.ts";

const now = Date.UTC(2026, 10, 24);
const seed = Uint8Array.from({ length: 32 }, (_, i) => i);
const zones = {
  "e._domainkey.h.test": { TXT: ["v=DKIM1; k=ed25519; p=A6EHv/POEL4dcN0Y50vAmWfk1jCbpQ1fHdyGZBJVMbg="] },
  "_dmarc.h.test": { TXT: ["v=DMARC1; p=reject"] },
};
const pieces = [
  "From: a@h.test\r\n",
  "From: ",
  "DKIM-Signature: v=1; a=ed25519-sha256; d=h.test; s=e; h=from; bh=AAAA; b=AAAA\r\n",
  "ARC-Seal: i=1; cv=none; ",
  "ARC-Message-Signature: i=1; ",
  "ARC-Authentication-Results: i=1; x; none\r\n",
  "Authentication-Results: us.test; dkim=pass\r\n",
  "Received-SPF: pass client-ip=192.0.2.1\r\n",
  "Received: from x (192.0.2.1) by cloudflare-email.net\r\n",
  "\r\n",
  "\r\n\r\n",
  "\n",
  "\r",
  " ",
  "\t",
  ";",
  "=",
  ":",
  "(",
  ")",
  '"',
  "<",
  ">",
  "@",
  ",",
  "\\",
  "\0",
  "\xff",
  "body",
];

async function proofOf(raw: Uint8Array) {
  const input = {
    raw,
    mailFrom: "a@other.test",
    helo: "h.test",
    ip: "192.0.2.1",
    now,
    authservId: "us.test",
    trustedSealers: [],
  };
  const proof = await prove(input, { dns: zoneResolver(zones), crypto: webCrypto });
  const field = authenticationResults(proof, "us.test");
  expect(field.match(/\r\n(?![ \t])/g)).toHaveLength(1);
  expect(field).not.toMatch(/[^\x09\x0a\x0d\x20-\x7e]/);
  expect(stripForged(raw, "us.test").length).toBeLessThanOrEqual(raw.length);
  expect(cloudflareBlock(raw)?.end ?? 0).toBeLessThanOrEqual(raw.length);
  return proof;
}

test("soups of telling pieces", async () => {
  const soup = fc.array(fc.constantFrom(...pieces), { maxLength: 40 });
  await fc.assert(
    fc.asyncProperty(soup, async (parts) => {
      const { dkim, dmarc, arc } = await proofOf(fromLatin1(parts.join("")));
      expect([...dkim.map(({ result }) => result), dmarc.result, arc.cv]).not.toContain("pass");
    }),
    { numRuns: 400 },
  );
});

test("bytes", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.uint8Array({ maxLength: 300 }),
      async (bytes) => void (await proofOf(concat(utf8("From: a@h.test\r\n"), bytes))),
    ),
    { numRuns: 300 },
  );
});

test("a signed message changed in one place passes only where the change touches nothing that was signed", async () => {
  const plain = utf8("From: a@h.test\r\nTo: b@h.test\r\nSubject: one two\r\n\r\nbody text\r\n");
  const signer = { domain: "h.test", selector: "e", key: { type: "ed25519", seed }, now, canon: "simple" } as const;
  const signed = above(await signDkim(plain, signer, webCrypto), plain);
  const words = (raw: Uint8Array) => new TextDecoder("latin1").decode(raw).replace(/\r?\n/g, "\n");
  for (let i = 1; i <= 250; i++) {
    const { raw } = mutate(signed, new Chance(i));
    const { dmarc } = await proofOf(raw);
    if (dmarc.result !== "pass") continue;
    for (const line of ["From: a@h.test", "To: b@h.test", "Subject: one two", "\n\nbody text\n"])
      expect(words(raw)).toContain(line);
  }
});

test("records", () => {
  const letters = fc.constantFrom(..."v=spf1 amxptrinclude:4.6/%{}dhr2-~?+;pDMARC1\0\xff".split(""));
  fc.assert(
    fc.property(fc.array(letters, { maxLength: 80 }), (parts) => {
      const text = parts.join("");
      try {
        parseSpfRecord(`v=spf1 ${text}`);
      } catch (error) {
        expect(error).toBeInstanceOf(SpfSyntax);
      }
      parseMacroString(text);
      parseTags(text);
      parseDmarcRecord(`v=DMARC1; ${text}`);
    }),
    { numRuns: 3000 },
  );
});

test("addresses are read back as they are written (RFC 5952)", () => {
  fc.assert(
    fc.property(fc.oneof(fc.ipV4(), fc.ipV6()), (text) => {
      const ip = parseIp(text);
      if (ip === null) throw new Error(`${text} is an address`);
      expect(parseIp(formatIp(ip))).toEqual(ip);
    }),
  );
  for (const text of [
    "",
    "1.2.3",
    "1.2.3.4.5",
    "01.2.3.4",
    "256.1.1.1",
    ":",
    ":::",
    "1::2::3",
    "1:2:3:4:5:6:7",
    "1:2:3:4:5:6:7:8:9",
    "::1%eth0",
    "12345::",
    "1.2.3.4::",
  ]) {
    expect(parseIp(text)).toBeNull();
  }
});
