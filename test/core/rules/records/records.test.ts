import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { latin1, utf8 } from "../../../../src/core/bytes.ts";
import { resolve } from "../../../../src/core/rules/aliases.ts";
import { definitionKey } from "../../../../src/core/rules/import/definition.ts";
import { recordLimits } from "../../../../src/core/rules/records/limits.ts";
import { readRecords, recordAliases } from "../../../../src/core/rules/records/read.ts";
import { sealRecord } from "../../../../src/core/rules/records/sealed.ts";
import { casesOf, show } from "../cases.ts";

const files = import.meta.glob<string>("../../../cases/rules/records/*.txt", {
  query: "?raw",
  import: "default",
  eager: true,
});
const domain = "example.com";
const read = (...records: string[]) => readRecords(records, { domain });

describe.each(Object.entries(files))("rule records of %s", (_, file) => {
  it.each(casesOf(file).map((one) => [one.name, one] as const))("%s", (_, { given, expected }) => {
    const records = given.map(({ value }) => value);
    expect(show(read(...records))).toEqual(expected);
    // DNS hands over bytes; the same must come of them.
    expect(show(read(...records.map((record) => latin1(utf8(record)))))).toEqual(expected);
  });
});

describe("rule records", () => {
  it("say whether the domain has any", () => {
    expect(read("v=spf1 -all").present).toBe(false);
    expect(read("v=spf1 -all", "forward-email=").present).toBe(true);
    expect(read("postern=%%%").present).toBe(true);
  });

  it("too long or too many are reported, and the rest is read", () => {
    const { aliases, problems } = read(
      "postern=\xff:a@x.com",
      `postern=${"a:a@x.com,".repeat(500)}`,
      "postern=b:b@x.com",
    );
    expect(show({ aliases, problems })).toEqual(["exact ÿ -> a@x.com", "exact b -> b@x.com", "error too-long 2 0"]);
    const many = read(...Array.from({ length: 300 }, (_, i) => `postern=a${i}:a@x.com`));
    expect(many.aliases.length).toBe(recordLimits.records);
    expect(many.problems).toMatchObject([{ code: "too-many-records" }]);
  });

  describe("of Forward Email add up, as there", () => {
    const where = (records: string[], local: string): string => {
      const rules = read(...records);
      const aliases = recordAliases(rules.aliases);
      const addsUp = new Set(aliases.filter((one) => rules.addsUp.has(definitionKey(one))).map(({ id }) => id));
      const none = { nested: new Map(), mailboxes: new Map(), own: null, endpointsOff: new Set<string>(), owner: null };
      const route = resolve({ local, domain }, { aliases, addsUp, ...none });
      if (route.kind !== "found") return route.kind === "dropped" ? "dropped" : route.reason;
      return route.targets.map((one) => (one.kind === "address" ? one.address : one.kind)).join(" ");
    };
    const theirs = [
      "forward-email=hello:a@x.com,/^h(.*)$/:b+$1@x.com,/^he/:c@x.com,all@x.com",
      "forward-email=!/^no/,no:a@x.com",
    ];
    it.each([
      ["hello", "a@x.com b+ello@x.com c@x.com"],
      ["hello+tag", "a+tag@x.com b+ello+tag@x.com c@x.com"],
      ["hi", "b+i@x.com"],
      ["other", "all@x.com"],
      ["no", "dropped"], // one that is switched off silences what else matches
      ["nothing", "dropped"],
    ])("%s", (local, wanted) => expect(where(theirs, local)).toBe(wanted));
    it("in postern= records the most specific decides alone, and beside one of those too", () => {
      expect(where(["postern=hello:a@x.com,/^h/:b@x.com"], "hello")).toBe("a@x.com");
      expect(where(["postern=hello:a@x.com", "forward-email=/^h/:b@x.com"], "hello")).toBe("a@x.com");
      expect(where(["postern=h*:a@x.com", "forward-email=/^h/:b@x.com"], "hello")).toBe("a@x.com");
      expect(where(["postern=/^h/:a@x.com", "forward-email=hello:b@x.com,/o$/:c@x.com"], "hello")).toBe(
        "b@x.com c@x.com",
      );
    });
  });

  it("are read up to so many items", () => {
    const list = Array.from({ length: 200 }, (_, i) => `a${i}:a@x.com`).join(",");
    const { aliases, problems } = read(
      ...Array.from({ length: 4 }, (_, n) => `postern=${list.replaceAll("a", `${"xyzw"[n]}`)}`),
    );
    expect(aliases.length).toBe(recordLimits.items);
    expect(problems).toMatchObject([
      { code: "too-many-aliases", at: 3 },
      { code: "too-many-aliases", at: 4 },
    ]);
  });

  it("say sealed things only to who holds the key, and never where or what in them is wrong", () => {
    const key = new Uint8Array(32).fill(7);
    const random = (n: number) => crypto.getRandomValues(new Uint8Array(n));
    const record = sealRecord("hello:secret@x.com,a:b c", domain, key, random);
    const mine = readRecords([record], { domain, keys: [new Uint8Array(32), key] });
    expect(show(mine)).toEqual(["exact hello -> secret@x.com", "exact a ->", "error bad-destination 1"]);
    expect(mine.problems[0]?.text).not.toContain("b c");
    expect(show(readRecords([record], { domain: "other.com", keys: [key] }))).toEqual(["error sealed-unreadable 1"]);
    expect(show(read(record))).toEqual(["error sealed-unreadable 1"]);
  });

  it("resolve like aliases of the directory", () => {
    const { aliases } = read(
      "forward-email=/^(support|info)$/:user+$1@gmail.com,hello:linus@example.com,linus:l@x.com,!off",
    );
    const rows = recordAliases(aliases);
    const nested = new Map(rows.filter((row) => row.kind === "exact").map((row) => [`${row.pattern}@${domain}`, row]));
    const from = {
      aliases: rows,
      nested,
      mailboxes: new Map(),
      own: null,
      endpointsOff: new Set<string>(),
      owner: null,
    };
    const to = (local: string) => {
      const route = resolve({ local, domain }, from);
      return route.kind === "found" ? route.targets.map((one) => one.kind === "address" && one.address) : route.kind;
    };
    expect(to("support")).toEqual(["user+support@gmail.com"]);
    expect(to("hello+tag")).toEqual(["l+tag@x.com"]);
    expect(to("off")).toBe("dropped");
    expect(to("else")).toBe("refused");
  });
});

