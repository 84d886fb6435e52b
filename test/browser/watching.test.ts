/** Mail as somebody watches it: the live tail held still, let go and narrowed; what a message came to; a chart read by keys. */
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Edge, letter, startEdge } from "../edge/world.ts";
import { faults, openBrowser, type Watched, watch } from "./browser.ts";
import { setUp } from "./start.ts";

let edge: Edge;
let browser: Browser;
let seen: Watched;
const at = (path: string): string => new URL(path, edge.url).href;

beforeAll(async () => {
  edge = await startEdge({
    "friendly.test": { TXT: ["v=spf1 ip4:192.0.2.1 -all"] },
    "_dmarc.friendly.test": { TXT: ["v=DMARC1; p=reject"] },
  });
  browser = await openBrowser();
  await edge.addNode();
  const owner = await setUp(edge);
  const domain = await edge.addDomain("demo.test", owner.account);
  await edge.addAlias(domain, "hello", [["address", "me@elsewhere.test"]]);
  seen = await watch(browser);
  await seen.context.addCookies([owner.cookie]);
});
afterAll(async () => {
  await browser?.close();
  await edge?.close();
});

const send = (from: string, to: string) => edge.deliver({ from, to: [to], raw: letter(from) });
const row = (page: Page, from: string) => page.getByRole("article").filter({ hasText: from });

async function watching(path: string): Promise<Page> {
  await seen.page.goto(at(path));
  await seen.page.locator('.live[data-on="true"]').waitFor();
  return seen.page;
}

test("it is held still, says what came meanwhile, and shows it when let go", async () => {
  const page = await watching("/activity");
  await page.getByRole("button", { name: "live" }).click();
  await page.getByRole("button", { name: "paused", pressed: true }).waitFor();
  await send("ada@friendly.test", "hello@demo.test");
  await page.getByRole("button", { name: "paused, 1 new" }).waitFor();
  expect(await row(page, "ada@friendly.test").count()).toBe(0);
  await page.getByRole("button", { name: "paused, 1 new" }).click();
  await row(page, "ada@friendly.test").waitFor();
  await page.getByRole("button", { name: "live", pressed: false }).waitFor();
});

test("a narrowed list shows only what fits it", async () => {
  const page = await watching("/activity?outcome=refused&text=friendly");
  await send("bob@friendly.test", "hello@demo.test");
  await send("eve@friendly.test", "nobody@demo.test");
  await row(page, "eve@friendly.test").waitFor();
  expect(await row(page, "bob@friendly.test").count()).toBe(0);
  expect(seen.trouble).toEqual([]);
});

test("a message's own page says at a glance that it failed, and what its owner can do", async () => {
  const { page } = seen;
  await row(page, "eve@friendly.test").getByRole("link").click();
  await page.getByText("Refused: there is no such address here.").first().waitFor();
  expect(await page.title()).toContain("eve@friendly.test to nobody@demo.test");
  await page.getByRole("link", { name: "Add an alias for it" }).click();
  await page.getByRole("heading", { name: "demo.test" }).waitFor();
  const [taken] = await edge.rows<{ id: string }>("select id from journal where mail_from = 'ada@friendly.test'");
  const step = { journal: taken?.id ?? "", kind: "failed", target: "me@elsewhere.test", ok: 0 };
  await edge.insert("journal_step", { id: edge.newId(), at: Date.now(), detail: "5.1.2 no such domain", ...step });
  await page.goto(at(`/activity/${taken?.id}`));
  await page.getByText("not delivered", { exact: true }).waitFor();
  await page.getByText("Could not be delivered to me@elsewhere.test.").first().waitFor();
  expect(await faults(page)).toEqual([]);
});

test("a chart is read by its arrow keys", async () => {
  const { page } = seen;
  await page.goto(at("/charts?days=7"));
  const chart = page.locator("svg[data-bars]");
  await chart.focus();
  await page.keyboard.press("End");
  await page.locator("[data-readout]").getByText("2 accepted, 1 refused").waitFor();
  await page.keyboard.press("ArrowLeft");
  await page.locator("[data-readout]").getByText("0 accepted, 0 refused").waitFor();
  expect(await faults(page)).toEqual([]);
  expect(seen.trouble).toEqual([]);
});
