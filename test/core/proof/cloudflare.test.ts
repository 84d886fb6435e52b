/** The block that Cloudflare's MX writes, as recorded in PLATFORM.md, and what a sender may try to put in its place. */
import { describe, expect, test } from "vitest";
import { fromLatin1, latin1 } from "../../../src/core/bytes.ts";
import { cloudflareBlock } from "../../../src/core/proof/cloudflare.ts";

const received =
  "Received: from mail.example.com (192.0.2.1)\r\n        by cloudflare-email.net (unknown) id 0a1b\r\n        for <a@here.test>; Tue, 24 Nov 2026 05:00:00 +0000\r\n";
const arc = [
  "ARC-Seal: i=1; a=rsa-sha256; s=cf2024-1; d=cloudflare-email.net; cv=none; b=AAAA\r\n",
  "ARC-Message-Signature: i=1; a=rsa-sha256; s=cf2024-1; d=cloudflare-email.net; h=from; bh=AA==; b=AAAA\r\n",
  "ARC-Authentication-Results: i=1; mx.cloudflare.net; dkim=pass\r\n",
].join("");
const spf =
  'Received-SPF: pass (mx.cloudflare.net: domain of a@example.com designates 192.0.2.1 as permitted sender)\r\n receiver=mx.cloudflare.net; client-ip=192.0.2.1; envelope-from="a@example.com"; helo=mail.example.com;\r\n';
const results =
  "Authentication-Results: mx.cloudflare.net;\r\n dkim=fail header.d=x.test; dkim=pass header.d=example.com header.s=s1;\r\n dmarc=pass header.from=example.com policy.dmarc=none;\r\n spf=pass smtp.mailfrom=a@example.com\r\n";
const score = "X-CF-SpamH-Score: 0\r\n";
const message = "DKIM-Signature: v=1\r\nFrom: a@example.com\r\n\r\nbody\r\n";

function block(...parts: string[]) {
  const raw = fromLatin1(parts.join(""));
  const found = cloudflareBlock(raw);
  return found && { ...found, below: latin1(raw.subarray(found.end)) };
}

test("the whole block", () => {
  expect(block(received, arc, spf, results, score, message)).toEqual({
    ip: "192.0.2.1",
    helo: "mail.example.com",
    mailFrom: "a@example.com",
    results: { dkim: "pass", dmarc: "pass", spf: "pass", "received-spf": "pass" },
    end: expect.any(Number),
    below: message,
  });
});

test("without Authentication-Results (workerd issue 6740)", () => {
  expect(block(received, arc, spf, message)).toMatchObject({
    ip: "192.0.2.1",
    results: { "received-spf": "pass" },
    below: message,
  });
});

test("IPv6", () => {
  expect(block(received.replace("192.0.2.1", "2001:db8::1"), message)).toMatchObject({ ip: "2001:db8::1" });
});

describe("a sender's own bytes are never read as Cloudflare's", () => {
  test("a message that does not begin with Cloudflare's Received", () => {
    expect(block(message)).toBeNull();
    expect(block(spf, results, message)).toBeNull();
    expect(block(`X: y\r\n${received}`, spf, message)).toBeNull();
    expect(block(received.replace("cloudflare-email.net", "evil.test"), message)).toBeNull();
  });

  test("a second block below the first ends it", () => {
    const forged = received.replace("192.0.2.1", "198.51.100.9") + spf.replaceAll("192.0.2.1", "198.51.100.9");
    expect(block(received, arc, spf, results, forged, message)).toMatchObject({
      ip: "192.0.2.1",
      below: forged + message,
    });
  });

  test("a field out of Cloudflare's order is the sender's", () => {
    expect(block(received, results, spf, message)).toMatchObject({ below: spf + message });
    expect(block(received, spf, spf, message)).toMatchObject({ below: spf + message });
  });

  test("fields of another writer", () => {
    const other = arc.replaceAll("cloudflare-email.net", "evil.test");
    expect(block(received, other, message)).toMatchObject({ below: other + message });
    const fake = results.replace("mx.cloudflare.net", "mx.evil.test");
    expect(block(received, fake, message)).toMatchObject({ results: {}, below: fake + message });
  });

  test("a Received-SPF that names another address than Received makes the address unknown", () => {
    expect(block(received, spf.replaceAll("192.0.2.1", "198.51.100.9"), message)).toMatchObject({ ip: null });
  });
});
