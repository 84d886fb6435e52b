/** The inbound pipeline through both entrances, on real D1, R2 and Queue, into a peer that opens what it was handed. */
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from "vitest";
import { utf8 } from "../../src/core/bytes.ts";
import { edgePaths, nodePaths, relayJobSchema } from "../../src/core/contract/handoff.ts";
import { limits } from "../../src/core/limits.ts";
import { innerEnvelopeSchema } from "../../src/core/seal/envelope.ts";
import { authservId, type Edge, letter, openFor, startEdge, type TestMailbox } from "./world.ts";

const zones = {
  "good.test": { TXT: ["v=spf1 ip4:192.0.2.1 -all"], MX: [{ priority: 1, exchange: "mx.good.test" }] },
  "_dmarc.good.test": { TXT: ["v=DMARC1; p=reject"] },
  "junky.test": { TXT: ["v=spf1 -all"] },
  "_dmarc.junky.test": { TXT: ["v=DMARC1; p=quarantine"] },
  "broken.test": { TXT: "SERVFAIL" as const },
  "_dmarc.broken.test": { TXT: "SERVFAIL" as const },
  "mx.sender.test": { A: ["192.0.2.1"] },
};

let edge: Edge;
let domain: string;
let box: TestMailbox;

beforeAll(async () => {
  edge = await startEdge(zones);
  await edge.addNode();
  const account = await edge.addAccount("owner@home.test", true);
  domain = await edge.addDomain("here.test", account);
  box = await edge.addMailbox(domain, "box@here.test");
  await edge.addAlias(domain, "hello", [["mailbox", box.mailboxId]]);
  await edge.addAlias(domain, "friend", [["address", "friend@else.test"]]);
  await edge.addAlias(domain, "both", [
    ["mailbox", box.mailboxId],
    ["address", "friend@else.test"],
  ]);
  await edge.addAlias(domain, "off", [["mailbox", box.mailboxId]], { state: "disabled", disabled_reply: 550 });
});
afterAll(() => edge.close());
afterEach(() => {
  edge.node.answer = () => 200;
});

type Outcome = { outcome: string; reason: string; reply: string; proof: string | null; domain: string };
const journal = (recipient: string): Promise<Outcome[]> =>
  edge.rows(
    "select outcome, reason, reply, proof, domain from journal where recipient = ? order by id desc",
    recipient,
  );
const spooled = async (): Promise<string[]> => (await edge.env.SPOOL.list()).objects.map((object) => object.key);

