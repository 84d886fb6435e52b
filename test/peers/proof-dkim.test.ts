/**
 * DKIM and ARC against independent implementations, both ways: what python3-dkim and libmail-dkim-perl sign or seal verifies
 * here, what we sign or seal verifies there, and what was changed afterwards verifies nowhere.
 */
import { generateKeyPairSync } from "node:crypto";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type LoopbackDns, startDns } from "../../src/cli/world/dns.ts";
import { concat, fromBase64, fromLatin1, latin1, toBase64 } from "../../src/core/bytes.ts";
import { zoneResolver } from "../../src/core/dns/zones.ts";
import { sealArc } from "../../src/core/proof/arc/seal.ts";
import { signDkim } from "../../src/core/proof/dkim/sign.ts";
import { prove } from "../../src/core/proof/prove.ts";
import { stripForged } from "../../src/core/proof/results.ts";
import type { Proof } from "../../src/core/proof/types.ts";
import { nodeCrypto } from "../../src/daemon/platform.ts";
import { above, Chance, makeMessage } from "../core/proof/generate.ts";
import { Leash } from "./leash.ts";
import { need } from "./need.ts";

const untested = "DKIM and ARC are not compared with it";
const python = need("python3-dkim", ["/usr/bin/python3", "-c", "import dkim, nacl, authres"], untested);
const perl = need(
  "libmail-dkim-perl",
  ["/usr/bin/perl", "-MMail::DKIM", "-MMail::DKIM::ARC::Signer", "-e", "1"],
  untested,
);

const rsa = generateKeyPairSync("rsa", { modulusLength: 2048 });
const ed = generateKeyPairSync("ed25519");
const rsaKey = { type: "rsa", pkcs8: rsa.privateKey.export({ type: "pkcs8", format: "der" }) } as const;
const edKey = { type: "ed25519", seed: ed.privateKey.export({ type: "pkcs8", format: "der" }).subarray(-32) } as const;
const pkcs1 = rsa.privateKey.export({ type: "pkcs1", format: "der" }).toString("base64");
const pem = rsa.privateKey.export({ type: "pkcs1", format: "pem" }).toString();
const keys = {
  "r1._domainkey.example.test": `v=DKIM1; k=rsa; p=${rsa.publicKey.export({ type: "spki", format: "der" }).toString("base64")}`,
  "e1._domainkey.example.test": `v=DKIM1; k=ed25519; p=${ed.publicKey.export({ type: "spki", format: "der" }).subarray(-32).toString("base64")}`,
};
const zones = Object.fromEntries(Object.entries(keys).map(([name, text]) => [name, { TXT: [text] }]));
const now = Date.now();

let dns: LoopbackDns;
beforeAll(async () => {
  // A character-string holds 255 bytes at most.
  const split = (text: string) => text.match(/.{1,255}/g) ?? [];
  dns = await startDns(Object.fromEntries(Object.entries(keys).map(([name, text]) => [name, { TXT: [split(text)] }])));
});
afterAll(() => dns.close());

type Field = { field?: string; error?: string };
type Verified = { good?: boolean[]; error?: string };
type Chain = { cv?: string; error?: string; reason?: string };

/**
 * Messages as SMTP carries them. Bare CR and LF are left out, since every signer mends those in its own way, and so are bodies
 * without a final CRLF, which Mail::DKIM's simple canonicalisation hashes as they stand against RFC 6376 §3.4.3.
 */
const messages = Array.from({ length: 60 }, (_, i) => makeMessage(new Chance(1000 + i))).filter(
  (raw) => !/\r(?!\n)|(?<!\r)\n/.test(latin1(raw)) && latin1(raw).endsWith("\r\n"),
);
const canons = ["simple/simple", "relaxed/relaxed", "relaxed/simple", "simple/relaxed"];

function ourProof(raw: Uint8Array): Promise<Proof> {
  const input = { raw, mailFrom: "", helo: null, ip: null, now, authservId: "us.test", trustedSealers: [] };
  return prove(input, { dns: zoneResolver(zones), crypto: nodeCrypto });
}

function tampered(raw: Uint8Array): Uint8Array {
  return fromLatin1(latin1(raw).replace("To: b@", "To: c@"));
}

function field(answer: Field): Uint8Array {
  if (answer.field === undefined) throw new Error(answer.error);
  return fromBase64(answer.field);
}

