// What every implementation of the sealing primitives must do; run for noble's everywhere and for node's own on Node.
import { ml_kem768_x25519 } from "@noble/post-quantum/hybrid.js";
import { describe, expect, it } from "vitest";
import { z } from "zod";
import { concat, fromBase64, fromHex, hex, utf8 } from "../../../src/core/bytes.ts";
import { keyslotSchema } from "../../../src/core/contract/mailbox.ts";
import { innerEnvelopeSchema } from "../../../src/core/seal/envelope.ts";
import { chunkBytes, headerBytes, SealError, sealedSize, tagBytes } from "../../../src/core/seal/format.ts";
import { deriveKeys, newMailbox, publicHalf, unwrapKey } from "../../../src/core/seal/keys.ts";
import { openBytes, openerOf, openMessage } from "../../../src/core/seal/open.ts";
import type { SealPrimitives } from "../../../src/core/seal/primitives.ts";
import { sealedBytes, sealFrame, sealMessage } from "../../../src/core/seal/seal.ts";

const hexText = z.string();
const suiteSchema = z.object({
  masterKey: hexText,
  sealSeed: hexText,
  mailKey: hexText,
  indexKey: hexText,
  keyId: hexText,
  publicKeySha256: hexText,
  inner: innerEnvelopeSchema,
  messages: z.array(
    z.object({
      name: z.string(),
      coins: hexText,
      raw: z.union([z.object({ text: z.string() }), z.object({ repeat: z.string(), times: z.int() })]),
      size: z.int(),
      sha256: hexText,
      sealed: z.string().optional(),
    }),
  ),
  keyslot: z.object({ mailboxId: z.string(), secret: hexText, slot: keyslotSchema }),
  xwing: z.object({ seed: hexText, coins: hexText, sharedSecret: hexText }),
});

const files = import.meta.glob<string>("../../cases/seal/*.json", { query: "?raw", import: "default", eager: true });
export const vectors = suiteSchema.parse(JSON.parse(files["../../cases/seal/suite-1.json"] ?? ""));

export const inner = vectors.inner;
export const random = (n: number) => crypto.getRandomValues(new Uint8Array(n));