describe("at the door", () => {
  test("a message for a mailbox is sealed, handed over, and opens byte for byte", async () => {
    const raw = letter("ada@good.test");
    const answer = await edge.deliver({ from: "ada@good.test", to: ["hello@here.test"], raw });
    expect(answer.outcomes).toMatchObject([{ recipient: "hello@here.test", kind: "accepted", code: 250 }]);
    expect(answer.pathProven).toBe(true);
    const call = await edge.node.next(({ manifest }) => manifest.mailbox === box.mailboxId);
    expect(call.path).toBe(nodePaths.message);
    expect(Buffer.from(call.body).includes("Marker text")).toBe(false);
    const { head, raw: opened } = openFor(box, call.body);
    expect(Buffer.from(opened).toString()).toBe(raw);
    const inner = innerEnvelopeSchema.parse(head);
    expect(inner).toMatchObject({ mailFrom: "ada@good.test", recipient: "hello@here.test", folder: "INBOX" });
    expect(inner.trace).toContain("Return-Path: <ada@good.test>\r\nDelivered-To: hello@here.test\r\n");
    expect(inner.trace).toContain("Received: from mx.sender.test ([192.0.2.1])");
    expect(inner.trace).toMatch(new RegExp(`Authentication-Results: ${authservId};[\\s\\S]*spf=pass`));
    expect(inner.trace.endsWith("\r\n")).toBe(true);
    await expect.poll(spooled, { timeout: 20_000 }).toEqual([]);
    const [row] = await journal("hello@here.test");
    expect(row).toMatchObject({ outcome: "accepted", reason: "ok", domain });
    expect(JSON.parse(row?.proof ?? "{}")).toMatchObject({ spf: { result: "pass" }, dmarc: { result: "pass" } });
  });

  test("the same message again is accepted again and handed over once", async () => {
    const raw = letter("ada@good.test", "twice");
    const mail = { from: "ada@good.test", to: ["hello@here.test"], raw };
    await edge.deliver(mail);
    const { manifest } = await edge.node.next(({ body }) => contains(body, "Subject: twice"));
    expect((await edge.deliver(mail)).outcomes[0]?.kind).toBe("accepted");
    await expect.poll(spooled, { timeout: 20_000 }).toEqual([]);
    expect(edge.node.taken.filter((call) => call.manifest.id === manifest.id)).toHaveLength(1);
  });

  test("forwarding becomes a relay job sealed to the node's transit key", async () => {
    const raw = letter("ada@good.test", "relay me");
    await edge.deliver({ from: "ada@good.test", to: ["friend@here.test"], raw });
    const call = await edge.node.next(({ path }) => path === nodePaths.relay);
    const { head, raw: opened } = openFor(edge.node.transit, call.body);
    expect(relayJobSchema.parse(head)).toMatchObject({
      mailFrom: "ada@good.test",
      domain: "here.test",
      forwardedFor: "friend@here.test",
      recipient: "friend@else.test",
      route: null,
      dmarcPassed: true,
      pathProven: true,
    });
    expect(Buffer.from(opened).toString()).toBe(raw);
  });

  test("a spoof of a p=reject domain is refused with a clear text, and journalled", async () => {
    const raw = letter("ceo@good.test", "spoof");
    const answer = await edge.deliver({ from: "x@evil.test", to: ["hello@here.test"], raw, ip: "198.51.100.9" });
    expect(answer.outcomes).toMatchObject([{ kind: "refused", code: 550, enhanced: "5.7.1" }]);
    expect(answer.outcomes[0]?.text).toContain("good.test");
    expect((await journal("hello@here.test"))[0]).toMatchObject({ outcome: "refused", reason: "dmarc-policy" });
  });

  test("p=quarantine goes to Junk", async () => {
    await edge.deliver({
      from: "a@junky.test",
      to: ["hello@here.test"],
      raw: letter("a@junky.test", "junk"),
      ip: "198.51.100.9",
    });
    const call = await edge.node.next(
      ({ body, path }) => path === nodePaths.message && contains(body, "Subject: junk"),
    );
    expect(innerEnvelopeSchema.parse(openFor(box, call.body).head).folder).toBe("Junk");
  });

  test("DNS trouble is a deferral, never a pass or a refusal", async () => {
    const answer = await edge.deliver({ from: "a@broken.test", to: ["hello@here.test"], raw: letter("a@broken.test") });
    expect(answer.outcomes).toMatchObject([{ kind: "deferred", code: 451 }]);
    expect((await journal("hello@here.test"))[0]).toMatchObject({ outcome: "deferred", reason: "dns-trouble" });
  });

  test("each recipient has an outcome of its own", async () => {
    const to = ["nobody@here.test", "hello@here.test", "off@here.test", "a@elsewhere.test", "no address"];
    const answer = await edge.deliver({ from: "ada@good.test", to, raw: letter("ada@good.test", "many") });
    expect(answer.outcomes.map(({ kind, enhanced }) => `${kind} ${enhanced}`)).toEqual([
      "refused 5.1.1",
      "accepted 2.0.0",
      "refused 5.2.1",
      "refused 5.1.2",
      "refused 5.1.2",
    ]);
  });

  test("results that claim to be ours are taken out, the rest stays", async () => {
    const raw = `Authentication-Results: ${authservId}; dmarc=pass\r\nX-Kept: yes\r\n${letter("ada@good.test", "forged")}`;
    await edge.deliver({ from: "ada@good.test", to: ["hello@here.test"], raw });
    const call = await edge.node.next(
      ({ body, path }) => path === nodePaths.message && contains(body, "Subject: forged"),
    );
    const opened = Buffer.from(openFor(box, call.body).raw).toString();
    expect(opened.startsWith("X-Kept: yes\r\n")).toBe(true);
  });

  test("going in circles is refused", async () => {
    const hops = "Received: from a by b; Tue, 24 Nov 2026 05:00:00 +0000\r\n".repeat(limits.received + 1);
    const answer = await edge.deliver({
      from: "ada@good.test",
      to: ["hello@here.test"],
      raw: hops + letter("ada@good.test"),
    });
    expect(answer.outcomes).toMatchObject([{ kind: "refused", code: 554, enhanced: "5.4.6" }]);
  });

  test("postmaster reaches the owner", async () => {
    await edge.deliver({
      from: "ada@good.test",
      to: ["Postmaster@here.test"],
      raw: letter("ada@good.test", "to the owner"),
    });
    const call = await edge.node.next(
      ({ body, path }) => path === nodePaths.relay && contains(body, "Subject: to the owner"),
    );
    expect(openFor(edge.node.transit, call.body).head).toMatchObject({ recipient: "owner@home.test" });
  });
});

