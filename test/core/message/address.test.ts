import fc from "fast-check";
import PostalMime from "postal-mime";
import { expect, test } from "vitest";
import { parseAddressList } from "../../../src/core/message/address.ts";

const [text = ""] = Object.values(
  import.meta.glob<string>("../../cases/message/addresses.txt", { query: "?raw", import: "default", eager: true }),
);

type Block = { field: string; lines: string[] };
const blocks: Block[] = text
  .split(/^> /m)
  .slice(1)
  .map((block) => {
    const [field = "", ...lines] = block.replace(/\n+$/, "").split("\n");
    return { field: field.replaceAll("\\r\\n", "\r\n").replaceAll("\\t", "\t"), lines };
  });

test.each(blocks)("$field", ({ field, lines }) => {
  const { ok, addresses } = parseAddressList(field);
  const read = addresses.map(({ name, local, domain }) => `${name} | ${local} | ${domain}`);
  expect(ok ? read : [...read, "bad"]).toEqual(lines);
});

// postal-mime guesses where we say "bad", so the two are held equal over well-formed lists only.
test("agrees with postal-mime on well-formed lists", async () => {
  for (const { field, lines } of blocks.filter((block) => !block.lines.includes("bad") && block.lines.length > 0)) {
    if (odd.has(field)) continue;
    const { from, to } = await PostalMime.parse(`To: ${field}\r\n\r\n`);
    expect(from).toBeUndefined();
    const flat = (to ?? []).flatMap((one) => one.group ?? [one]);
    expect(flat.map(({ address }) => address?.toLowerCase())).toEqual(
      lines.map((line) => line.split(" | ").slice(1).join("@").toLowerCase()),
    );
  }
});

/** Where postal-mime reads otherwise, and why ours stands. */
const odd = new Set([
  "Mary Smith <@node.test,@other.test:mary@example.net>, , jdoe@test . example", // source routes are obsolete, not gone (RFC 5322 §4.4)
  "Pete(A nice \\) chap) <pete(his account)@silly.test(his host)>", // comments inside an address
  "A Group(Some people)\r\n     :Chris Jones <c@(Chris's host.)public.example>,\r\n         joe@example.org,\r\n  John <jdoe@one.test> (my dear friend); (the end of the group)",
  "<>", // the empty path is an address here, since bounces have it
  "user@[192.0.2.1], <u@[IPv6:2001:db8::1]>", // literals are kept
  '"a\\"b@c"@example.com', // quoted pairs in a local part
  '"quoted local"@example.com',
  'dotted . "and quoted" . local@example.com',
  "ceo@bank.example <a@example.com>", // an address in the display name is no second author
]);

test("whatever comes, it ends and does not throw", () => {
  const letters = fc.constantFrom(...'<>()[]:;@\\,." \t\r\nab1é\0'.split(""));
  fc.assert(
    fc.property(fc.array(letters, { maxLength: 200 }), (parts) => {
      const { addresses } = parseAddressList(parts.join(""));
      return addresses.length <= parts.length;
    }),
    { numRuns: 2000 },
  );
});

test("a comment a hundred thousand deep", () => {
  const deep = 100_000;
  expect(parseAddressList(`${"(".repeat(deep)}${")".repeat(deep)} a@example.com`).addresses).toHaveLength(1);
  expect(parseAddressList(`${"(".repeat(deep)} a@example.com`)).toEqual({ ok: false, addresses: [] });
});