export function sealSuite(name: string, primitives: SealPrimitives): void {
  const mailbox = newMailbox("m1", random, primitives);
  const { sealSeed } = deriveKeys(mailbox.masterKey, primitives);
  const opener = openerOf(sealSeed, primitives);
  const seal = (raw: Uint8Array) => sealedBytes(sealMessage({ ...mailbox, inner, raw }, primitives));
  const fails = (sealed: Uint8Array) => expect(() => openBytes(sealed, opener)).toThrow(SealError);

  describe(`sealing with ${name}`, () => {
    it("derives the published keys", () => {
      const master = fromHex(vectors.masterKey);
      const keys = deriveKeys(master, primitives);
      expect(hex(keys.sealSeed)).toBe(vectors.sealSeed);
      expect(hex(keys.mailKey)).toBe(vectors.mailKey);
      expect(hex(keys.indexKey)).toBe(vectors.indexKey);
      const { publicKey, keyId } = publicHalf(master, primitives);
      expect(keyId).toBe(vectors.keyId);
      expect(hex(primitives.sha256(publicKey))).toBe(vectors.publicKeySha256);
    });

    it("seals and opens the published vectors", () => {
      const master = fromHex(vectors.masterKey);
      const { publicKey, keyId } = publicHalf(master, primitives);
      for (const vector of vectors.messages) {
        const raw = utf8("text" in vector.raw ? vector.raw.text : vector.raw.repeat.repeat(vector.raw.times));
        const coined: SealPrimitives = {
          ...primitives,
          kemEncapsulate: (key) => ml_kem768_x25519.encapsulate(key, fromHex(vector.coins)),
        };
        const sealed = sealedBytes(sealMessage({ publicKey, keyId, inner, raw }, coined));
        expect(sealed.length).toBe(vector.size);
        expect(hex(primitives.sha256(sealed))).toBe(vector.sha256);
        if (vector.sealed) expect(sealed).toEqual(fromBase64(vector.sealed));
        const opened = openBytes(sealed, openerOf(fromHex(vectors.sealSeed), primitives));
        expect(opened.head).toEqual(inner);
        expect(opened.raw).toEqual(raw);
      }
    });

    it("decapsulates the X-Wing draft's vector", () => {
      const { publicKey } = ml_kem768_x25519.keygen(fromHex(vectors.xwing.seed));
      const { cipherText } = ml_kem768_x25519.encapsulate(publicKey, fromHex(vectors.xwing.coins));
      const secret = primitives.kemDecapsulator(fromHex(vectors.xwing.seed))(cipherText);
      expect(hex(secret)).toBe(vectors.xwing.sharedSecret);
      expect(hex(primitives.kemPublicKey(fromHex(vectors.xwing.seed)))).toBe(hex(publicKey));
    });

    it("opens in any slicing, to the byte, at every size around a chunk", () => {
      const lead = 8 + utf8(JSON.stringify(inner)).length;
      for (const size of [0, 1, chunkBytes - lead - 1, chunkBytes - lead, chunkBytes - lead + 1, 2 * chunkBytes + 5]) {
        const raw = new Uint8Array(size).map((_, i) => i * 7);
        const sealed = seal(raw);
        expect(sealed.length).toBe(sealedSize(lead - 4 + size));
        for (const step of [sealed.length, 70_001, 1146]) {
          const opened = openMessage(slices(sealed, step), opener);
          expect(opened.size).toBe(size);
          const got = concat(...opened.raw);
          expect(hex(primitives.sha256(got))).toBe(hex(primitives.sha256(raw)));
        }
      }
    });

    it("opens byte by byte", () => {
      const opened = openMessage(slices(seal(utf8("hello")), 1), opener);
      expect(concat(...opened.raw)).toEqual(utf8("hello"));
    });

    it("fails on every flipped bit", () => {
      const sealed = seal(utf8("hello"));
      // ML-KEM's ciphertext is the same for every byte of it: every 37th is enough there.
      for (let at = 0; at < sealed.length; at += at > 30 && at < 1100 ? 37 : 1) {
        const flipped = sealed.slice();
        flipped[at] = (flipped[at] ?? 0) ^ (1 << (at % 8));
        fails(flipped);
      }
    });

    it("fails on every truncation and on anything appended", () => {
      const sealed = seal(new Uint8Array(2 * chunkBytes));
      const whole = chunkBytes + tagBytes;
      for (const cut of [0, 1, headerBytes - 1, headerBytes, headerBytes + 1, headerBytes + 15, headerBytes + 16]) {
        fails(sealed.subarray(0, cut));
      }
      fails(sealed.subarray(0, headerBytes + whole));
      fails(sealed.subarray(0, headerBytes + 2 * whole));
      fails(sealed.subarray(0, sealed.length - 1));
      fails(concat(sealed, new Uint8Array(1)));
      fails(concat(sealed, sealed.subarray(headerBytes)));
    });

    it("fails on reordered, repeated, dropped and spliced chunks", () => {
      const raw = new Uint8Array(3 * chunkBytes);
      const [a, b] = [seal(raw), seal(raw)];
      const whole = chunkBytes + tagBytes;
      const chunk = (of: Uint8Array, i: number) => of.subarray(headerBytes + i * whole, headerBytes + (i + 1) * whole);
      const head = a.subarray(0, headerBytes);
      const rest = a.subarray(headerBytes + 2 * whole);
      fails(concat(head, chunk(a, 1), chunk(a, 0), rest));
      fails(concat(head, chunk(a, 0), chunk(a, 0), rest));
      fails(concat(head, chunk(a, 0), rest));
      fails(concat(head, chunk(a, 0), chunk(b, 1), rest));
      fails(concat(b.subarray(0, headerBytes), a.subarray(headerBytes)));
    });

    it("fails under another key, and for a head that is no envelope", () => {
      const other = newMailbox("m1", random, primitives);
      const sealed = sealedBytes(sealMessage({ ...other, inner, raw: utf8("x") }, primitives));
      fails(sealed);
      // The right key id in front of the wrong KEM ciphertext must not get further either.
      const forged = sealed.slice();
      forged.set(fromHex(mailbox.keyId), 10);
      fails(forged);
      const odd = sealedBytes(sealFrame({ ...mailbox, head: { no: "envelope" }, raw: utf8("x") }, primitives));
      expect(() => openMessage([odd], opener)).toThrow(SealError);
    });

    it("unwraps the published keyslot, and nothing that differs from it", () => {
      const { mailboxId, secret, slot } = vectors.keyslot;
      const unwrap = (change: Partial<typeof slot>, id = mailboxId, key = fromHex(secret)) =>
        unwrapKey({ ...slot, ...change }, id, key, primitives);
      expect(hex(unwrap({}) ?? utf8(""))).toBe(vectors.masterKey);
      expect(unwrap({}, "mailbox-2")).toBeNull();
      expect(
        unwrap(
          {},
          mailboxId,
          fromHex(secret).map((b) => b ^ 1),
        ),
      ).toBeNull();
      expect(unwrap({ id: "slot-2" })).toBeNull();
      expect(unwrap({ kind: "passkey" })).toBeNull();
      expect(unwrap({ selector: "abc235" })).toBeNull();
      expect(unwrap({ salt: "AAAA" })).toBeNull();
      expect(unwrap({ commitment: slot.salt })).toBeNull();
      expect(unwrap({ label: "another label" })).not.toBeNull();
    });
  });
}

export function* slices(bytes: Uint8Array, step: number): Generator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += step) yield bytes.subarray(at, at + step);
}
