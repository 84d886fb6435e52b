import { describe, expect, it } from "vitest";
import { utf8 } from "../../../src/core/bytes.ts";
import { makeAppPassword, makeRecoveryCode, parseAppPassword, parseRecoveryCode } from "../../../src/core/seal/keys.ts";
import { labels } from "../../../src/core/seal/labels.ts";
import { padme } from "../../../src/core/seal/padme.ts";
import { stretch } from "../../../src/core/seal/passphrase.ts";
import { portablePrimitives } from "../../../src/core/seal/primitives.ts";
import { random, sealSuite } from "./suite.ts";

sealSuite("noble", portablePrimitives);

describe("app passwords", () => {
  it("read back, also in capitals, with spaces, and with o, i and l written for 0 and 1", () => {
    for (let i = 0; i < 50; i++) {
      const made = makeAppPassword(random);
      expect(made.text).toMatch(/^[0-9a-z]{6}-[0-9a-z]{4}(-[0-9a-z]{4}){8}$/);
      const sloppy = made.text
        .toUpperCase()
        .replaceAll("-", " ")
        .replaceAll("0", "O")
        .replaceAll("1", i % 2 ? "I" : "l");
      for (const text of [made.text, sloppy, made.text.replaceAll("-", "")]) {
        expect(parseAppPassword(utf8(text))).toEqual({ selector: made.selector, secret: made.secret });
      }
    }
  });

  it("carry 160 and 256 bits", () => {
    expect(makeAppPassword(random).secret.length).toBe(20);
    const code = makeRecoveryCode(random);
    expect(code.secret.length).toBe(32);
    expect(parseRecoveryCode(utf8(code.text))?.secret).toEqual(code.secret);
    expect(parseAppPassword(utf8(code.text))).toBeNull();
  });

  it("refuse a slip of the pen, a missing letter, and a long hostile text", () => {
    const { text } = makeAppPassword(random);
    const last = text.at(-1) === "7" ? "8" : "7";
    expect(parseAppPassword(utf8(text.slice(0, -1) + last))).toBeNull();
    expect(parseAppPassword(utf8(text.slice(0, -1)))).toBeNull();
    expect(parseAppPassword(utf8(`${text}7`))).toBeNull();
    expect(parseAppPassword(utf8(text.replace("-", "!")))).toBeNull();
    expect(parseAppPassword(utf8("7".repeat(100_000)))).toBeNull();
    expect(parseAppPassword(utf8(""))).toBeNull();
  });
});

describe("padding", () => {
  it("follows Padmé: at most 12 % more, few distinct lengths", () => {
    expect([0, 1, 2, 9, 100, 1000, 1_000_000].map(padme)).toEqual([0, 1, 2, 10, 104, 1024, 1_015_808]);
    const seen = new Set<number>();
    for (let n = 1; n < 200_000; n++) {
      const padded = padme(n);
      expect(padded >= n && padded <= n * 1.12 + 1).toBe(true);
      seen.add(padded);
    }
    expect(seen.size).toBeLessThan(230);
  });
});

describe("labels", () => {
  it("are distinct, and none is the start of another", () => {
    const all = Object.values(labels).flatMap((label) => (typeof label === "string" ? [label] : Object.values(label)));
    for (const a of all) for (const b of all) if (a !== b) expect(b.startsWith(a)).toBe(false);
    expect(new Set(all).size).toBe(all.length);
  });
});

describe("passphrases", () => {
  it("are stretched by Argon2id over their NFKC form, within bounds", async () => {
    const how = { memoryKiB: 64, passes: 1, lanes: 1 };
    const salt = new Uint8Array(16);
    expect(await stretch("é", salt, how)).toEqual(await stretch("e\u0301", salt, how));
    await expect(stretch("x", salt, { ...how, memoryKiB: 2 ** 30 })).rejects.toThrow(RangeError);
  });
});
