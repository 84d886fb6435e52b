/** Every page, in light, dark and on a phone: it loads from us alone, says nothing on the console, has no serious axe finding, stays small. */
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Edge, letter, startEdge } from "../edge/world.ts";
import { faults, looks, openBrowser, shots, watch } from "./browser.ts";

const admin = { email: "owner@demo.test", password: "a long demo password" };
let edge: Edge;
let browser: Browser;
let cookie: { name: string; value: string; url: string };
const paths: [name: string, path: string][] = [];

beforeAll(async () => {
  edge = await startEdge({
    "friendly.test": { TXT: ["v=spf1 ip4:192.0.2.1 -all"], MX: [{ priority: 10, exchange: "mx.friendly.test" }] },
    "_dmarc.friendly.test": { TXT: ["v=DMARC1; p=reject"] },
  });
  browser = await openBrowser();
  await edge.addNode();
  const account = await signUp();
  await seed(account);
});

afterAll(async () => {
  await browser?.close();
  await edge?.close();
});

async function signUp(): Promise<string> {
  const response = await fetch(new URL("/api/setup", edge.url), {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ ...admin, token: "a-setup-token-for-tests" }),
  });
  expect(response.status).toBe(201);
  const [pair = ""] = (response.headers.getSetCookie()[0] ?? "").split(";");
  const [name = "", value = ""] = pair.split("=");
  cookie = { name, value, url: edge.url.href };
  const body = (await response.json()) as { id: string };
  return body.id;
}

async function seed(account: string): Promise<void> {
  const domain = await edge.addDomain("demo.test", account);
  const box = await edge.addMailbox(domain, "alice@demo.test");
  await edge.addAlias(domain, "hello", [["mailbox", box.mailboxId]], { note: "Printed on the business card" });
  await edge.addAlias(domain, "news-*", [["address", "alice@elsewhere.test"]], {
    kind: "wildcard",
    labels: '["shopping"]',
  });
  await edge.addAlias(domain, "old-shop", [["address", "alice@elsewhere.test"]], { state: "disabled" });
  await edge.insert("domain", {
    id: edge.newId(),
    name: "pending.example",
    token: "tok",
    state: "pending",
    node: "node-1",
    created_at: Date.now(),
  });
  const [pending] = await edge.rows<{ id: string }>("select id from domain where name = ?", "pending.example");
  await edge.insert("membership", { account, domain: pending?.id ?? "", role: "owner", created_at: Date.now() });
  await edge.deliver({ from: "bob@friendly.test", to: ["hello@demo.test"], raw: letter("bob@friendly.test") });
  await edge.deliver({
    from: "eve@friendly.test",
    to: ["hello@demo.test"],
    raw: letter("eve@friendly.test"),
    ip: "203.0.113.9",
  });
  await edge.deliver({ from: "bob@friendly.test", to: ["nobody@demo.test"], raw: letter("bob@friendly.test") });
  const hook = await seedHostile(domain);
  const [message] = await edge.rows<{ id: string }>("select id from journal where reason = ? limit 1", "dmarc-policy");
  const [alias] = await edge.rows<{ id: string }>("select id from alias where pattern = ?", "hello");
  paths.push(
    ["overview", "/"],
    ["domains", "/domains"],
    ["aliases", `/domains/${domain}`],
    ["alias", `/domains/${domain}/aliases/${alias?.id}`],
    ["answer", `/domains/${domain}/aliases/${alias?.id}/answer`],
    ["txt", `/domains/${domain}/txt`],
    ["setup", `/domains/${pending?.id}/setup`],
    ["mailboxes", "/mailboxes"],
    ["activity", "/activity"],
    ["charts", "/charts"],
    ["message", `/activity/${message?.id}`],
    ["hostile-message", `/activity/${await hostileMessage(domain)}`],
    ["senders", `/domains/${domain}/senders`],
    ["webhooks", `/domains/${domain}/webhooks`],
    ["webhook", `/domains/${domain}/webhooks/${hook}`],
    ["explain", `/domains/${domain}/explain`],
    ["transfer", `/domains/${domain}/transfer`],
    ["team", `/domains/${domain}/team`],
    ["audit", `/domains/${domain}/audit`],
    ["new-mailbox", "/mailboxes/new"],
    ["mailbox", `/mailboxes/${box.mailboxId}`],
    ["rotate", `/mailboxes/${box.mailboxId}/rotate`],
    ["delete", `/mailboxes/${box.mailboxId}/delete`],
    ["security", "/security"],
  );
}

