/** What we sign and seal verifies, here and (test/peers) elsewhere; the chain rules of RFC 8617 §4 and §5. */
import { describe, expect, test } from "vitest";
import { fromLatin1, latin1, toBase64, utf8 } from "../../../src/core/bytes.ts";
import { zoneResolver } from "../../../src/core/dns/zones.ts";
import { sealArc } from "../../../src/core/proof/arc/seal.ts";
import { type Signer, signDkim } from "../../../src/core/proof/dkim/sign.ts";
import { prove } from "../../../src/core/proof/prove.ts";
import type { Proof } from "../../../src/core/proof/types.ts";
import { webCrypto } from "./crypto.ts";
import { above } from "./generate.ts";

const now = Date.UTC(2026, 10, 24);
const seed = Uint8Array.from({ length: 32 }, (_, i) => i);
const rsaPair = crypto.subtle.generateKey(
  { name: "RSASSA-PKCS1-v1_5", hash: "SHA-256", modulusLength: 2048, publicExponent: Uint8Array.of(1, 0, 1) },
  true,
  ["sign", "verify"],
);
const edPublic = "A6EHv/POEL4dcN0Y50vAmWfk1jCbpQ1fHdyGZBJVMbg="; // of the seed 00 01 … 1f

async function keys() {
  const { privateKey, publicKey } = await rsaPair;
  const pkcs8 = new Uint8Array(await crypto.subtle.exportKey("pkcs8", privateKey));
  const p = toBase64(new Uint8Array(await crypto.subtle.exportKey("spki", publicKey)));
  const zones = {
    "r._domainkey.example.com": { TXT: [`v=DKIM1; k=rsa; p=${p}`] },
    "e._domainkey.example.com": { TXT: [`v=DKIM1; k=ed25519; p=${edPublic}`] },
    "r._domainkey.relay.test": { TXT: [`v=DKIM1; k=rsa; p=${p}`] },
    "_dmarc.example.com": { TXT: ["v=DMARC1; p=reject"] },
  };
  const rsa: Signer = { domain: "example.com", selector: "r", key: { type: "rsa", pkcs8 }, now };
  const ed: Signer = { domain: "example.com", selector: "e", key: { type: "ed25519", seed }, now };
  return { zones, rsa, ed, relay: { ...rsa, domain: "relay.test" } };
}

const message = utf8(
  "From: A <a@example.com>\r\nTo: b@example.net\r\nSubject: Gr\u00fc\u00dfe  und\r\n mehr\r\nX: y\r\n\r\nbody  text \r\n\r\n\r\n",
);

async function proofOf(
  raw: Uint8Array,
  zones: Parameters<typeof zoneResolver>[0],
  trustedSealers: string[] = [],
): Promise<Proof> {
  const input = { raw, mailFrom: "", helo: null, ip: null, now, authservId: "us.test", trustedSealers };
  return prove(input, { dns: zoneResolver(zones), crypto: webCrypto });
}

describe("DKIM", () => {
  test.each(["simple", "relaxed"] as const)("%s, RSA and Ed25519", async (canon) => {
    const { zones, rsa, ed } = await keys();
    const once = above(await signDkim(message, { ...rsa, canon }, webCrypto), message);
    const twice = above(await signDkim(once, { ...ed, canon }, webCrypto), once);
    const { dkim, dmarc } = await proofOf(twice, zones);
    expect(dkim.map(({ result, algorithm }) => `${result} ${algorithm}`)).toEqual([
      "pass ed25519-sha256",
      "pass rsa-sha256",
    ]);
    expect(dmarc.result).toBe("pass");
  });

  test("no line is longer than 78, and From, To and Subject can't be added", async () => {
    const { zones, ed } = await keys();
    const field = await signDkim(message, ed, webCrypto);
    for (const line of field.split("\r\n")) expect(line.length).toBeLessThanOrEqual(78);
    for (const name of [
      "From: evil@example.org",
      "To: c@x",
      "Subject: z",
      "Reply-To: evil@example.org",
      "Content-Type: text/html",
    ]) {
      const raw = above(`${name}\r\n`, above(field, message));
      expect((await proofOf(raw, zones)).dkim[0]).toMatchObject({ result: "fail", reason: "signature" });
    }
    expect((await proofOf(above("X-Other: may come\r\n", above(field, message)), zones)).dkim[0]?.result).toBe("pass");
  });

  test("a message with bare LFs is signed as the CRLFs it will become", async () => {
    const { zones, ed } = await keys();
    const bare = fromLatin1(latin1(message).replaceAll("\r\n", "\n"));
    const field = await signDkim(bare, ed, webCrypto);
    expect((await proofOf(above(field, message), zones)).dkim[0]?.result).toBe("pass");
  });
});

