import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { isSealed, maxSealedBytes, sealRecord, unsealRecord } from "../../../../src/core/rules/records/sealed.ts";

const random = (n: number) => crypto.getRandomValues(new Uint8Array(n));
const [key, other] = [random(32), random(32)];
const sealedOf = (record: string) => record.slice("postern=".length);

describe("sealed rule records", () => {
  it("open to what was sealed, whatever it was", () => {
    fc.assert(
      fc.property(fc.string({ unit: "grapheme", maxLength: 100 }), (list) => {
        const value = sealedOf(sealRecord(list, "example.com", key, random));
        expect(isSealed(value)).toBe(true);
        expect(unsealRecord(value, "example.com", [other, key])).toBe(list);
      }),
    );
  });

  it("open neither for another domain nor under another key nor when changed", () => {
    const value = sealedOf(sealRecord("hello:me@x.com", "example.com", key, random));
    expect(unsealRecord(value, "example.org", [key])).toBeNull();
    expect(unsealRecord(value, "example.com", [other])).toBeNull();
    expect(unsealRecord(value, "example.com", [])).toBeNull();
    for (let at = 7; at < value.length; at += 5) {
      const flipped = value.slice(0, at) + (value[at] === "A" ? "B" : "A") + value.slice(at + 1);
      expect(unsealRecord(flipped, "example.com", [key])).toBeNull();
    }
    expect(unsealRecord(value.slice(0, -4), "example.com", [key])).toBeNull();
    expect(unsealRecord("sealed:", "example.com", [key])).toBeNull();
  });

  it("tell little by their length, and fit a TXT record", () => {
    const length = (n: number) => sealRecord("a".repeat(n), "example.com", key, random).length;
    expect(length(1)).toBe(length(30));
    expect(length(31)).toBe(length(62));
    expect(length(maxSealedBytes)).toBeLessThan(1000);
    expect(isSealed(sealedOf(sealRecord("a".repeat(maxSealedBytes), "example.com", key, random)))).toBe(true);
    expect(() => length(maxSealedBytes + 1)).toThrow(RangeError);
  });
});