describe("rule records of any content", () => {
  const bits = [
    "forward-email=",
    "postern=",
    "-port=",
    "a",
    "hello",
    ":",
    ",",
    "!",
    "/",
    "^",
    "$1",
    "*",
    "@",
    "x.com",
    "\\",
    "[",
  ];
  const more = [
    "]",
    "(",
    ")",
    "{9}",
    "https://",
    "25",
    "\u0000",
    "ü",
    "\ud800",
    " ",
    "sealed:",
    "-",
    "=",
    "nobody@forwardemail.net",
  ];
  const text = fc.array(fc.oneof(fc.constantFrom(...bits, ...more), fc.string({ unit: "binary", maxLength: 4 })), {
    maxLength: 60,
  });
  const record = fc
    .tuple(fc.constantFrom("postern=", "forward-email=", ""), text)
    .map(([head, tail]) => head + tail.join(""));

  it("never throw, stay within bounds, and point into the record", () => {
    fc.assert(
      fc.property(fc.array(record, { maxLength: 6 }), (records) => {
        const { aliases, problems } = read(...records);
        expect(aliases.every((alias) => alias.destinations.length <= recordLimits.destinations)).toBe(true);
        expect(problems.length).toBeLessThanOrEqual(101);
        for (const { at, offset, text: says } of problems) {
          expect(at === null || (at >= 1 && at <= records.length)).toBe(true);
          if (at !== null && offset !== null) expect(offset).toBeLessThanOrEqual((records[at - 1] ?? "").length);
          expect(says.length).toBeLessThan(500);
          expect(/[\p{Cc}\p{Cs}]/u.test(says)).toBe(false);
        }
      }),
      { numRuns: 2000 },
    );
  });

  it("cost little, however they are made", () => {
    const hostile = ["/", "/a", "!", ",", "/[", "/a/,", "a:", "\\/", "/x/abcdefgh", "/(((((((((("].map((piece) =>
      `postern=${piece.repeat(4096)}`.slice(0, recordLimits.length),
    );
    const before = Date.now();
    read(...hostile, ...hostile, ...hostile);
    expect(Date.now() - before).toBeLessThan(2000);
  });
});
