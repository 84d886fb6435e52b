/** The fast canonicalisation against a slow twin that is RFC 6376 §3.4.3 and §3.4.4 word for word. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { fromLatin1, hex, latin1, utf8 } from "../../../src/core/bytes.ts";
import type { Hash } from "../../../src/core/ports.ts";
import { type Canon, canonicalBody } from "../../../src/core/proof/dkim/body.ts";
import { BodyHashes } from "../../../src/core/proof/dkim/body-hash.ts";
import { webCrypto } from "./crypto.ts";

function fast(canon: Canon, text: string, lf = false, offset = 0): string {
  const parts: string[] = [];
  const raw = fromLatin1(`${"?".repeat(offset)}${text}`).subarray(offset);
  canonicalBody(canon, raw, lf, (bytes) => parts.push(latin1(bytes)));
  return parts.join("");
}

function slow(canon: Canon, text: string, lf = false): string {
  const mended = lf ? text.replace(/\r?\n/g, "\r\n") : text;
  const lines = mended
    .split("\r\n")
    .map((line) => (canon === "relaxed" ? line.replace(/[ \t]+$/, "").replace(/[ \t]+/g, " ") : line));
  while (lines.at(-1) === "") lines.pop();
  const body = lines.map((line) => `${line}\r\n`).join("");
  return body === "" && canon === "simple" ? "\r\n" : body;
}

test.each<[canon: Canon, text: string, canonical: string]>([
  ["relaxed", " C \r\nD \t E\r\n\r\n\r\n", " C\r\nD E\r\n"], // RFC 6376 §3.4.5
  ["simple", " C \r\nD \t E\r\n\r\n\r\n", " C \r\nD \t E\r\n"], // RFC 6376 §3.4.5
  ["relaxed", "", ""],
  ["simple", "", "\r\n"],
  ["relaxed", " \t\r\n \r\n", ""],
  ["simple", "\r\n\r\n", "\r\n"],
  ["relaxed", "a", "a\r\n"],
  ["simple", "a", "a\r\n"],
  ["relaxed", "a \r", "a \r\r\n"],
  ["relaxed", "\r\n\r\na\r\n", "\r\n\r\na\r\n"],
])("%s %j", (canon, text, canonical) => {
  expect(fast(canon, text)).toBe(canonical);
  expect(slow(canon, text)).toBe(canonical);
});

describe.each(["simple", "relaxed"] as const)("%s", (canon) => {
  const pieces = fc.constantFrom(
    " ",
    "  ",
    "\t",
    "\r\n",
    "\r\n\r\n",
    "\n",
    "\r",
    "a",
    "word",
    "\xff",
    "\0",
    "x".repeat(61),
    "y".repeat(700),
    " \r\n",
    "\t\r\n",
    "Zm9v".repeat(75),
  );
  test.each([false, true])("fast is slow (bare LF ends a line: %s)", (lf) => {
    fc.assert(
      fc.property(fc.array(pieces, { maxLength: 60 }), fc.integer({ min: 0, max: 3 }), (parts, offset) => {
        const text = parts.join("");
        expect(fast(canon, text, lf, offset)).toBe(slow(canon, text, lf));
      }),
      { numRuns: 600 },
    );
  });

  test("over many buffers", () => {
    const text = `${"prose with  two spaces and a tail \r\n".repeat(9000)}${"QUJD".repeat(40_000)}\r\n${" a\tb".repeat(30_000)}`;
    for (const lf of [false, true]) expect(fast(canon, text, lf) === slow(canon, text, lf)).toBe(true);
  });
});

describe("hashes", () => {
  const body = utf8("one  two\r\nthree \r\n\r\n");
  const sha = (text: string) => {
    const hash = webCrypto.sha256();
    hash.update(utf8(text));
    return hash.digest();
  };

  test("one pass serves all that share a canonicalisation", () => {
    let bytes = 0;
    let hashes = 0;
    const counting = (): Hash => {
      hashes++;
      const hash = webCrypto.sha256();
      return { digest: () => hash.digest(), update: (part) => hash.update(part) };
    };
    const canonical = slow("relaxed", latin1(body));
    const counted = new Proxy(body, {
      get(target, key) {
        if (key === "indexOf") bytes += target.length;
        const value = Reflect.get(target, key, target) as unknown;
        return typeof value === "function" ? value.bind(target) : value;
      },
    });
    const bodies = new BodyHashes(counted, { ...webCrypto, sha256: counting }, false);
    for (let i = 0; i < 5; i++) bodies.want({ canon: "relaxed", length: null });
    bodies.want({ canon: "relaxed", length: 3 });
    expect(hex(bodies.digest({ canon: "relaxed", length: null }))).toBe(hex(sha(canonical)));
    expect(hex(bodies.digest({ canon: "relaxed", length: 3 }))).toBe(hex(sha("one")));
    expect(hashes).toBe(2);
    expect(bytes).toBeLessThanOrEqual(body.length * 4);
  });

  test("l= counts canonical octets and may not go beyond them", () => {
    const bodies = new BodyHashes(body, webCrypto, false);
    const whole = slow("simple", latin1(body)).length;
    for (const length of [0, whole, whole + 1]) bodies.want({ canon: "simple", length });
    expect(bodies.check({ canon: "simple", length: 0 }, sha(""))).toBe("match");
    expect(bodies.check({ canon: "simple", length: whole }, sha(slow("simple", latin1(body))))).toBe("match");
    expect(bodies.check({ canon: "simple", length: whole + 1 }, sha("x"))).toBe("too-long");
  });

  test("bare LFs: hashed as they stand, else as CRLF", () => {
    const bare = utf8("one\ntwo\r\n");
    const bodies = new BodyHashes(bare, webCrypto, false);
    const whole = { canon: "simple", length: null } as const;
    bodies.want(whole);
    expect(bodies.check(whole, sha("one\ntwo\r\n"))).toBe("match");
    expect(bodies.check(whole, sha("one\r\ntwo\r\n"))).toBe("match");
    expect(bodies.check(whole, sha("one two\r\n"))).toBe("mismatch");
  });
});
