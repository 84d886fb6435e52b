/** A domain set up in the browser, both ways: by hand, with the page turning green by itself; and by a Cloudflare token, diff first. */
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { LoopbackCloudflare } from "../../src/cli/world/cloudflare.ts";
import { utf8Decode } from "../../src/core/bytes.ts";
import { type Edge, letter, openFor, startEdge } from "../edge/world.ts";
import { letterText } from "../letter-text.ts";
import { faults, openBrowser, shots, type Watched, watch } from "./browser.ts";
import { setUp } from "./start.ts";

let edge: Edge;
let browser: Browser;
let seen: Watched;
const cf = new LoopbackCloudflare("wizard.test", "a-token-that-is-known-here");
const at = (path: string): string => new URL(path, edge.url).href;

beforeAll(async () => {
  await cf.start();
  edge = await startEdge(
    { "wizard.test": { TXT: ["v=spf1 include:other.test -all"], MX: [{ priority: 5, exchange: "mx.old.test" }] } },
    { CLOUDFLARE_API: cf.url },
  );
  browser = await openBrowser();
  await edge.addNode();
  const owner = await setUp(edge);
  seen = await watch(browser);
  await seen.context.addCookies([owner.cookie]);
});
beforeEach(() => edge.env.DIRECTORY.exec("delete from attempt"));
afterAll(async () => {
  await browser?.close();
  await edge?.close();
  await cf.close();
});

async function domainId(name: string): Promise<string> {
  const [row] = await edge.rows<{ id: string }>("select id from domain where name = ?", name);
  return row?.id ?? "";
}

test("by hand: what is missing is said, and turns green while the page is open", async () => {
  const { page } = seen;
  await page.goto(at("/domains"));
  await page.getByLabel("Domain name").fill("https://www.Wizard.test/contact"); // as it is copied out of the address bar
  await page.getByRole("button", { name: "Add domain" }).click();
  await page.getByText("Mail still goes elsewhere").waitFor();
  await page.getByText("add “mx” after “v=spf1”").waitFor();
  await page.getByText("v=spf1 mx include:other.test -all", { exact: true }).waitFor();
  await page.screenshot({ path: `${shots}wizard.png`, fullPage: true });
  expect(await faults(page)).toEqual([]);
  const record = page.locator("#check-owner code");
  const [name, value] = [await record.nth(0).innerText(), await record.nth(1).innerText()];
  expect(name).toBe("_postern.wizard.test");
  await page.locator("#check-owner").getByText("write only _postern", { exact: false }).waitFor();
  await page.locator("#check-mx").getByText("write only @", { exact: false }).waitFor();
  edge.dns.set(name, { TXT: [value] });
  edge.dns.set("wizard.test", {
    TXT: ["v=spf1 mx include:other.test -all"],
    MX: [{ priority: 10, exchange: "mx.test" }],
  });
  await page.getByText("Everything that is needed is right").waitFor({ timeout: 30_000 });
  expect(await page.locator("[data-domain-state]").innerText()).toBe("Receiving");
  const [row] = await edge.rows<{ state: string }>("select state from domain where name = 'wizard.test'");
  expect(row?.state).toBe("active");
});

test("the first alias, and a test mail seen arriving", async () => {
  const { page } = seen;
  const id = await domainId("wizard.test");
  await page.goto(at(`/domains/${id}`));
  await page.getByLabel("Alias", { exact: true }).fill("hello");
  await page.getByLabel("Goes to").fill("me@elsewhere.test");
  await page.getByRole("button", { name: "Add alias" }).click();
  await page.getByText("The alias is live").waitFor();
  await page.goto(at(`/domains/${id}/setup`));
  await page.locator('.live[data-on="true"]').waitFor();
  await edge.deliver({ from: "bob@friendly.test", to: ["hello@wizard.test"], raw: letter("bob@friendly.test") });
  await page.getByRole("article").filter({ hasText: "hello@wizard.test" }).waitFor();
  await page.screenshot({ path: `${shots}wizard-arrived.png`, fullPage: true });
  expect(seen.trouble).toEqual([]);
});

