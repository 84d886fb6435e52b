import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Alias } from "../../../src/core/rules/route.ts";
import { parseTxt, splitEntries, txtLimits } from "../../../src/core/rules/txt.ts";

const none = (): null => null;

function shown(alias: Alias): string {
  const off = alias.state === "disabled" ? ` off ${alias.disabledReply}` : "";
  const to = alias.destinations.map(({ kind, target }) => `${kind}:${target}`).join(" ");
  return `${alias.kind} ${alias.pattern}${off}${to === "" ? "" : ` > ${to}`}`;
}

function read(...records: string[]): string[] {
  const { aliases, problems, port } = parseTxt(records, none);
  const ends = port === null ? [] : [`port ${port}`];
  return [...aliases.map(shown), ...problems.map(({ problem }) => `problem: ${problem}`), ...ends];
}

describe("what an owner may write", () => {
  test.each<[string[], string[]]>([
    [["forward-email=me@out.test"], ["catch-all * > address:me@out.test"]],
    [["postern=me@out.test"], ["catch-all * > address:me@out.test"]],
    [["forward-email=hello:me@out.test"], ["exact hello > address:me@out.test"]],
    [["postern=*:me@out.test"], ["catch-all * > address:me@out.test"]],
    [
      ["forward-email=hello:me@out.test,support:you@out.test"],
      ["exact hello > address:me@out.test", "exact support > address:you@out.test"],
    ],
    [
      ["forward-email=hello:a@out.test", "forward-email=hello:b@out.test"],
      ["exact hello > address:a@out.test address:b@out.test"],
    ],
    [["forward-email=out.test"], ["catch-all * > domain:out.test"]],
    [["forward-email=hello:out.test"], ["exact hello > domain:out.test"]],
    [
      ["forward-email=Hello:Me@OUT.test , x:y@out.test,"],
      ["exact hello > address:me@out.test", "exact x > address:y@out.test"],
    ],
    [["forward-email=/^(support|info)$/:me+$1@out.test"], ["regex ^(support|info)$ > address:me+$1@out.test"]],
    [
      ["forward-email=/^a{1,2},?$/gi:me@out.test,b:c@out.test"],
      ["regex ^a{1,2},?$ > address:me@out.test", "exact b > address:c@out.test"],
    ],
    [["forward-email=/^x$/:https://hook.test/a/b"], ["regex ^x$ > webhook:https://hook.test/a/b"]],
    [["forward-email=!gone"], ["exact gone off 250"]],
    [["forward-email=!!gone"], ["exact gone off 421"]],
    [["forward-email=!!!gone"], ["exact gone off 550"]],
    [["forward-email=!!!gone:me@out.test"], ["exact gone off 550"]],
    [["forward-email=!/^spam/:me@out.test"], ["regex ^spam off 250"]],
    [["forward-email=hook:https://hook.test/in?x=1"], ["exact hook > webhook:https://hook.test/in?x=1"]],
    [["forward-email=https://hook.test/in"], ["catch-all * > webhook:https://hook.test/in"]],
    [["postern=sales-*:me@out.test"], ["wildcard sales-* > address:me@out.test"]],
    [
      ["forward-email-port=2525", "forward-email=me@out.test"],
      ["catch-all * > address:me@out.test", "port 2525"],
    ],
    [["v=spf1 -all", "something else"], []],
  ])("%j", (records, wanted) => expect(read(...records)).toEqual(wanted));
});

describe("a mistake is told and harms nothing else", () => {
  test.each<[string, string]>([
    ["forward-email=a b:me@out.test", "a b is no local part of an address"],
    ["forward-email=hello:", "it has no destination"],
    ["forward-email=hello", "it has no destination"],
    ["forward-email=hello:nowhere", "nowhere is neither an address nor a domain"],
    ["forward-email=hello:a@b@c.test", "a@b@c.test is no address"],
    ["forward-email=hello:http://hook.test/", "a webhook has to be https://"],
    ["forward-email=hello:https://hook.test:8443/", "a webhook has to be a plain https:// address on port 443"],
    ["forward-email=hello:https://user@hook.test/", "a webhook has to be a plain https:// address on port 443"],
    ["forward-email=/(?=a)/:me@out.test", "/(?=a)/ can't be used"],
    ["forward-email=/a/m:me@out.test", "the flag m is not offered here (g and i are)"],
    ["forward-email=hello:127.0.0.1", "127.0.0.1 is neither an address nor a domain"],
    ["forward-email-port=80", "the port has to be 25, 465, 587 or 2525"],
    ["forward-email=0b5a47d1f0f8a5e1c2d3b4a5968778695a4b3c2d1e0f", "re-seal needed"],
    ["postern=s1.abcdef", "this sealed value was made for another domain or by another service"],
  ])("%s", (record, problem) => {
    const lines = read("forward-email=ok:me@out.test", record);
    expect(lines[0]).toBe("exact ok > address:me@out.test");
    expect(lines[1]?.startsWith(`problem: ${problem}`)).toBe(true);
    expect(lines).toHaveLength(2);
  });

  test("limits on records, entries and length", () => {
    const many = Array.from({ length: txtLimits.records + 1 }, (_, i) => `postern=a${i}:me@out.test`);
    expect(parseTxt(many, none).aliases).toHaveLength(txtLimits.records);
    expect(parseTxt(many, none).problems).toHaveLength(1);
    const long = `postern=${"a:b@c.test,".repeat(400)}`;
    expect(parseTxt([long], none)).toMatchObject({ aliases: [], problems: [{ entry: "" }] });
    const crowded = Array.from({ length: 30 }, (_, i) => `postern=a:me${i}@out.test`);
    expect(parseTxt(crowded, none).aliases[0]?.destinations).toHaveLength(25);
    const thirty = (i: number): string => Array.from({ length: 30 }, (_, j) => `a${i}-${j}:b@c.test`).join(",");
    const entries = Array.from({ length: 20 }, (_, i) => `postern=${thirty(i)}`);
    expect(parseTxt(entries, none).problems.at(-1)?.problem).toContain("more than 500 entries");
  });
});

test("a sealed entry counts as what it says", () => {
  const { aliases } = parseTxt(["postern=s1.xyz,b:c@d.test"], (sealed) =>
    sealed === "s1.xyz" ? "a:secret@out.test" : null,
  );
  expect(aliases.map(shown)).toEqual(["exact a > address:secret@out.test", "exact b > address:c@d.test"]);
});

test("no record makes the reader throw or read past its bounds", () => {
  const piece = fc.constantFrom(
    "!",
    "/",
    ",",
    ":",
    "@",
    "a",
    "b.test",
    "$1",
    "\\",
    "s1.",
    "https://",
    "*",
    " ",
    "(",
    ")",
    "[",
    "é",
  );
  const record = fc.array(piece, { maxLength: 40 }).map((parts) => `postern=${parts.join("")}`);
  fc.assert(
    fc.property(fc.array(record, { maxLength: 5 }), (records) => {
      const { aliases } = parseTxt(records, none);
      for (const alias of aliases) expect(alias.destinations.length).toBeLessThanOrEqual(25);
      for (const text of records) expect(splitEntries(text).join("").length).toBeLessThanOrEqual(text.length);
    }),
    { numRuns: 500 },
  );
});