/** Opens with whichever key fits: tests look for their own message. */
function contains(body: Uint8Array, text: string): boolean {
  for (const key of [box, edge.node.transit]) {
    try {
      return Buffer.from(openFor(key, body).raw).includes(text);
    } catch {
      // sealed to another key
    }
  }
  return false;
}

describe("what a node may say", () => {
  test("RCPT: known, unknown, switched off, elsewhere", async () => {
    const ask = async (recipient: string): Promise<unknown> => {
      const response = await edge.ask(edgePaths.rcpt, { recipient, sender: "ada@good.test", ip: "192.0.2.1" });
      return response.json();
    };
    expect(await ask("hello@here.test")).toEqual({ kind: "ok" });
    expect(await ask("PostMaster")).toEqual({ kind: "ok" }); // RFC 5321 §4.5.1: without a domain, the operator's
    expect(await ask("abuse")).toMatchObject({ kind: "refuse" });
    expect(await ask("box+tag@here.test")).toEqual({ kind: "ok" });
    expect(await ask("nobody@here.test")).toMatchObject({ kind: "refuse", code: 550, enhanced: "5.1.1" });
    expect(await ask("off@here.test")).toMatchObject({ kind: "refuse", code: 550, enhanced: "5.2.1" });
    expect(await ask("a@elsewhere.test")).toMatchObject({ kind: "refuse", code: 550, enhanced: "5.1.2" });
  });

  test("whoever is turned away before DATA is seen in the domain's activity, and only there", async () => {
    const seen = () =>
      edge.rows<{ outcome: string; reason: string; ip: string; size: number }>(
        "select outcome, reason, ip, size from journal where mail_from = 'early@good.test'",
      );
    for (const recipient of ["hello@here.test", "a@elsewhere.test", "nobody@here.test"])
      await edge.ask(edgePaths.rcpt, { recipient, sender: "early@good.test", ip: "192.0.2.44" });
    await vi.waitFor(async () => expect(await seen()).not.toEqual([]), { timeout: 10_000 });
    expect(await seen()).toEqual([{ outcome: "refused", reason: "no-such-address", ip: "192.0.2.44", size: 0 }]);
  });

  test("mail that a node brings from its own queue is judged as it was when it first came in", async () => {
    const spoof = { from: "x@evil.test", to: ["hello@here.test"], ip: "" };
    const refused = await edge.deliver({ ...spoof, raw: letter("ceo@good.test", "from the queue") });
    expect(refused.outcomes).toMatchObject([{ kind: "refused", enhanced: "5.7.1" }]);
    const vouched = await edge.deliver({ ...spoof, raw: letter("ceo@good.test", "from the queue too"), vouched: true });
    expect(vouched.outcomes).toMatchObject([{ kind: "accepted" }]);
    expect(vouched.pathProven).toBe(false);
  });

  test("a node is believed only for domains assigned to it", async () => {
    const [account] = await edge.rows<{ id: string }>("select id from account");
    const other = await edge.addDomain("other.test", account?.id ?? "", null);
    await edge.addAlias(other, "hello", [["mailbox", box.mailboxId]]);
    const answer = await edge.deliver({
      from: "ada@good.test",
      to: ["hello@other.test"],
      raw: letter("ada@good.test"),
    });
    expect(answer.outcomes).toMatchObject([{ kind: "refused", enhanced: "5.1.2" }]);
  });

  test("calls that are unsigned, stale, wrongly signed or altered are refused before anything is done", async () => {
    const body = utf8(JSON.stringify({ recipient: "hello@here.test", sender: "", ip: "" }));
    const stale = await edge.call(edgePaths.rcpt, body, edge.node.seed, Date.now() - 301_000);
    const forged = await edge.call(edgePaths.rcpt, body, new Uint8Array(32));
    const bare = await fetch(new URL(edgePaths.rcpt, edge.url), { method: "POST", body });
    expect([stale.status, forged.status, bare.status]).toEqual([401, 401, 401]);
    const junk = await edge.call(edgePaths.rcpt, utf8("{"));
    expect(junk.status).toBe(400);
  });
});