test("a record that was lost is noticed by the daily look", async () => {
  edge.dns.set("wizard.test", { TXT: ["v=spf1 mx -all"], MX: [{ priority: 10, exchange: "mx.thief.test" }] });
  await edge.env.DIRECTORY.exec("update dns_check set at = 0");
  await edge.insert("setting", { key: "edge-origin", value: JSON.stringify(edge.url.origin) });
  await edge.worker.scheduled({ cron: "*/5 * * * *" });
  const raw = (body: Uint8Array): string => utf8Decode(openFor(edge.node.transit, body).raw);
  const notice = await edge.node.next(
    ({ path, body }) => path === "/handoff/relay" && raw(body).includes("DNS of wizard.test"),
  );
  expect(raw(notice.body)).toContain("owner@demo.test");
  expect(letterText(raw(notice.body))).toContain("Where mail for the domain goes (MX)");
});

test("by token: what it lacks, what would change, and then the change", async () => {
  const { page } = seen;
  const id = await domainId("wizard.test");
  cf.records = [
    { id: "r1", type: "MX", name: "wizard.test", content: "mx.old.test", priority: 5 },
    { id: "r2", type: "TXT", name: "wizard.test", content: '"v=spf1 include:other.test -all"' },
    { id: "r3", type: "TXT", name: "wizard.test", content: '"site-verification=keep-me"' },
  ];
  await page.goto(at(`/domains/${id}/setup`));
  await page.getByText("A token sets all of it").click();
  await page.getByLabel("API token").fill("a-wrong-token");
  await page.getByRole("button", { name: "Show what would change" }).click();
  await page.getByText("Cloudflare does not know this token").waitFor();
  await page.getByText("A token sets all of it").click();
  await page.getByLabel("API token").fill(cf.token);
  await page.getByRole("button", { name: "Show what would change" }).click();
  await page.getByText("Remove MX mx.old.test").waitFor();
  await page.screenshot({ path: `${shots}wizard-plan.png`, fullPage: true });
  expect(await faults(page)).toEqual([]);
  expect(cf.calls.filter((call) => !call.startsWith("GET"))).toEqual([]);
  await page.getByRole("button", { name: "Apply these changes" }).click();
  await page.getByText("Cloudflare has taken the changes").waitFor();
  const texts = cf.records.map(({ type, content }) => `${type} ${content}`);
  expect(texts).toContain("MX mx.test");
  expect(texts).toContain("TXT v=spf1 mx include:other.test -all");
  expect(texts).toContain('TXT "site-verification=keep-me"');
  expect(texts).not.toContain("MX mx.old.test");
  const [log] = await edge.rows<{ detail: string }>("select detail from audit where act = 'dns.applied'");
  expect(log?.detail).toContain("Remove MX mx.old.test");
  const [kept] = await edge.rows<{ n: number }>("select count(*) as n from audit where detail like ?", `%${cf.token}%`);
  expect(kept?.n).toBe(0);
});

test("by Email Routing: permissions first, then the catch-all to the Worker", async () => {
  const { page } = seen;
  const id = await domainId("wizard.test");
  await page.goto(at(`/domains/${id}/setup`));
  await page.getByText("Where mail comes in", { exact: true }).click();
  await page.getByLabel("Mail comes in").selectOption("");
  await page.getByRole("button", { name: "Change", exact: true }).click();
  await page.getByText("A token sets all of it").click();
  cf.mayRoute = false;
  await page.getByLabel("API token").fill(cf.token);
  await page.getByRole("button", { name: "Show what would change" }).click();
  await page.getByText("Zone · Email Routing Rules · Edit").waitFor();
  cf.mayRoute = true;
  await page.getByRole("button", { name: "Try again" }).click();
  await page.getByRole("button", { name: "Apply these changes" }).click();
  await page.getByText("Cloudflare has taken the changes").waitFor();
  expect(cf.catchAll).toMatchObject({ enabled: true, actions: [{ type: "worker", value: ["postern-edge"] }] });
});