describe("ARC", () => {
  async function sealed(count: number) {
    const all = await keys();
    let raw = above(await signDkim(message, all.rsa, webCrypto), message);
    for (let i = 0; i < count; i++) {
      const { arc } = await proofOf(raw, all.zones);
      const seal = await sealArc({ raw, arc, results: "relay.test;\r\n\tdkim=pass" }, all.relay, webCrypto);
      if (seal === null) throw new Error(`no seal above ${arc.cv} ${arc.reason}`);
      raw = above(seal, raw);
    }
    return { raw, ...all };
  }

  test("three sets, each i= one more", async () => {
    const { raw, zones } = await sealed(3);
    expect((await proofOf(raw, zones)).arc).toEqual({ cv: "pass", instances: 3, sealer: "relay.test", reason: "" });
    expect(latin1(raw).match(/^ARC-Seal: i=\d/gm)).toEqual(["ARC-Seal: i=3", "ARC-Seal: i=2", "ARC-Seal: i=1"]);
    expect(latin1(raw).match(/cv=\w+/g)).toEqual(["cv=pass", "cv=pass", "cv=none"]);
  });

  test("fifty sets, and no fifty-first", { timeout: 60_000 }, async () => {
    const { raw, zones, relay } = await sealed(50);
    const { arc } = await proofOf(raw, zones);
    expect(arc).toMatchObject({ cv: "pass", instances: 50 });
    expect(await sealArc({ raw, arc, results: "x" }, relay, webCrypto)).toBeNull();
  });

  const edits: [what: string, edit: (text: string) => string, reason: RegExp][] = [
    ["the body changed", (text) => `${text}more\r\n`, /^message-signature-body-hash/],
    ["a signed field changed", (text) => text.replace("To: b@", "To: c@"), /^message-signature-signature/],
    ["the oldest results changed", (text) => text.replace("i=1; relay.test", "i=1; other.test"), /^seal-\d-signature/],
    ["an old seal changed", (text) => text.replace(/(ARC-Seal: i=1[\s\S]*?t=)\d/, "$19"), /^seal-\d-signature/],
    [
      "a set gone from the middle",
      (text) => text.replace(/ARC-Seal: i=2[\s\S]*?(?=ARC-Seal: i=1)/, ""),
      /^incomplete-set-2|^instance-syntax/,
    ],
    ["a seal gone", (text) => text.replace(/ARC-Seal: i=1;[\s\S]*?\r\n(?=ARC-Message)/, ""), /^incomplete-set-1/],
    [
      "results gone",
      (text) => text.replace(/ARC-Authentication-Results: i=3;[\s\S]*?\r\n(?=\S)/, ""),
      /^incomplete-set/,
    ],
    ["a seal twice", (text) => text.replace(/(ARC-Seal: i=2;[\s\S]*?\r\n)(?=ARC-Message)/, "$1$1"), /^instance-syntax/],
    ["an instance of nought", (text) => text.replace("ARC-Seal: i=1", "ARC-Seal: i=0"), /^instance-syntax/],
    ["an instance beyond fifty", (text) => text.replace("ARC-Seal: i=3", "ARC-Seal: i=51"), /^instance-syntax/],
    ["cv=pass in the first set", (text) => text.replace("cv=none", "cv=pass"), /^seal-cv-wrong-1/],
    ["cv=none in a later set", (text) => text.replace("cv=pass", "cv=none"), /^seal-cv-wrong-3/],
    ["no cv at all", (text) => text.replace(/cv=pass;/, ""), /^seal-cv-syntax-3/],
    ["given up before", (text) => text.replace("cv=pass", "cv=fail"), /^sealed-as-failed-3/],
    ["h= in a seal", (text) => text.replace("cv=pass", "h=from; cv=pass"), /^seal-has-signature-tags-3/],
    [
      "a seal of another algorithm",
      (text) => text.replace(/(ARC-Seal: i=3;\s+a=)rsa-sha256/, "$1rsa-sha1"),
      /^seal-algorithm-3/,
    ],
    [
      "ARC-Seal signed by the message signature",
      (text) => text.replace(/(ARC-Message-Signature: i=3[\s\S]*?h=)/, "$1arc-seal:"),
      /arc-seal-signed/,
    ],
    ["a message signature without bh=", (text) => text.replace(/bh=[^;]*;/, ""), /^message-signature-missing-bh/],
    ["no tag list", (text) => text.replace("ARC-Seal: i=3;", "ARC-Seal: i=3; x; "), /^instance-syntax/],
  ];
  test.each(edits)("%s", async (_, edit, reason) => {
    const { raw, zones } = await sealed(3);
    const edited = edit(latin1(raw));
    expect(edited).not.toBe(latin1(raw));
    const { arc } = await proofOf(fromLatin1(edited), zones);
    expect(arc.cv).toBe("fail");
    expect(arc.reason).toMatch(reason);
  });

  test("a key that can't be had in time is temperror, and then nothing is sealed", async () => {
    const { raw, zones, relay } = await sealed(1);
    const { arc } = await proofOf(raw, { ...zones, "r._domainkey.relay.test": "TIMEOUT" });
    expect(arc).toMatchObject({ cv: "temperror", reason: "message-signature-key-timeout" });
    expect(await sealArc({ raw, arc, results: "x" }, relay, webCrypto)).toBeNull();
  });

  test("a failed chain is sealed as failed once, over that set alone, and never again", async () => {
    const { raw, zones, relay } = await sealed(2);
    const broken = above("", fromLatin1(`${latin1(raw)}more\r\n`));
    const { arc } = await proofOf(broken, zones);
    const seal = await sealArc({ raw: broken, arc, results: "relay.test; arc=fail" }, relay, webCrypto);
    expect(seal).toMatch(/^ARC-Seal: i=3;[\s\S]*cv=fail/);
    const marked = above(seal ?? "", broken);
    const after = (await proofOf(marked, zones)).arc;
    expect(after).toMatchObject({ cv: "fail", reason: "sealed-as-failed-3" });
    expect(await sealArc({ raw: marked, arc: after, results: "x" }, relay, webCrypto)).toBeNull();
  });

  test("a chain with a hole is sealed as failed above its highest number", async () => {
    const { raw, zones, relay } = await sealed(3);
    const holed = fromLatin1(latin1(raw).replace(/ARC-Seal: i=2[\s\S]*?(?=ARC-Seal: i=1)/, ""));
    const { arc } = await proofOf(holed, zones);
    expect(arc).toMatchObject({ cv: "fail", instances: 3 });
    const seal = await sealArc({ raw: holed, arc, results: "relay.test; arc=fail" }, relay, webCrypto);
    expect(seal).toMatch(/^ARC-Seal: i=4;[\s\S]*cv=fail/);
  });

  test("a trusted sealer overrides DMARC's disposition, a stranger does not", async () => {
    const { raw, zones, relay } = await sealed(0);
    const listed = fromLatin1(
      latin1(raw)
        .replace(/^DKIM-Signature[\s\S]*?\r\n(?=\S)/, "")
        .replace("body", "[list] body"),
    );
    const { arc } = await proofOf(listed, zones);
    const seal = await sealArc({ raw: listed, arc, results: "relay.test; dmarc=pass" }, relay, webCrypto);
    const relayed = above(seal ?? "", listed);
    expect((await proofOf(relayed, zones, ["relay.test"])).dmarc).toMatchObject({
      result: "fail",
      policy: "reject",
      disposition: "none",
    });
    expect((await proofOf(relayed, zones, ["other.test"])).dmarc).toMatchObject({
      result: "fail",
      disposition: "reject",
    });
  });
});
