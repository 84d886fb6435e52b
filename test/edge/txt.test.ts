/** Domains without an account, by their TXT records: what they may, and what keeps them from being an open relay. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { toBase64 } from "../../src/core/bytes.ts";
import { edgePaths, nodePaths } from "../../src/core/contract/handoff.ts";
import { letterText } from "../letter-text.ts";
import { type Edge, letter, openFor, startEdge } from "./world.ts";

const mx = { MX: [{ priority: 10, exchange: "mx.test" }] };
const zones = {
  "allowed.test": {
    TXT: [
      "forward-email=hello:me@else.test,outer:hello@allowed.test,/^team-(.*)$/:$1@else.test,!quiet",
      "postern=broken:",
    ],
    ...mx,
  },
  "other.test": { TXT: ["postern=me@else.test"], ...mx },
  "elsewhere.test": { TXT: ["postern=me@else.test"], MX: [{ priority: 10, exchange: "mx.google.test" }] },
  "trouble.test": { TXT: "SERVFAIL" as const, ...mx },
  "mixed.test": { TXT: ["postern=extra:me@else.test,hello:not@else.test"] },
  "good.test": { TXT: ["v=spf1 ip4:192.0.2.1 -all"] },
};

let edge: Edge;

beforeAll(async () => {
  edge = await startEdge(zones, {
    DNS_ONLY: "allowlist",
    DNS_ONLY_DOMAINS: "allowed.test elsewhere.test trouble.test",
  });
  await edge.addNode();
  const transit = { publicKey: toBase64(edge.node.transit.publicKey), keyId: edge.node.transit.keyId };
  const facts = { node: edge.node.id, time: Date.now(), version: "test", relayWaiting: 0, diskFreeBytes: 1 };
  await edge.ask(edgePaths.heartbeat, { ...facts, transit, mailboxes: [] });
});
afterAll(() => edge.close());

const deliver = async (to: string, mail: Partial<{ from: string; ip: string; raw: string }> = {}): Promise<string> => {
  const from = mail.from ?? "ada@good.test";
  const { outcomes } = await edge.deliver({ from, to: [to], raw: letter(from), ...mail });
  return `${outcomes[0]?.kind} ${outcomes[0]?.enhanced}`;
};
const relayedTo = (address: string) =>
  edge.node.next(({ path, body }) => {
    if (path !== nodePaths.relay) return false;
    return (openFor(edge.node.transit, body).head as { recipient: string }).recipient === address;
  });

test("a destination is asked first, and served once it agreed", async () => {
  expect(await deliver("hello@allowed.test")).toBe("deferred 4.2.1");
  const call = await relayedTo("me@else.test");
  const text = Buffer.from(openFor(edge.node.transit, call.body).raw).toString();
  const link = /http\S+\/verify\/\S+/.exec(letterText(text))?.[0] ?? "";
  await fetch(link, { method: "POST", body: new URLSearchParams({ answer: "yes" }) });
  expect(await deliver("outer@allowed.test")).toBe("accepted 2.0.0"); // by way of another name of the domain
  await expect.poll(() => edge.node.taken.length, { timeout: 20_000 }).toBe(2);
  const before = edge.node.taken.length;
  expect(await deliver("hello@allowed.test")).toBe("accepted 2.0.0");
  expect(await deliver("HELLO+shop@allowed.test")).toBe("accepted 2.0.0");
  await expect.poll(() => edge.node.taken.length, { timeout: 20_000 }).toBe(before + 2);
  const heads = edge.node.taken.slice(before).map(({ body }) => openFor(edge.node.transit, body).head);
  expect(heads).toMatchObject([{ domain: "allowed.test" }, { recipient: "me+shop@else.test" }]);
});

test("each rule is what Forward Email means by it; a broken record harms no other", async () => {
  expect(await deliver("quiet@allowed.test")).toBe("accepted 2.0.0");
  expect(await deliver("nobody@allowed.test")).toBe("refused 5.1.1");
  expect(await deliver("team-ada@allowed.test")).toBe("deferred 4.2.1"); // ada@else.test has not agreed
});

test("only what passes SPF or DKIM is passed on", async () => {
  expect(await deliver("hello@allowed.test", { ip: "198.51.100.1" })).toBe("refused 5.7.26");
});

test("not allowed, not pointing here, or not to be looked up", async () => {
  expect(await deliver("x@other.test")).toBe("refused 5.1.2");
  expect(await deliver("x@elsewhere.test")).toBe("refused 5.1.2");
  expect(await deliver("x@trouble.test")).toBe("deferred 4.4.3");
});

test("records are shown as they would be understood, and sealed, to anybody", async () => {
  const ask = async (fields: Record<string, string>): Promise<string> => {
    const body = new URLSearchParams(fields);
    return (await fetch(new URL("/dns-only", edge.url), { method: "POST", body })).text();
  };
  const records =
    '"forward-email=ann:me@else.test,/^t-(.*)$/:$1@else.test"\npostern=bad:nonsense\nforward-email-port=2525';
  const read = await ask({ domain: "Fresh.test", records, act: "read" });
  expect(read).toContain("1 mistake found");
  expect(read).toContain("ann@fresh.test");
  expect(read).toContain("nonsense");
  const sealed = await ask({ domain: "fresh.test", records, act: "seal" });
  const [value = ""] = /postern=sealed:[\w-]+/.exec(sealed) ?? [];
  expect(await ask({ domain: "fresh.test", records: value, act: "read" })).toContain("$1@else.test");
  const elsewhere = await ask({ domain: "other.test", records: value, act: "read" });
  expect(elsewhere).not.toContain("else.test");
  expect(elsewhere).toContain("does not open for this domain");
  expect(await ask({ domain: "allowed.test", records: "", act: "look" })).toContain("team-");
  expect(await ask({ domain: "no domain", records, act: "read" })).toContain("Write a domain name");
  const api = await fetch(new URL("/api/txt/read", edge.url), {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ domain: "fresh.test", records: ["postern=a:me@else.test", "postern=b:"] }),
  });
  expect(await api.json()).toMatchObject({ records: [{ problems: [] }, { problems: [{ level: "error", at: 2 }] }] });
});

test("two hundred messages a day", async () => {
  await edge.rows("update txt_use set messages = 200");
  expect(await deliver("hello@allowed.test")).toBe("deferred 4.7.1");
});

test("on a domain with an account TXT counts only when switched on, and behind the directory", async () => {
  const account = await edge.addAccount("owner@home.test");
  const domain = await edge.addDomain("mixed.test", account);
  await edge.addAlias(domain, "hello", [["address", "me@else.test"]]);
  const verified = { token: "x", sent_at: 1, verified_at: 1 };
  await edge.insert("verified_address", { account, address: "me@else.test", ...verified });
  expect(await deliver("extra@mixed.test")).toBe("refused 5.1.1");
  await edge.rows("update domain set txt_rules = 1");
  expect(await deliver("extra@mixed.test")).toBe("accepted 2.0.0");
  expect(await deliver("hello@mixed.test")).toBe("accepted 2.0.0"); // the directory's, not not@else.test
  expect(await deliver("nobody@mixed.test")).toBe("refused 5.1.1");
});
