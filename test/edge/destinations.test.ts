/** Who may be written to: verification by a mailed link, "never again", sender lists, limits on guessing. */
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { toBase64, utf8Decode } from "../../src/core/bytes.ts";
import { edgePaths, nodePaths } from "../../src/core/contract/handoff.ts";
import { loopMark } from "../../src/core/contract/trace.ts";
import { letterText } from "../letter-text.ts";
import { type Edge, letter, openFor, startEdge, type TestMailbox } from "./world.ts";

let edge: Edge;
let domain: string;
let account: string;
let box: TestMailbox;

beforeAll(async () => {
  edge = await startEdge({});
  await edge.addNode();
  account = await edge.addAccount("owner@home.test");
  domain = await edge.addDomain("here.test", account);
  box = await edge.addMailbox(domain, "box@here.test");
  await edge.addAlias(domain, "friend", [["address", "friend@else.test"]]);
  await edge.addAlias(domain, "both", [
    ["address", "other@else.test"],
    ["mailbox", box.mailboxId],
  ]);
  const transit = { publicKey: toBase64(edge.node.transit.publicKey), keyId: edge.node.transit.keyId };
  const facts = { node: edge.node.id, time: Date.now(), version: "test", relayWaiting: 0, diskFreeBytes: 1 };
  await edge.ask(edgePaths.heartbeat, { ...facts, transit, mailboxes: [] });
  await vi.waitUntil(async () => (await edge.rows("select value from setting")).length > 0, { timeout: 20_000 });
});
afterAll(() => edge.close());

const deliver = (to: string, raw = letter("ada@plain.test"), from = "ada@plain.test") =>
  edge.deliver({ from, to: [to], raw });
/** What the node was given to send to an address. */
async function relayedTo(address: string): Promise<string[]> {
  const jobs = edge.node.taken.filter(({ path }) => path === nodePaths.relay);
  return jobs.flatMap(({ body }) => {
    const { head, raw } = openFor(edge.node.transit, body);
    return (head as { recipient: string }).recipient === address ? [utf8Decode(raw)] : [];
  });
}
async function linkFor(address: string): Promise<string> {
  await expect.poll(() => relayedTo(address), { timeout: 20_000 }).not.toEqual([]);
  const mail = (await relayedTo(address)).at(-1) ?? "";
  return /http\S+\/verify\/\S+/.exec(letterText(mail))?.[0] ?? "";
}
const answer = (link: string, said: string): Promise<Response> =>
  fetch(link, { method: "POST", body: new URLSearchParams({ answer: said }) });

test("an address gets nothing but one mailed link until its owner agrees", async () => {
  expect((await deliver("friend@here.test")).outcomes[0]).toMatchObject({ kind: "deferred", enhanced: "4.2.1" });
  const link = await linkFor("friend@else.test");
  expect((await deliver("friend@here.test")).outcomes[0]?.kind).toBe("deferred");
  const page = await (await fetch(link)).text();
  expect(page).toContain("friend@else.test");
  expect((await deliver("friend@here.test")).outcomes[0]?.kind).toBe("deferred"); // opening the link is not agreeing
  expect((await answer(link, "yes")).status).toBe(200);
  expect((await deliver("friend@here.test", letter("ada@plain.test", "at last"))).outcomes[0]?.kind).toBe("accepted");
  await expect.poll(() => relayedTo("friend@else.test"), { timeout: 20_000 }).toHaveLength(2);
  expect((await relayedTo("friend@else.test")).filter((mail) => mail.includes("/verify/"))).toHaveLength(1);
});

test("never again holds for everybody", async () => {
  const { outcomes } = await deliver("both@here.test"); // the mailbox takes it meanwhile
  expect(outcomes[0]?.kind).toBe("accepted");
  await answer(await linkFor("other@else.test"), "never");
  const sent = (await relayedTo("other@else.test")).length;
  const stranger = await edge.addAccount("stranger@home.test", true);
  const other = await edge.addDomain("there.test", stranger);
  await edge.addAlias(other, "x", [["address", "other@else.test"]]);
  expect((await deliver("x@there.test")).outcomes[0]?.kind).toBe("deferred");
  expect(await relayedTo("other@else.test")).toHaveLength(sent);
  const skips = await edge.rows("select detail from journal_step where kind = 'skip' and target = 'other@else.test'");
  expect(JSON.stringify(skips.at(-1))).toContain("never to be written to");
});

test("consent and its refusal are of the address, whatever its tag", async () => {
  await edge.addAlias(domain, "tagged", [["address", "ann+inbox@else.test"]]);
  expect((await deliver("tagged@here.test")).outcomes[0]?.kind).toBe("deferred");
  await answer(await linkFor("ann@else.test"), "yes");
  expect((await deliver("tagged@here.test")).outcomes[0]?.kind).toBe("accepted");
  await expect.poll(() => relayedTo("ann+inbox@else.test"), { timeout: 20_000 }).toHaveLength(1);
});

