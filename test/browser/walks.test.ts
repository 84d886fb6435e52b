/** Pages walked in Chromium: a webhook's life, Explain with a whole pasted message, nodes, a mailbox's move, a key for one domain. */
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { Receiver } from "../edge/receiver.ts";
import { type Edge, letter, startEdge } from "../edge/world.ts";
import { faults, looks, openBrowser, shots, type Watched, watch } from "./browser.ts";
import { setUp } from "./start.ts";

let edge: Edge;
let receiver: Receiver;
let browser: Browser;
let domain: string;
let seen: Watched;
let page: Page;
const at = (path: string): string => new URL(path, edge.url).href;
const patient = { timeout: 30_000, interval: 200 };

beforeAll(async () => {
  receiver = await Receiver.start();
  const zones = {
    "friendly.test": { TXT: ["v=spf1 ip4:192.0.2.1 -all"] },
    "_dmarc.friendly.test": { TXT: ["v=DMARC1; p=reject"] },
  };
  edge = await startEdge(zones, { ALLOW_LOOPBACK: "1" }, receiver.ca);
  browser = await openBrowser();
  await edge.addNode();
  const owner = await setUp(edge);
  domain = await edge.addDomain("demo.test", owner.account);
  await edge.addAlias(domain, "hook", [["webhook", receiver.url]]);
  await edge.addAlias(domain, "hello", [["address", "me@elsewhere.test"]]);
  seen = await watch(browser);
  await seen.context.addCookies([owner.cookie]);
  page = seen.page;
});
beforeEach(() => edge.env.DIRECTORY.exec("delete from attempt"));
afterAll(async () => {
  await browser?.close();
  await edge?.close();
  await receiver?.close();
});

/** In every look: a picture, no serious finding, nothing wider than the screen. */
async function looked(name: string, before: (page: Page) => Promise<void> = async () => undefined): Promise<void> {
  for (const look of looks) {
    await page.setViewportSize(look.viewport);
    await page.emulateMedia({ colorScheme: look.colorScheme });
    await before(page);
    await page.screenshot({ path: `${shots}${name}-${look.name}.png`, fullPage: true });
    expect(await faults(page), `${name} ${look.name}`).toEqual([]);
    const over = await page.evaluate<number>("document.documentElement.scrollWidth - innerWidth");
    expect(over, `${name} ${look.name}`).toBeLessThanOrEqual(0);
  }
  await page.setViewportSize(looks[0].viewport);
  await page.emulateMedia({ colorScheme: "light" });
}

const tries = (): Promise<unknown[]> => edge.rows("select 1 from webhook_delivery");

test("what failed is told with its answer, sent again by hand, and then taken", async () => {
  receiver.status = 503;
  receiver.answer = "down for maintenance, please come back later";
  await edge.deliver({ from: "ada@friendly.test", to: ["hook@demo.test"], raw: letter("ada@friendly.test") });
  await expect.poll(tries, patient).toHaveLength(1);
  await page.goto(at(`/domains/${domain}/webhooks`));
  await page.getByText("failing").waitFor();
  await page.getByRole("link", { name: receiver.url }).click();
  const log = page.getByRole("region", { name: "What was tried" });
  expect(await log.innerText()).toContain("down for maintenance");
  await looked("webhook-failing");
  await log.getByRole("button", { name: "Try now" }).first().click();
  expect(await page.getByRole("status").innerText()).toContain("not taken");
  receiver.status = 200;
  receiver.answer = "thanks";
  await log.getByRole("button", { name: "Try now" }).first().click();
  expect(await page.getByRole("status").innerText()).toContain("taken this time");
  expect(await log.getByRole("row").first().innerText()).toContain("200");
  // What was taken at last is not offered again, in none of its tries.
  expect(await log.getByRole("button", { name: "Try now" }).count()).toBe(0);
  await log.getByRole("link", { name: "Message" }).first().click();
  await page.getByText("hook@demo.test").first().waitFor();
  expect(seen.trouble).toEqual([]);
});

test("a letter of ours is sent on asking, and its answer shown", async () => {
  await page.goto(at(`/domains/${domain}/webhooks`));
  await page.getByRole("link", { name: receiver.url }).click();
  await page.getByRole("button", { name: "Send a test" }).click();
  expect(await page.getByRole("status").innerText()).toContain("It took our letter");
  receiver.status = 404;
  receiver.answer = "no such hook";
  await page.getByRole("button", { name: "Send a test" }).click();
  expect(await page.getByRole("alert").innerText()).toContain("no such hook");
  await looked("webhook-tested");
});