async function signedByUs(raw: Uint8Array, curve: boolean): Promise<Uint8Array> {
  const signed = above(
    await signDkim(raw, { domain: "example.test", selector: "r1", key: rsaKey, now }, nodeCrypto),
    raw,
  );
  if (!curve) return signed;
  return above(await signDkim(signed, { domain: "example.test", selector: "e1", key: edKey, now }, nodeCrypto), signed);
}

async function sealedByUs(raw: Uint8Array): Promise<Uint8Array> {
  const { arc } = await ourProof(raw);
  const signer = { domain: "example.test", selector: "r1", key: rsaKey, now };
  const seal = await sealArc({ raw, arc, results: "us.test; dkim=pass header.d=example.test" }, signer, nodeCrypto);
  if (seal === null) throw new Error(`no seal above ${arc.cv}`);
  return above(seal, raw);
}

describe.each([
  {
    name: "python3-dkim",
    here: python,
    key: pem,
    curve: true,
    start: () => new Leash("/usr/bin/python3", [join(import.meta.dirname, "proof_dkimpy.py")]),
  },
  {
    name: "libmail-dkim-perl",
    here: perl,
    key: pkcs1,
    curve: false,
    start: () => new Leash("/usr/bin/perl", [join(import.meta.dirname, "proof_mail_dkim.pl"), String(dns.udpPort)]),
  },
])("$name", ({ here, key, curve, start }) => {
  let peer: Leash;
  beforeAll(() => {
    if (here) peer = start();
  });
  afterAll(async () => {
    if (here) await peer.close();
  });
  const ask = <T>(what: string, raw: Uint8Array, more: object = {}) =>
    peer.ask<T>({ what, message: toBase64(raw), dns: keys, domain: "example.test", selector: "r1", key, ...more });

  test.skipIf(!here)("what it signs verifies here, what was changed does not", async () => {
    for (const [i, raw] of messages.entries()) {
      const canon = canons[i % canons.length];
      const signed = concat(field(await ask<Field>("sign", raw, { canon, algorithm: "rsa-sha256" })), raw);
      const good = (await ourProof(signed)).dkim.map(({ result }) => result);
      const bad = (await ourProof(tampered(signed))).dkim.map(({ result, reason }) => `${result} ${reason}`);
      expect({ canon, good, bad }).toEqual({ canon, good: ["pass"], bad: ["fail signature"] });
    }
  });

  test.skipIf(!here || !curve)("Ed25519 and l= as it signs them verify here", async () => {
    const seed = toBase64(edKey.seed);
    for (const raw of messages.slice(0, 12)) {
      const curved = field(
        await ask<Field>("sign", raw, {
          canon: "relaxed/relaxed",
          algorithm: "ed25519-sha256",
          selector: "e1",
          key: seed,
        }),
      );
      const cut = field(
        await ask<Field>("sign", raw, { canon: "simple/simple", algorithm: "rsa-sha256", length: true }),
      );
      expect((await ourProof(concat(curved, raw))).dkim.map(({ result }) => result)).toEqual(["pass"]);
      expect((await ourProof(concat(cut, raw, fromLatin1("\r\nmore\r\n")))).dkim.map(({ result }) => result)).toEqual([
        "pass",
      ]);
    }
  });

  test.skipIf(!here)("what we sign verifies there", async () => {
    for (const raw of messages) {
      const signed = await signedByUs(raw, curve);
      const signatures = curve ? 2 : 1;
      const good = (await ask<Verified>("verify", signed, { signatures })).good;
      const bad = (await ask<Verified>("verify", tampered(signed), { signatures })).good;
      expect({ good, bad }).toEqual({ good: Array(signatures).fill(true), bad: Array(signatures).fill(false) });
    }
  });

  test.skipIf(!here)("ARC chains sealed in turn hold on both sides", async () => {
    for (const raw of messages.slice(0, 10)) {
      let sealed = await signedByUs(raw, false);
      for (let round = 0; round < 2; round++) {
        sealed = await sealedByUs(sealed);
        expect((await ask<Chain>("verify-arc", sealed)).cv).toBe("pass");
        const results = fromLatin1(
          "Authentication-Results: mx.peer.test; arc=pass; dkim=pass header.d=example.test\r\n",
        );
        sealed = concat(results, stripForged(sealed, "mx.peer.test"));
        sealed = concat(field(await ask<Field>("seal", sealed)), sealed);
        expect((await ourProof(sealed)).arc).toMatchObject({ cv: "pass", instances: 2 * round + 2 });
      }
      expect((await ourProof(tampered(sealed))).arc.cv).toBe("fail");
      expect((await ask<Chain>("verify-arc", tampered(sealed))).cv).not.toBe("pass");
    }
  });
});
