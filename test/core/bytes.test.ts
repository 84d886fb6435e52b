import { describe, expect, test } from "vitest";
import {
  equalConstantTime,
  fromBase64,
  fromBase64url,
  fromHex,
  hex,
  toBase64,
  toBase64url,
  utf8,
} from "../../src/core/bytes.ts";

describe("base64 (RFC 4648 §10)", () => {
  const vectors = [
    ["", ""],
    ["f", "Zg=="],
    ["fo", "Zm8="],
    ["foo", "Zm9v"],
    ["foob", "Zm9vYg=="],
    ["fooba", "Zm9vYmE="],
    ["foobar", "Zm9vYmFy"],
  ] as const;
  test.each(vectors)("%j", (plain, encoded) => {
    expect(toBase64(utf8(plain))).toBe(encoded);
    expect(fromBase64(encoded)).toEqual(utf8(plain));
  });

  test.each(["Zg", "Zg=", "Zh==", "Z g=", "Zm9=", "Zm\n9", "=Zg="])("refuses %j", (text) => {
    expect(() => fromBase64(text)).toThrow(RangeError);
  });

  test("every byte, both alphabets", () => {
    const all = Uint8Array.from({ length: 256 }, (_, i) => i);
    expect(fromBase64(toBase64(all))).toEqual(all);
    expect(fromBase64url(toBase64url(all))).toEqual(all);
    expect(fromHex(hex(all))).toEqual(all);
  });
});

test("constant-time equality is equality", () => {
  expect(equalConstantTime(utf8("abc"), utf8("abc"))).toBe(true);
  expect(equalConstantTime(utf8("abc"), utf8("abd"))).toBe(false);
  expect(equalConstantTime(utf8("abc"), utf8("ab"))).toBe(false);
});
