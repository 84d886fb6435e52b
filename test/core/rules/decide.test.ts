import { describe, expect, test } from "vitest";
import { decide, type Facts } from "../../../src/core/rules/decide.ts";
import { explain } from "../../../src/core/rules/explain.ts";
import { isInNetwork } from "../../../src/core/rules/network.ts";
import type { Alias, Route, Target } from "../../../src/core/rules/route.ts";
import { judge, listable, type SenderRule, senderOf } from "../../../src/core/rules/senders.ts";
import { admit, nobody, type Standings } from "../../../src/core/rules/standing.ts";

const match = { by: "alias", alias: "a", kind: "exact", pattern: "me" } as const;
const box = {
  id: "m",
  address: "box@here.test",
  node: "n",
  epoch: 0,
  publicKey: "",
  keyId: "",
  quotaBytes: 100,
  usedBytes: 90,
};
const mailbox: Target = { kind: "mailbox", destination: "d", mailbox: box };
const found = (...targets: Target[]): Route => ({ kind: "found", match, targets, skips: [] });
const facts: Facts = {
  route: found(mailbox),
  trouble: null,
  provenOnly: false,
  vacation: null,
  sender: { kind: "none" },
  size: 10,
  proof: null,
};

describe("the verdict", () => {
  test("what is wrong with the message comes before the owner's lists, those before room", () => {
    const denied = { kind: "denied", answer: "reject", value: "x" } as const;
    const reasons = [
      decide({ ...facts, size: 11, trouble: "mail-loop", sender: denied }),
      decide({ ...facts, size: 11, sender: denied }),
      decide({ ...facts, size: 11 }),
    ].map((verdict) => (verdict.kind === "refuse" ? verdict.reason : verdict.kind));
    expect(reasons).toEqual(["mail-loop", "denied", "mailbox-full"]);
  });
  test("a silent deny accepts and keeps nothing; an allow changes nothing else", () => {
    expect(decide({ ...facts, sender: { kind: "denied", answer: "drop", value: "x" } })).toMatchObject({
      kind: "drop",
    });
    expect(decide({ ...facts, sender: { kind: "allowed" } })).toMatchObject({
      kind: "accept",
      copies: [{ folder: "INBOX" }],
    });
  });
  test("a rule engine sees the facts and decides about copies alone", () => {
    expect(decide(facts, () => [])).toMatchObject({ kind: "accept", copies: [] });
    expect(decide({ ...facts, trouble: "malformed" }, () => [])).toMatchObject({ kind: "refuse" });
  });
});

describe("lists (F10)", () => {
  const sender = senderOf("Ada@Mail.Shop.TEST", "boss@corp.test", "192.0.2.9");
  const rule = (
    scope: SenderRule["scope"],
    act: SenderRule["act"],
    kind: SenderRule["match"],
    value: string,
  ): SenderRule => ({
    scope,
    act,
    match: kind,
    value,
    answer: "reject",
  });
  test.each<[string, SenderRule[], string]>([
    ["nothing said", [], "none"],
    ["address", [rule("domain", "deny", "address", "ada@mail.shop.test")], "denied"],
    ["domain and what is below it", [rule("domain", "deny", "domain", "shop.test")], "denied"],
    ["not a domain that only ends alike", [rule("domain", "deny", "domain", "op.test")], "none"],
    ["the From address too", [rule("domain", "deny", "domain", "corp.test")], "denied"],
    ["last label", [rule("account", "deny", "tld", "test")], "denied"],
    ["network", [rule("domain", "deny", "cidr", "192.0.2.0/28")], "denied"],
    ["another network", [rule("domain", "deny", "cidr", "192.0.2.16/28")], "none"],
    [
      "allow wins within a scope",
      [rule("domain", "deny", "tld", "test"), rule("domain", "allow", "domain", "shop.test")],
      "allowed",
    ],
    [
      "the nearer scope wins",
      [rule("domain", "allow", "domain", "shop.test"), rule("alias", "deny", "tld", "test")],
      "denied",
    ],
    [
      "the account is last",
      [rule("account", "deny", "tld", "test"), rule("domain", "allow", "tld", "test")],
      "allowed",
    ],
  ])("%s", (_, rules, wanted) => expect(judge(rules, sender).kind).toBe(wanted));
  test("what a directory must look up", () => {
    expect(listable(senderOf("a@b.c.test", "", null))).toEqual(["a@b.c.test", "b.c.test", "c.test", "test"]);
    expect(listable(senderOf("", "not an address", null))).toEqual([]);
  });
  test.each([
    ["192.0.2.1", "192.0.2.1", true],
    ["2001:db8::1", "2001:db8::/32", true],
    ["192.0.2.1", "192.0.2.0/33", false],
    ["192.0.2.1", "::/0", false],
    ["x", "0.0.0.0/0", false],
  ])("%s in %s: %s", (ip, network, wanted) => expect(isInNetwork(ip, network)).toBe(wanted));
});

describe("who may be written to", () => {
  const to = (address: string, wholeDomain = false): Target => ({
    kind: "address",
    destination: "d",
    address,
    route: null,
    wholeDomain,
  });
  const standings = (more: Partial<Standings>): Standings => ({ ...nobody, ...more });
  const verified = new Map([["me@x.test", { cloudflare: false }]]);
  test.each<[string, Target, Standings, string]>([
    ["unknown", to("me@x.test"), nobody, "not-verified"],
    ["verified", to("me@x.test"), standings({ verified }), "found"],
    ["verified, with a tag", to("me+shop@x.test"), standings({ verified }), "found"],
    ["another one there", to("you@x.test"), standings({ verified }), "not-verified"],
    [
      "a whole domain by its postmaster",
      to("any@x.test", true),
      standings({ verified: new Map([["postmaster@x.test", { cloudflare: false }]]) }),
      "found",
    ],
    ["own domain", to("me@x.test"), standings({ ownDomains: new Set(["x.test"]) }), "found"],
    ["an operator's", to("me@x.test"), standings({ trusted: true }), "found"],
    [
      "never again, even an operator's",
      to("me@x.test"),
      standings({ trusted: true, suppressed: new Set(["me@x.test"]) }),
      "suppressed",
    ],
  ])("%s", (_, target, known, wanted) => {
    const route = admit(found(target), known);
    expect(route.kind === "refused" ? route.skips[0]?.why : route.kind).toBe(wanted);
  });
});

test("explaining shows what decides, what would have, and why not", () => {
  const alias = (id: string, kind: Alias["kind"], pattern: string): Alias => ({
    id,
    kind,
    pattern,
    state: "active",
    disabledReply: 550,
    createdAt: 0,
    destinations: [],
  });
  const aliases = [
    alias("c", "catch-all", "*"),
    alias("w", "wildcard", "x*"),
    alias("r", "regex", "(?=a)"),
    alias("a", "exact", "me"),
  ];
  const candidates = {
    aliases,
    nested: new Map(),
    mailboxes: new Map(),
    own: null,
    endpointsOff: new Set<string>(),
    owner: null,
  };
  const shown = explain({ local: "me", domain: "here.test" }, candidates, decide(facts));
  expect(shown.aliases.map(({ alias: id, says }) => `${id} ${says}`)).toEqual([
    "a decides",
    "c outranked",
    "r unusable",
    "w no-match",
  ]);
  expect(shown).toMatchObject({ outcome: "accepted", reply: "250 2.0.0 Accepted", copies: [{ kind: "file" }] });
});
