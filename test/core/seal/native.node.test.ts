// Node's own primitives against noble's: each opens what the other sealed, and both pass the same suite.
import { describe, expect, it } from "vitest";
import { utf8 } from "../../../src/core/bytes.ts";
import { deriveKeys, newMailbox } from "../../../src/core/seal/keys.ts";
import { openBytes, openerOf } from "../../../src/core/seal/open.ts";
import { portablePrimitives } from "../../../src/core/seal/primitives.ts";
import { sealedBytes, sealMessage } from "../../../src/core/seal/seal.ts";
import { nativePrimitives } from "../../../src/daemon/platform.ts";
import { inner, random, sealSuite } from "./suite.ts";

sealSuite("node:crypto", nativePrimitives);

describe("noble and node:crypto", () => {
  it("open each other's messages", () => {
    for (const [ours, theirs] of [
      [portablePrimitives, nativePrimitives],
      [nativePrimitives, portablePrimitives],
    ] as const) {
      const mailbox = newMailbox("m", random, ours);
      const { sealSeed } = deriveKeys(mailbox.masterKey, theirs);
      const sealed = sealedBytes(sealMessage({ ...mailbox, inner, raw: utf8("hello") }, ours));
      expect(openBytes(sealed, openerOf(sealSeed, theirs)).raw).toEqual(utf8("hello"));
    }
  });

  it("agree on every primitive", () => {
    const [key, nonce, long] = [random(32), random(12), random(24)];
    const [aad, plain] = [random(100), random(1000)];
    const [a, b] = [portablePrimitives, nativePrimitives];
    expect(b.seal(key, nonce, aad, plain)).toEqual(a.seal(key, nonce, aad, plain));
    expect(b.wrap(key, long, aad, plain)).toEqual(a.wrap(key, long, aad, plain));
    expect(b.hkdf(key, nonce, aad, 77)).toEqual(a.hkdf(key, nonce, aad, 77));
    expect(new Uint8Array(b.sha256(plain))).toEqual(a.sha256(plain));
    expect(b.kemPublicKey(key)).toEqual(a.kemPublicKey(key));
    for (const primitives of [a, b]) {
      expect(() => primitives.seal(plain, nonce, aad, plain)).toThrow(RangeError);
      expect(() => primitives.open(key, long, aad, plain)).toThrow(RangeError);
      expect(primitives.open(key, nonce, aad, plain)).toBeNull();
    }
  });
});