test("it is removed once no alias sends there", async () => {
  const remove = async () => {
    await page.locator("summary", { hasText: "Delete" }).click();
    await page.getByRole("button", { name: "Delete it" }).click();
  };
  await remove();
  expect(await page.getByRole("alert").innerText()).toContain("The alias hook sends its mail there");
  await edge.env.DIRECTORY.exec("delete from alias where pattern = 'hook'");
  await page.goto(at(`/domains/${domain}/webhooks`));
  await page.getByRole("link", { name: receiver.url }).click();
  await remove();
  expect(await page.getByRole("status").innerText()).toContain("The webhook is gone");
  expect(await page.getByRole("link", { name: receiver.url }).count()).toBe(0);
});

test("a pasted message is explained by its own signatures and the IP it is said to come from", async () => {
  await page.goto(at(`/domains/${domain}/explain`));
  await page.getByLabel("To", { exact: true }).fill("hello");
  await page.getByLabel("From", { exact: true }).fill("bob@friendly.test");
  await page.getByLabel("Sending server's IP").fill("192.0.2.1");
  await page.getByText("Paste a whole message").click();
  const long = `${letter("bob@friendly.test", "Grüße")}${"A long line of a long letter.\r\n".repeat(1500)}the end`;
  await page.getByLabel("Message with its headers").fill(long);
  await page.getByRole("button", { name: "Explain" }).click();
  await page.getByRole("heading", { name: "It would be accepted." }).waitFor();
  expect(await page.getByRole("main").innerText()).toContain("me@elsewhere.test");
  expect((await page.getByLabel("Message with its headers").inputValue()).slice(-7)).toBe("the end");
  await looked("explain-pasted");
  // The same once more, from elsewhere: what was pasted is still there as a whole.
  await page.getByLabel("Sending server's IP").fill("203.0.113.9");
  await page.getByRole("button", { name: "Explain" }).click();
  await page.getByRole("heading", { name: "It would be refused." }).waitFor();
  await looked("explain-refused");
  expect(seen.trouble).toEqual([]);
});

test("nodes are shown with what needs a look, and the overview says so", async () => {
  const facts = {
    version: "0.1.0",
    relayWaiting: 2,
    diskFreeBytes: 5e8,
    clockSkewMs: -42_000,
    backup: { since: 1, until: 0 },
  };
  const spool = { waiting: 12, parked: 1, oldest: Date.now() - 3_600_000, at: Date.now() };
  const kept = { held: { count: 1234, bytes: 56_789_012, at: Date.now() } };
  await edge.env.DIRECTORY.prepare("update node set facts = ?, last_seen_at = ?, name = 'Falkenstein one'")
    .bind(JSON.stringify({ ...facts, spool, kept }), Date.now())
    .run();
  await page.goto(at("/"));
  await page.getByRole("link", { name: "How the nodes fare" }).waitFor();
  await looked("overview-nodes");
  await page.getByRole("link", { name: "How the nodes fare" }).click();
  await page.getByRole("heading", { name: "Falkenstein one" }).waitFor();
  await looked("nodes");
});

test("a move is asked for, shown with its trouble, and cancelled", async () => {
  await edge.addMailbox(domain, "moving@demo.test");
  const at2 = { id: "node-2", name: "Helsinki two", origin: edge.node.origin, mx_host: "two.test" };
  const now = Date.now();
  await edge.insert("node", { ...at2, public_key: "k", state: "active", created_at: now, last_seen_at: now });
  await page.goto(at("/nodes"));
  await page.getByRole("link", { name: /Move/ }).click();
  await page.getByText("No mailbox was moved yet").waitFor();
  await page.getByLabel("Its address").fill("moving@demo.test");
  await page.getByLabel("To node").selectOption("Helsinki two (two.test)");
  await page.getByRole("button", { name: "Move it" }).click();
  await page.getByText("on its way").waitFor();
  await edge.rows("update mailbox_move set trouble = 'the old node can''t be reached'");
  await page.reload();
  await page.getByText("The old node can't be reached. It is tried again until you cancel it.").waitFor();
  await looked("moves");
  await page.getByText("Cancel", { exact: true }).click();
  await page.getByRole("button", { name: "Cancel this move" }).click();
  await page.getByText("cancelled", { exact: true }).waitFor();
  expect(await edge.rows("select state from mailbox_move")).toEqual([{ state: "cancelled" }]);
});

test("a key for single domains is made by their names", async () => {
  await edge.addDomain("second.test", (await edge.rows<{ id: string }>("select id from account"))[0]?.id ?? "");
  await page.goto(at("/security"));
  await page.getByText("Make a key").click();
  await page.getByLabel("Name", { exact: true }).last().fill("shop");
  await page.getByLabel("activity:read").check();
  await page.getByLabel("For", { exact: true }).selectOption("some");
  await page.getByLabel("These domains").fill("second.test");
  await looked("key-form", async () => page.getByLabel("These domains").scrollIntoViewIfNeeded());
  await page.getByRole("button", { name: "Make the key" }).click();
  await page.getByText("pst_").first().waitFor();
  await page.getByRole("link", { name: "Done" }).click();
  expect(await page.getByRole("region", { name: "API keys" }).innerText()).toContain("only second.test");
});
