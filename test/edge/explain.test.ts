/** What explain says of a pasted message is what happens to it; and the lists of senders at each level, set by API. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { nodePaths } from "../../src/core/contract/handoff.ts";
import { loopMark } from "../../src/core/contract/trace.ts";
import { limits } from "../../src/core/limits.ts";
import { ApiClient, passwords } from "./api-client.ts";
import { type Edge, letter, openFor, startEdge, type TestMailbox } from "./world.ts";

const zones = {
  "good.test": { TXT: ["v=spf1 ip4:192.0.2.1 -all"] },
  "_dmarc.good.test": { TXT: ["v=DMARC1; p=reject"] },
  "junky.test": { TXT: ["v=spf1 -all"] },
  "_dmarc.junky.test": { TXT: ["v=DMARC1; p=quarantine"] },
  "broken.test": { TXT: "SERVFAIL" as const },
  "_dmarc.broken.test": { TXT: "SERVFAIL" as const },
  "here.test": { TXT: ["forward-email=both:one@else.test,/^bo/:two@else.test,!/^quiet/,quietly:me@else.test"] },
};
let edge: Edge;
let owner: ApiClient;
let domain: string;
let box: TestMailbox;
const aliases = new Map<string, string>();

beforeAll(async () => {
  edge = await startEdge(zones);
  await edge.addNode();
  owner = new ApiClient(edge.url);
  const account = { email: "owner@home.test", password: passwords.owner, token: "a-setup-token-for-tests" };
  const made = await owner.post("/setup", account);
  domain = await edge.addDomain("here.test", String(made.body["id"]));
  await edge.rows("update domain set txt_rules = 1 where id = ?", domain);
  box = await edge.addMailbox(domain, "box@here.test");
  const to: [string, string][] = [["address", "friend@else.test"]];
  for (const [pattern, more] of [
    ["hello", {}],
    ["off250", { state: "disabled", disabled_reply: 250 }],
    ["off421", { state: "disabled", disabled_reply: 421 }],
    ["off550", { state: "disabled", disabled_reply: 550 }],
    ["sales-*", { kind: "wildcard" }],
    ["^team-(.*)$", { kind: "regex" }],
  ] as const)
    aliases.set(pattern, await edge.addAlias(domain, pattern, to, more));
});
afterAll(() => edge.close());

type Said = { outcome: string; reply: string; copies: { kind: string; target: string; says: string }[] };

async function explained(local: string, from: string, ip: string, raw: string | null): Promise<Said> {
  const question = { local, mailFrom: from, ip, helo: "mx.sender.test", raw };
  return (await owner.post(`/domains/${domain}/explain`, question)).body as unknown as Said;
}

/** Where the message went, as explain names it. */
function went(subject: string): string[] {
  const ours = edge.node.taken.flatMap(({ path, body }) => {
    const relayed = path === nodePaths.relay;
    const { head, raw } = openFor(relayed ? edge.node.transit : box, body);
    if (!Buffer.from(raw).toString().includes(`Subject: ${subject}\r\n`)) return [];
    const facts = head as { recipient: string; folder: string };
    return [relayed ? `forward ${facts.recipient}` : `file ${box.address} ${facts.folder}`];
  });
  return ours.sort();
}

const cases: [name: string, local: string, mail: { from?: string; ip?: string; head?: string }][] = [
  ["a mailbox's own address", "box", {}],
  ["with a tag", "hello+shop", {}],
  ["a wildcard", "sales-eu", {}],
  ["a regular expression", "team-a", {}],
  ["nobody", "nobody", {}],
  ["switched off, silently", "off250", {}],
  ["switched off for now", "off421", {}],
  ["switched off", "off550", {}],
  ["postmaster", "postmaster", {}],
  ["a spoof", "hello", { ip: "198.51.100.9" }],
  ["quarantine", "box", { from: "a@junky.test", ip: "198.51.100.9" }],
  ["DNS trouble", "hello", { from: "a@broken.test" }],
  ["a message that went round", "hello", { head: loopMark("hello@here.test") }],
  ["one forwarded too often", "hello", { head: [1, 2, 3].map((n) => loopMark(`a${n}@x.test`)).join("") }],
  ["too many hops", "hello", { head: "Received: from a by b; now\r\n".repeat(limits.received + 1) }],
  ["Forward Email's records add up", "both", {}],
  ["and one that is off silences the rest", "quietly", {}],
];

test.each(cases)("%s", async (name, local, { from = "ada@good.test", ip = "192.0.2.1", head = "" }) => {
  const raw = head + letter(from, name);
  const said = await explained(local, from, ip, raw);
  const { outcomes } = await edge.deliver({ from, to: [`${local}@here.test`], raw, ip });
  const [{ kind, code, enhanced, text } = { kind: "", code: 0, enhanced: "", text: "" }] = outcomes;
  expect(said.outcome === "dropped" ? "accepted" : said.outcome).toBe(kind);
  expect(said.reply).toContain(`${code} ${enhanced} ${kind === "accepted" ? "" : text}`);
  await expect.poll(async () => (await edge.env.SPOOL.list()).objects.length, { timeout: 30_000 }).toBe(0);
  const copies = said.copies.map((one) =>
    one.kind === "file" ? `file ${one.target} ${/filed in (\w+)/.exec(one.says)?.[1]}` : `${one.kind} ${one.target}`,
  );
  expect(went(name)).toEqual(copies.sort());
});

test("lists of the account, the domain and an alias, set by API: the nearest decides", async () => {
  const put = async (path: string, act: string, value: string, answer = "reject") => {
    const { status, body } = await owner.post(path, { act, value, answer });
    expect(status).toBe(201);
    return `${path}/${String(body["id"])}`;
  };
  const outcome = async (from: string, local = "hello", ip = "192.0.2.1"): Promise<string> => {
    const raw = letter(from, `listed ${from} ${local} ${ip}`);
    const said = await explained(local, from, ip, null);
    const { outcomes } = await edge.deliver({ from, to: [`${local}@here.test`], raw, ip });
    expect(said.outcome === "dropped" ? "accepted" : said.outcome).toBe(outcomes[0]?.kind);
    return said.outcome;
  };
  const [mine, here] = ["/account/senders", `/domains/${domain}/senders`];
  const alias = `/domains/${domain}/aliases/${aliases.get("hello")}/senders`;
  await put(mine, "deny", ".zip");
  await put(mine, "deny", "198.51.100.0/24", "drop");
  await put(mine, "deny", "2001:db8::/32");
  await put(here, "allow", "fine.zip");
  const ofAlias = await put(alias, "deny", "pest@fine.zip");
  expect(await outcome("a@bad.zip")).toBe("refused");
  expect(await outcome("a@sub.fine.zip")).toBe("accepted");
  expect(await outcome("pest@fine.zip")).toBe("refused");
  expect(await outcome("pest@fine.zip", "sales-x")).toBe("accepted");
  expect(await outcome("a@plain.test", "hello", "198.51.100.77")).toBe("dropped");
  expect(await outcome("a@plain.test", "hello", "2001:db8:1::5")).toBe("refused");
  expect((await owner.delete(ofAlias)).status).toBe(204);
  expect(await outcome("pest@fine.zip")).toBe("accepted");
  expect((await owner.get(mine)).body["items"]).toHaveLength(3);
  await put(alias, "deny", "gone.test");
  await owner.delete(`/domains/${domain}/aliases/${aliases.get("hello")}`);
  expect(await edge.rows("select id from sender_rule where value = 'gone.test'")).toEqual([]);
});
