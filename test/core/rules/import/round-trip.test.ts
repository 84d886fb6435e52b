import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { AliasDefinition, DestinationDefinition } from "../../../../src/core/rules/import/definition.ts";
import { definitionKey, destinationKey } from "../../../../src/core/rules/import/definition.ts";
import { diff, isEmpty, isReady } from "../../../../src/core/rules/import/diff.ts";
import { importAliases } from "../../../../src/core/rules/import/import.ts";
import { aliasesToCsv, aliasesToJson } from "../../../../src/core/rules/import/own.ts";
import { recordLimits } from "../../../../src/core/rules/records/limits.ts";
import { readRecords } from "../../../../src/core/rules/records/read.ts";
import { writeRecords } from "../../../../src/core/rules/records/write.ts";

const domain = "example.com";
const local = fc.stringMatching(/^[a-z0-9!#$%&'+/=?^_`{|}~-]{1,12}$/);
const host = fc.constantFrom("x.com", "mail.y.net", "xn--bcher-kva.de");
const route = fc.option(fc.record({ host, port: fc.constantFrom(25, 465, 587, 2525) }), { freq: 4 });
const destination: fc.Arbitrary<DestinationDefinition> = fc.oneof(
  fc.record({ kind: fc.constant("address" as const), target: fc.tuple(local, host).map((p) => p.join("@")), route }),
  fc.record({ kind: fc.constant("domain" as const), target: host, route }),
  fc.record({
    kind: fc.constant("mailbox" as const),
    target: fc.stringMatching(/^[0-9A-Z]{1,26}$/),
    route: fc.constant(null),
  }),
  fc.record({
    kind: fc.constant("webhook" as const),
    target: fc.webUrl({ validSchemes: ["https"] }).map(normal),
    route: fc.constant(null),
  }),
);
function normal(url: string): string {
  return new URL(`https://hooks.site.com/${new URL(url).pathname}${new URL(url).search}`).href;
}
const pattern = fc.oneof(
  fc.record({ kind: fc.constant("exact" as const), pattern: local }),
  fc.record({ kind: fc.constant("wildcard" as const), pattern: local.map((text) => `${text}*`) }),
  fc.record({
    kind: fc.constant("regex" as const),
    pattern: fc.constantFrom("^a(.*)$", "^[,:/|]$", "a/b", "^(x|y){1,3}$", "\\\\/", "=1+1"),
  }),
  fc.constant({ kind: "catch-all" as const, pattern: "*" }),
);
const word = fc
  .string({ unit: "grapheme", minLength: 1, maxLength: 10 })
  .filter((text) => text.trim() === text && text !== "");
const definition: fc.Arbitrary<AliasDefinition> = fc
  .record({
    pattern,
    state: fc.constantFrom("active" as const, "disabled" as const),
    disabledReply: fc.constantFrom(250 as const, 421 as const, 550 as const),
    destinations: fc.uniqueArray(destination, { minLength: 1, maxLength: 10, selector: destinationKey }),
    note: fc.oneof(word, fc.constant("")),
    labels: fc.uniqueArray(word, { maxLength: 3 }),
  })
  .map(({ pattern: { kind, pattern }, ...rest }) => ({ kind, pattern, ...rest }));
const list = fc.uniqueArray(definition, { maxLength: 8, selector: definitionKey });

describe("what we write we read", () => {
  it.each([
    ["CSV", (aliases: AliasDefinition[]) => aliasesToCsv(aliases)],
    ["JSON", (aliases: AliasDefinition[]) => aliasesToJson(aliases, domain)],
  ])("as %s, without loss", (_, write) => {
    fc.assert(
      fc.property(list, (aliases) => {
        const read = importAliases("postern", write(aliases), { domain });
        expect(read.problems).toEqual([]);
        expect(read.aliases).toEqual(aliases);
      }),
      { numRuns: 500 },
    );
  });

  it("as records, as far as they can say it, and hands back the rest", () => {
    fc.assert(
      fc.property(list, (aliases) => {
        const { records, left } = writeRecords(aliases);
        const read = readRecords(records, { domain });
        expect(read.problems).toEqual([]);
        const said = aliases.filter((alias) => !left.includes(alias));
        expect(isEmpty(diff(said, read.aliases, "replace"))).toBe(true);
        expect(read.aliases.length).toBe(said.length);
        for (const record of records) expect(record.length).toBeLessThan(recordLimits.length);
      }),
      { numRuns: 500 },
    );
  });
});

describe("diff", () => {
  const alias = (name: string, more: Partial<AliasDefinition> = {}): AliasDefinition => ({
    kind: "exact",
    pattern: name,
    state: "active",
    disabledReply: 550,
    destinations: [{ kind: "address", target: "me@x.com", route: null }],
    note: null,
    labels: null,
    ...more,
  });
  const current = [
    { id: "1", ...alias("same", { note: "kept", labels: ["b", "a"] }) },
    { id: "2", ...alias("moved", { note: "mine", labels: ["l"] }) },
    { id: "3", ...alias("gone", { note: "", labels: [] }) },
  ];
  const to = (target: string): DestinationDefinition => ({ kind: "address", target, route: null });

  it("names what is new, changed, the same and gone; rows come back with their ids", () => {
    const wanted = [
      alias("same"),
      alias("moved", { destinations: [to("you@x.com")], state: "disabled" }),
      alias("new"),
    ];
    const plan = diff(current, wanted, "replace");
    expect(plan.create).toEqual([alias("new", { note: "", labels: [] })]);
    expect(plan.change.map(({ from, fields }) => [from.id, fields])).toEqual([["2", ["state", "destinations"]]]);
    expect(plan.change[0]?.to).toMatchObject({ note: "mine", labels: ["l"], destinations: [to("you@x.com")] });
    expect(plan.unchanged.map((one) => one.id)).toEqual(["1"]);
    expect(plan.remove.map((one) => one.id)).toEqual(["3"]);
    const added = diff(current, wanted, "add");
    expect(added.remove).toEqual([]);
    expect(added.unchanged.map((one) => one.id)).toEqual(["1", "3"]);
  });

  it("sees no change in the order of destinations and labels, nor in an active alias's would-be answer", () => {
    const both = [to("a@x.com"), to("b@x.com")];
    const from = alias("x", { destinations: both, labels: ["a", "b"] });
    const same = alias("x", { destinations: both.toReversed(), labels: ["b", "a"], disabledReply: 250 });
    expect(isEmpty(diff([from], [same], "replace"))).toBe(true);
    const off = alias("x", { destinations: both, state: "disabled", disabledReply: 250 });
    expect(diff([from], [off], "replace").change[0]?.fields).toEqual(["state", "reply"]);
    expect(diff([from], [alias("x", { destinations: both, note: "n" })], "add").change[0]?.fields).toEqual(["note"]);
  });

  it("is ready only without errors", () => {
    expect(isReady(importAliases("postern", "alias,destinations\na,me@x.com", { domain }).problems)).toBe(true);
    expect(isReady(importAliases("postern", "alias,destinations\na,me", { domain }).problems)).toBe(false);
  });

  it("turns one list into the other", () => {
    fc.assert(
      fc.property(list, list, (from, wanted) => {
        const plan = diff(from, wanted, "replace");
        const after = [...plan.unchanged, ...plan.create, ...plan.change.map((one) => one.to)];
        expect(isEmpty(diff(after, wanted, "replace"))).toBe(true);
        expect(after.length).toBe(wanted.length);
      }),
    );
  });
});