test("never again holds behind a whole domain and behind $1 too", async () => {
  await edge.insert("suppression", { address: "tired@whole.test", reason: "its owner asked", created_at: 0 });
  const people = { account, token: "", sent_at: 0, verified_at: 1 };
  await edge.insert("verified_address", { ...people, address: "postmaster@whole.test" });
  await edge.insert("verified_address", { ...people, address: "tired@whole.test" });
  await edge.addAlias(domain, "tired", [["domain", "whole.test"]]);
  await edge.addAlias(domain, "fresh", [["domain", "whole.test"]]);
  await edge.addAlias(domain, "^to-(.*)$", [["address", "$1@whole.test"]], { kind: "regex" });
  expect((await deliver("tired@here.test")).outcomes[0]?.kind).toBe("deferred");
  expect((await deliver("to-tired@here.test")).outcomes[0]?.kind).toBe("deferred");
  expect((await deliver("fresh+tag@here.test")).outcomes[0]?.kind).toBe("accepted");
});

test("postmaster reaches the owner when the alias for it leads nowhere", async () => {
  await edge.addAlias(domain, "postmaster", [["address", "nobody-agreed@else.test"]]);
  expect((await deliver("Postmaster@here.test")).outcomes[0]?.kind).toBe("accepted");
  await expect.poll(() => relayedTo("owner@home.test"), { timeout: 20_000 }).toHaveLength(1);
});

test("own domains need no link, made-up links answer 404", async () => {
  await edge.addDomain("mine.test", account);
  await edge.addAlias(domain, "own", [["domain", "mine.test"]]);
  expect((await deliver("own@here.test")).outcomes[0]?.kind).toBe("accepted");
  const made = new URL(`/verify/${"A".repeat(32)}`, edge.url);
  expect((await fetch(made)).status).toBe(404);
  expect((await answer(made.href, "yes")).status).toBe(404);
});

test("allow and deny: the nearest scope decides, allow before deny", async () => {
  const alias = await edge.addAlias(domain, "listed", [["mailbox", box.mailboxId]]);
  const rule = (scope: string, act: string, match: string, value: string, answer = "reject") =>
    edge.insert("sender_rule", { id: edge.newId(), scope, act, match, value, answer, created_at: 0 });
  await rule(domain, "deny", "domain", "bad.test");
  await rule(alias, "allow", "address", "good@bad.test");
  await rule(account, "deny", "tld", "spam");
  await rule(domain, "deny", "cidr", "203.0.113.0/24", "drop");
  const kinds: string[] = [];
  for (const from of ["x@bad.test", "x@sub.bad.test", "good@bad.test", "x@any.spam", "x@fine.test"])
    kinds.push((await deliver("listed@here.test", letter(from), from)).outcomes[0]?.kind ?? "");
  expect(kinds).toEqual(["refused", "refused", "accepted", "refused", "accepted"]);
  expect((await deliver("box@here.test", letter("good@bad.test"), "good@bad.test")).outcomes[0]?.kind).toBe("refused");
  const before = edge.node.taken.length;
  const mail = {
    from: "x@fine.test",
    to: ["listed@here.test"],
    raw: letter("x@fine.test", "dropped"),
    ip: "203.0.113.9",
  };
  expect((await edge.deliver(mail)).outcomes[0]?.kind).toBe("accepted");
  const [row] = await edge.rows("select outcome, reason from journal order by id desc limit 1");
  expect(row).toEqual({ outcome: "accepted", reason: "denied" });
  const stored = (await edge.env.SPOOL.list()).objects.length + edge.node.taken.length - before;
  expect(stored).toBeLessThanOrEqual(2); // at most what the accepted ones before had still to go
});

test("a message that went round is refused by our own mark", async () => {
  const raw = loopMark("box@here.test") + letter("ada@plain.test", "round");
  expect((await deliver("box@here.test", raw)).outcomes[0]).toMatchObject({ kind: "refused", code: 554 });
  const other = loopMark("other@here.test") + letter("ada@plain.test", "not round");
  expect((await deliver("box@here.test", other)).outcomes[0]?.kind).toBe("accepted");
});

test("guessing at addresses ends in 'later'", async () => {
  const ask = async (recipient: string): Promise<string> => {
    const response = await edge.ask(edgePaths.rcpt, { recipient, sender: "a@plain.test", ip: "192.0.2.77" });
    return ((await response.json()) as { kind: string }).kind;
  };
  const kinds: string[] = [];
  for (let i = 0; i < 62; i++) kinds.push(await ask(`guess${i}@here.test`));
  expect(kinds[0]).toBe("refuse");
  expect(kinds.at(-1)).toBe("defer");
  expect(await ask("box@here.test")).toBe("ok");
});
