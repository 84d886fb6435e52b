import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { concat, fromHex, hex } from "../../../src/core/bytes.ts";
import { decodeAnswer, encodeQuery, WireError } from "../../../src/core/dns/wire.ts";

/** `example.com` at offset 12, so that answers may point at it by C00C. */
const question = "076578616d706c6503636f6d0000010001";

function answer(counts: string, records: string, flags = "8180"): Uint8Array {
  return fromHex(`1234${flags}0001${counts}${question}${records}`);
}

test("a query is the bytes of RFC 1035 §4.1", () => {
  expect(hex(encodeQuery("example.com", "A", 0x1234))).toBe(`123401000001000000000000${question}`);
});

test("a query may ask whether the answer was verified, and the answer says so (RFC 6840 §5.7)", () => {
  expect(hex(encodeQuery("example.com", "A", 0x1234, true))).toBe(`123401200001000000000000${question}`);
  expect(decodeAnswer(answer("000000000000", "", "81a0")).authentic).toBe(true);
  expect(decodeAnswer(answer("000000000000", "")).authentic).toBe(false);
});

test.each(["", "a..b", `${"a".repeat(64)}.test`, "abcd.".repeat(60)])("no query for %j", (name) => {
  expect(() => encodeQuery(name, "A", 0)).toThrow(WireError);
});

describe("answers", () => {
  test.each<[what: string, records: string, data: unknown]>([
    ["A", "c00c000100010000003c0004c0000201", "192.0.2.1"],
    ["AAAA", "c00c001c00010000003c001020010db8000000000000000000000001", "2001:db8::1"],
    ["TXT of two strings, joined", "c00c001000010000003c00080376aabb03636465", null],
    ["MX by pointer", "c00c000f00010000003c0009000a046d61696cc00c", { priority: 10, exchange: "mail.example.com" }],
    ["CNAME", "c00c000500010000003c00050178017900", "x.y"],
    ["DS", "c00c002b00010000003c000600010802abcd", "1 8 2 abcd"],
    ["TLSA", "c00c003400010000003c0005030101abcd", "3 1 1 abcd"],
    [
      "SRV",
      "c00c002100010000003c000d0000000103e1046d61696cc00c",
      { priority: 0, weight: 1, port: 993, target: "mail.example.com" },
    ],
    [
      "SRV of a service that is not offered",
      "c00c002100010000003c000700000000000000",
      { priority: 0, weight: 0, port: 0, target: "" },
    ],
    ["an unknown type", "c00c00ff00010000003c0002abcd", ""],
  ])("%s", (what, records, data) => {
    const [rr] = decodeAnswer(answer("000100000000", records)).answers;
    expect(rr?.ttl).toBe(60);
    expect(rr?.data).toEqual(what.startsWith("TXT") ? "v\xaa\xbbcde" : data);
  });

  test("a dot inside a label is not a boundary", () => {
    const { answers } = decodeAnswer(answer("000100000000", "c00c000500010000003c000503612e6200"));
    expect(answers[0]?.data).toBe("a\\.b");
  });

  test("RFC 2308 §5: a negative answer's time is the smaller of the SOA's TTL and minimum", () => {
    const soa = "c00c000600010000012c0016000000000001000000020000000300000004000000ff";
    expect(decodeAnswer(answer("000000010000", soa, "8183"))).toMatchObject({
      rcode: 3,
      negativeTtl: 255,
      answers: [],
    });
  });

  test.each<[what: string, bytes: Uint8Array]>([
    ["a query", answer("000000000000", "", "0100")],
    ["nothing", new Uint8Array()],
    ["a name that points at itself", answer("000100000000", "c01dc01d")],
    ["a record longer than the message", answer("000100000000", "c00c000100010000003c00ffc0000201")],
    ["an A record of three bytes", answer("000100000000", "c00c000100010000003c0003c00002")],
    ["a string longer than its record", answer("000100000000", "c00c001000010000003c000205aa")],
  ])("%s is no answer", (_, bytes) => {
    expect(() => decodeAnswer(bytes)).toThrow(WireError);
  });

  test("whatever comes, it ends, and throws nothing but its own error", () => {
    const start = answer("000300020000", "");
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 120 }), fc.boolean(), (noise, headed) => {
        try {
          decodeAnswer(headed ? concat(start, noise) : noise);
        } catch (error) {
          expect(error).toBeInstanceOf(WireError);
        }
      }),
      { numRuns: 3000 },
    );
  });
});
