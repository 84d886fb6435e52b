import { expect, test } from "vitest";
import { foldDomain } from "../../../src/core/rules/address.ts";
import { unicodeName } from "../../../src/core/rules/unicode-name.ts";

test.each(["bäckerei-müller.example", "bücher.example", "例え.テスト", "пример.example", "faß.example", "a.b.c"])(
  "%s is shown as its owner writes it",
  (text) => {
    const folded = foldDomain(text);
    expect(folded).not.toBeNull();
    expect(unicodeName(folded ?? "")).toBe(text);
  },
);

test.each([
  "xn--.example",
  "xn--a.example",
  "xn--99999999999.example",
  "xn--\u0000.example",
  "xn--zzzzzzzzzzzzzzzzzzzz.test",
  "",
])("%j does not decode and stays as it is", (name) => {
  expect(unicodeName(name)).toBe(name);
});