describe("at Cloudflare's entrance", () => {
  const block = [
    "Received: from mx.sender.test (192.0.2.1) by cloudflare-email.net with ESMTPS id abc; Tue, 24 Nov 2026 05:00:00 +0000",
    "Received-SPF: pass (mx.cloudflare.net: domain of ada@good.test designates 192.0.2.1 as permitted sender)",
    '\treceiver=mx.cloudflare.net; client-ip=192.0.2.1; envelope-from="ada@good.test"; helo=mx.sender.test;',
    "Authentication-Results: mx.cloudflare.net; spf=pass smtp.mailfrom=ada@good.test",
    "",
  ].join("\r\n");

  test("the same pipeline, with the client's facts from Cloudflare's own block", async () => {
    const raw = block + letter("ada@good.test", "by cloudflare");
    const result = await edge.worker.email({ from: "ada@good.test", to: "hello@here.test", raw });
    expect(result).toMatchObject({ outcome: "ok" });
    const call = await edge.node.next(
      ({ body, path }) => path === nodePaths.message && contains(body, "Subject: by cloudflare"),
    );
    expect(innerEnvelopeSchema.parse(openFor(box, call.body).head).trace).toContain("spf=pass");
    const [row] = await edge.rows<{ ip: string; entrance: string }>(
      "select ip, entrance from journal order by id desc limit 1",
    );
    expect(row).toEqual({ ip: "192.0.2.1", entrance: "cloudflare" });
  });

  test("an address verified there and here goes by forward(), last, marked against loops", async () => {
    const [account] = await edge.rows<{ id: string }>("select id from account");
    const both = { token: "t", sent_at: 0, verified_at: 1, cloudflare: 1 };
    await edge.insert("verified_address", { account: account?.id ?? "", address: "mine@else.test", ...both });
    // That somebody else proved it there says nothing for this account; neither does our own proof without Cloudflare's.
    const stranger = await edge.addAccount("stranger@home.test");
    await edge.insert("verified_address", { account: stranger, address: "relayed@else.test", ...both });
    const ours = { ...both, cloudflare: 0, token: "u" };
    await edge.insert("verified_address", { account: account?.id ?? "", address: "relayed@else.test", ...ours });
    await edge.addAlias(domain, "mine", [
      ["address", "mine@else.test"],
      ["address", "relayed@else.test"],
      ["mailbox", box.mailboxId],
    ]);
    const before = edge.node.taken.length;
    const raw = block + letter("ada@good.test", "three ways");
    const result = await edge.worker.email({ from: "ada@good.test", to: "mine@here.test", raw });
    expect(JSON.stringify(result)).toContain("mine@else.test");
    expect(JSON.stringify(result)).not.toContain("relayed@else.test");
    await expect.poll(() => edge.node.taken.length, { timeout: 20_000 }).toBe(before + 2);
    const kinds =
      "select kind from journal_step s join journal j on j.id = s.journal where j.recipient = 'mine@here.test'";
    const steps = (await edge.rows<{ kind: string }>(kinds)).map(({ kind }) => kind);
    expect(steps.filter((kind) => kind === "forward")).toHaveLength(1);
    const again = await edge.worker.email({ from: "ada@good.test", to: "mine@here.test", raw });
    expect(JSON.stringify(again)).not.toContain("mine@else.test");
  });

  test("a bounce to a return path of ours is handed to a node", async () => {
    const raw = block + letter("mailer-daemon@plain.test", "bounce");
    const srs = "SRS0=abcdefghij=aa=else.test=ada@here.test";
    await edge.worker.email({ from: "<>", to: srs, raw });
    const call = await edge.node.next(
      ({ body, path }) => path === nodePaths.relay && contains(body, "Subject: bounce"),
    );
    expect(openFor(edge.node.transit, call.body).head).toMatchObject({ recipient: srs, mailFrom: "" });
  });

  test("unknown recipient and spoof are rejected, trouble is thrown", async () => {
    const email = (from: string, to: string, raw: string) => edge.worker.email({ from, to, raw });
    const nobody = await email("ada@good.test", "nobody@here.test", block + letter("ada@good.test"));
    expect(JSON.stringify(nobody)).toContain("No such address here");
    const evil = block.replaceAll("192.0.2.1", "198.51.100.9").replaceAll("ada@good.test", "x@evil.test");
    const spoof = await email("x@evil.test", "hello@here.test", evil + letter("ceo@good.test"));
    expect(JSON.stringify(spoof)).toContain("DMARC policy of good.test");
    const broken = await email(
      "a@broken.test",
      "hello@here.test",
      block.replaceAll("good", "broken") + letter("a@broken.test"),
    );
    expect(broken).not.toMatchObject({ outcome: "ok" });
  });
});