/** What strangers and careless owners may put before the eyes of others. */
const hostile = `"><img src=x onerror="document.title='hacked'"><script>document.title='hacked'</script>`;

async function seedHostile(domain: string): Promise<string> {
  const made = Date.now();
  await edge.addAlias(domain, "hostile", [["address", "bob@elsewhere.test"]], {
    note: hostile,
    labels: JSON.stringify([hostile, "ordinary"]),
  });
  const id = edge.newId();
  const url = "https://hooks.test/a?b=<b>";
  await edge.insert("webhook_endpoint", { id, domain, url, scheme: "v1", secrets: "[]", created_at: made });
  const tried = { message: "m", journal: "j", attempt: 1, status: 500, latency_ms: 12, ok: 0, at: made };
  await edge.insert("webhook_delivery", { id: edge.newId(), endpoint: id, ...tried, answer: hostile });
  edge.dns.set("demo.test", { TXT: [`v=spf1 ${hostile}`, hostile], MX: [{ priority: 10, exchange: "mx.test" }] });
  edge.dns.set("_dmarc.demo.test", { TXT: [`v=DMARC1; p=none; ${hostile}`] });
  return id;
}

async function hostileMessage(domain: string): Promise<string> {
  const id = edge.newId();
  const seen = { ip: "192.0.2.1", helo: hostile, mail_from: hostile, recipient: hostile, author: hostile, size: 9 };
  const proof = JSON.stringify({
    spf: { result: "fail", domain: hostile, reason: hostile },
    dkim: [{ result: "fail", domain: hostile, reason: hostile }],
    dmarc: { result: "fail", domain: hostile, policy: "none", reason: hostile },
    arc: { cv: "fail", sealer: hostile, reason: hostile },
  });
  const row = { id, domain, at: Date.now(), entrance: "door", asserted_by: hostile, ...seen, proof };
  await edge.insert("journal", { ...row, outcome: "refused", reason: hostile, reply: hostile, expires_at: Date.now() });
  const step = { journal: id, at: Date.now(), kind: hostile, target: hostile, ok: 0, detail: hostile };
  await edge.insert("journal_step", { id: edge.newId(), ...step });
  return id;
}

test.each(looks)("pages in $name", async (look) => {
  const seen = await watch(browser, { viewport: look.viewport, colorScheme: look.colorScheme });
  await seen.page.goto(new URL("/sign-in", edge.url).href);
  await seen.page.screenshot({ path: `${shots}sign-in-${look.name}.png`, fullPage: true });
  await seen.context.addCookies([cookie]);
  for (const [name, path] of paths) {
    const response = await seen.page.goto(new URL(path, edge.url).href);
    expect(response?.status(), path).toBe(200);
    expect((await response?.body())?.length, path).toBeLessThan(60 * 1024);
    await seen.page.screenshot({ path: `${shots}${name}-${look.name}.png`, fullPage: true });
    // axe takes a second a page: the two that differ in colour stand for the two that differ in width.
    if (!look.narrow) expect(await faults(seen.page), path).toEqual([]);
    expect(await seen.page.title(), `${path} ran what a stranger wrote`).not.toBe("hacked");
    expect(await seen.page.locator("img[src=x], [onerror]").count(), path).toBe(0);
    const wide = await seen.page.evaluate(
      "document.documentElement.scrollWidth - document.documentElement.clientWidth",
    );
    expect(wide, `${path} scrolls sideways`).toBeLessThanOrEqual(0);
  }
  expect(seen.trouble).toEqual([]);
  expect(seen.requests.filter((url) => new URL(url).origin !== edge.url.origin)).toEqual([]);
  await seen.context.close();
});
