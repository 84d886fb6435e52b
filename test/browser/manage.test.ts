/** Aliases and what surrounds them, walked in Chromium: by plain forms without JavaScript, in bulk, explain, import, senders, webhooks; hostile text stays text. */
import type { Browser, BrowserContext, Page } from "playwright-core";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { type Edge, letter, startEdge } from "../edge/world.ts";
import { faults, openBrowser, shots, type Watched, watch } from "./browser.ts";
import { type Owner, setUp } from "./start.ts";

let edge: Edge;
let browser: Browser;
let owner: Owner;
let domain: string;
let seen: Watched;
const at = (path: string): string => new URL(path, edge.url).href;

beforeAll(async () => {
  edge = await startEdge({
    "friendly.test": { TXT: ["v=spf1 ip4:192.0.2.1 -all"] },
    "_dmarc.friendly.test": { TXT: ["v=DMARC1; p=reject"] },
  });
  browser = await openBrowser();
  await edge.addNode();
  owner = await setUp(edge);
  domain = await edge.addDomain("demo.test", owner.account);
  seen = await watch(browser);
  await seen.context.addCookies([owner.cookie]);
});
beforeEach(() => edge.env.DIRECTORY.exec("delete from attempt"));
afterAll(async () => {
  await browser?.close();
  await edge?.close();
});

async function addAlias(page: Page, name: string, to: string): Promise<void> {
  await page.goto(at(`/domains/${domain}`));
  await page.getByLabel("Alias", { exact: true }).fill(name);
  await page.getByLabel("Goes to").fill(to);
  await page.getByRole("button", { name: "Add alias" }).click();
}

describe("without JavaScript", () => {
  let plain: BrowserContext;
  let page: Page;
  beforeAll(async () => {
    plain = await browser.newContext({ javaScriptEnabled: false });
    await plain.addCookies([owner.cookie]);
    page = await plain.newPage();
  });
  afterAll(() => plain.close());

  test("an alias is added, a mistake is told beside its field", async () => {
    await addAlias(page, "hello", "me@elsewhere.test, other@elsewhere.test");
    expect(await page.getByRole("status").innerText()).toContain("live");
    await addAlias(page, "hello", "me@elsewhere.test");
    expect(await page.locator("#pattern-wrong").innerText()).toContain("such an alias already");
    expect(await page.getByLabel("Goes to").inputValue()).toBe("me@elsewhere.test");
    await addAlias(page, "bad", "not an address");
    expect(await page.locator("#to-wrong").innerText()).toContain("is no e-mail address");
  });

  test("it is edited, switched off, searched and deleted", async () => {
    await page.goto(at(`/domains/${domain}`));
    await page.getByRole("link", { name: "Edit hello@demo.test" }).click();
    expect(await page.getByLabel("Goes to").inputValue()).toBe("me@elsewhere.test, other@elsewhere.test");
    await page.getByLabel("Note").fill("on the card");
    await page.getByLabel("While off").selectOption("421");
    await page.getByRole("button", { name: "Save" }).click();
    await page.getByText("on the card").waitFor();
    await page.getByRole("button", { name: "Switch off hello@demo.test" }).click();
    expect(await page.getByRole("row", { name: "hello@demo.test" }).innerText()).toContain("Off");
    await page.getByLabel("Search pattern").fill("card");
    await page.getByRole("button", { name: "Find" }).click();
    expect(await page.getByRole("row").filter({ hasText: "hello@demo.test" }).count()).toBe(1);
    await page.getByRole("link", { name: "Edit hello@demo.test" }).click();
    await page.locator("form[data-alias-form] summary").click();
    await page.getByRole("button", { name: "Delete it" }).click();
    await page.getByText("The alias is gone").waitFor();
    await page.getByText("No alias yet").waitFor();
  });

  test("signing in, the theme and signing out need no script either", async () => {
    const other = await browser.newContext({ javaScriptEnabled: false });
    const fresh = await other.newPage();
    await fresh.goto(at("/activity"));
    await fresh.getByLabel("E-mail address").fill("owner@demo.test");
    await fresh.getByLabel("Password").fill("a long demo password");
    await fresh.getByRole("button", { name: "Sign in", exact: true }).click();
    expect(new URL(fresh.url()).pathname).toBe("/activity");
    await fresh.getByRole("button", { name: "Switch between light and dark" }).click();
    expect(await fresh.locator("html").getAttribute("data-theme")).toBe("dark");
    await fresh.getByRole("button", { name: "Sign out" }).click();
    await fresh.getByText("You are signed out").waitFor();
    await fresh.goto(at("/activity"));
    expect(new URL(fresh.url()).pathname).toBe("/sign-in");
    await other.close();
  });

  test("a form of another session is refused", async () => {
    await page.goto(at("/domains"));
    const body = new URLSearchParams({ token: "x".repeat(24), name: "evil.test" });
    const answer = await page.request.post(at("/domains"), {
      data: body.toString(),
      headers: { "content-type": "application/x-www-form-urlencoded" },
    });
    expect(answer.status()).toBe(403);
    expect(await answer.text()).toContain("another session");
  });
});

test("an alias is edited where it stands: a mistake is told there, saving closes it, Escape gives up", async () => {
  const { page } = seen;
  await addAlias(page, "inline", "me@elsewhere.test");
  const edit = page.getByRole("link", { name: "Edit inline@demo.test" });
  const form = page.locator("tr.editing form");
  await edit.click();
  await form.getByLabel("Goes to").fill("not an address");
  await form.getByLabel("Goes to").press("Enter");
  await form.getByText("is no e-mail address").waitFor();
  expect(await faults(page)).toEqual([]);
  await page.screenshot({ path: `${shots}alias-inline.png`, fullPage: true });
  await form.getByLabel("Goes to").fill("other@elsewhere.test");
  await form.getByLabel("Note").fill("changed in place");
  await form.getByRole("button", { name: "Save" }).click();
  await form.waitFor({ state: "detached" });
  const row = page.getByRole("row", { name: "inline@demo.test" });
  expect(await row.innerText()).toMatch(/changed in place[\s\S]*other@elsewhere\.test/);
  expect(new URL(page.url()).pathname).toBe(`/domains/${domain}`);
  await edit.press("Enter");
  await form.getByLabel("Note").fill("given up");
  await form.getByLabel("Note").press("Escape");
  await form.waitFor({ state: "detached" });
  await page.locator("a:focus", { hasText: "inline@demo.test" }).waitFor();
  expect(seen.trouble).toEqual([]);
  await edge.rows("delete from alias where pattern = 'inline'");
});

test("import shows the difference first, then does all of it", async () => {
  const { page } = seen;
  await page.goto(at(`/domains/${domain}/transfer`));
  await page.getByLabel("Or paste").fill("kind,pattern\nnonsense");
  await page.getByRole("button", { name: "Show what would change" }).click();
  await page.screenshot({ path: `${shots}import-wrong.png`, fullPage: true });
  const head = await page.request.get(at(`/domains/${domain}/aliases.csv`));
  const [columns = ""] = (await head.text()).split(/\r?\n/);
  expect(columns.length).toBeGreaterThan(5);
  await page.getByLabel("Or paste").fill(importText());
  await page.getByRole("button", { name: "Show what would change" }).click();
  await page.getByRole("heading", { name: "2 new, 0 changed, 0 removed" }).waitFor();
  await page.screenshot({ path: `${shots}import.png`, fullPage: true });
  expect(await faults(page)).toEqual([]);
  await page.getByRole("button", { name: "Apply all of it" }).click();
  await page.getByText("Imported. All of it is live").waitFor();
  const exported = await page.request.get(at(`/domains/${domain}/aliases.json`));
  await page.goto(at(`/domains/${domain}/transfer`));
  await page.getByLabel("Or paste").fill(await exported.text());
  await page.getByRole("button", { name: "Show what would change" }).click();
  await page.getByRole("heading", { name: "0 new, 0 changed, 0 removed, 2 stay" }).waitFor();
});

function importText(): string {
  const to = [{ kind: "address", target: "me@elsewhere.test", route: null }];
  return JSON.stringify([
    { kind: "exact", pattern: "shop", destinations: to },
    { kind: "wildcard", pattern: "sales-*", destinations: to, labels: ["work"] },
  ]);
}

test("explain says which alias, why not the others, and what each destination gets", async () => {
  const { page } = seen;
  await page.goto(at(`/domains/${domain}/explain`));
  await page.getByLabel("To", { exact: true }).fill("sales-east");
  await page.getByLabel("From", { exact: true }).fill("bob@friendly.test");
  await page.getByRole("button", { name: "Explain" }).click();
  await page.getByRole("heading", { name: "It would be accepted." }).waitFor();
  expect(await page.getByRole("row", { name: "sales-*" }).innerText()).toContain("decides");
  await page.screenshot({ path: `${shots}explain.png`, fullPage: true });
  expect(await faults(page)).toEqual([]);
  await page.getByText("Paste a whole message").click();
  await page.getByLabel("Message with its headers").fill(letter("bob@friendly.test"));
  await page.getByLabel("Sending server's IP").fill("203.0.113.9");
  await page.getByRole("button", { name: "Explain" }).click();
  await page.getByRole("heading", { name: "It would be refused." }).waitFor();
  await page.getByText("likely forgery").waitFor();
});

test("a denied sender is refused from then on", async () => {
  const { page } = seen;
  await page.goto(at(`/domains/${domain}/senders`));
  await page.getByLabel("Sender", { exact: true }).fill("not a sender !!");
  await page.getByRole("button", { name: "Add to the list" }).click();
  await page.getByText("Write an address, a domain").waitFor();
  await page.getByLabel("Sender", { exact: true }).fill("*.pest.test");
  await page.getByRole("button", { name: "Add to the list" }).click();
  await page.getByText("The rule counts from now on").waitFor();
  await page.screenshot({ path: `${shots}senders.png`, fullPage: true });
  expect(await faults(page)).toEqual([]);
  await page.getByRole("link", { name: "your list for all domains that you own" }).click();
  await page.getByLabel("Sender", { exact: true }).fill(".zip");
  await page.getByRole("button", { name: "Add to the list" }).click();
  await page.getByText("The rule counts from now on").waitFor();
  await page.getByRole("button", { name: /Remove/ }).click();
  await page.getByText("Nobody is listed").waitFor();
  const { outcomes } = await edge.deliver({
    from: "a@mail.pest.test",
    to: ["shop@demo.test"],
    raw: letter("a@mail.pest.test"),
  });
  expect(outcomes[0]).toMatchObject({ kind: "refused" });
  await page.goto(at("/activity"));
  await page.getByText("deny list").waitFor();
});

test("a webhook is added, shows its key, and is switched off", async () => {
  const { page } = seen;
  await page.goto(at(`/domains/${domain}/webhooks`));
  await page.getByLabel("Address").fill("https://hooks.example/in");
  await page.getByRole("button", { name: "Add webhook" }).click();
  expect(await page.locator(".copyable code").innerText()).toMatch(/^whsec_/);
  await page.getByRole("button", { name: "New key pair (Ed25519)" }).click();
  expect(await page.locator(".copyable code").allInnerTexts()).toEqual([
    expect.stringMatching(/^whpk_/),
    expect.stringMatching(/^whsec_/),
  ]);
  await page.screenshot({ path: `${shots}webhook.png`, fullPage: true });
  expect(await faults(page)).toEqual([]);
  await page.getByRole("button", { name: "Switch off" }).click();
  await page.getByText("switched off").waitFor();
});

test("ten thousand aliases: the table stays quick", async () => {
  const { page } = seen;
  const big = await edge.addDomain("big.test", owner.account);
  await edge.env.DIRECTORY.prepare(
    `with recursive n(i) as (select 1 union all select i + 1 from n where i < 10000)
     insert into alias (id, domain, kind, pattern, created_at, updated_at) select printf('01%024d', i), ?1, 'exact', printf('name%05d', i), 0, 0 from n`,
  )
    .bind(big)
    .run();
  const started = performance.now();
  await page.goto(at(`/domains/${big}?text=name09999`));
  await page.getByText("name09999@big.test").first().waitFor();
  expect(performance.now() - started).toBeLessThan(3000);
  await page.goto(at(`/domains/${big}`));
  await page.getByText("10,000 aliases").waitFor();
  await page.getByRole("link", { name: "Next page" }).click();
  await page.getByText("name00041@big.test").first().waitFor();
  await page.getByLabel("Tick all").check();
  await page.getByRole("button", { name: "Switch off", exact: true }).first().click();
  await page.getByText("Done.").waitFor();
  const [row] = await edge.rows<{ n: number }>(
    "select count(*) as n from alias where domain = ? and state = 'disabled'",
    big,
  );
  expect(row?.n).toBe(40);
  await page.goto(at(`/domains/${big}?text=name09`));
  await page.getByText("1,000 aliases").waitFor();
  await page.getByLabel("Tick all").check();
  await page.getByLabel("all 1,000, on every page").check();
  await page.getByRole("button", { name: "Switch off", exact: true }).first().click();
  await page.getByText("Done.").waitFor();
  expect(new URL(page.url()).searchParams.get("text")).toBe("name09");
  const off = await edge.rows<{ n: number }>(
    "select count(*) as n from alias where domain = ? and state = 'disabled' and pattern like 'name09%'",
    big,
  );
  const [all] = await edge.rows<{ n: number }>(
    "select count(*) as n from alias where domain = ? and state = 'disabled'",
    big,
  );
  expect([off[0]?.n, all?.n]).toEqual([1000, 1040]);
  await page.getByText("Aliases changed: 1,000.").waitFor();
});

test("many aliases are sent elsewhere at once, by keys alone; a loop or nonsense changes none", async () => {
  const { page } = seen;
  const [big] = await edge.rows<{ id: string }>("select id from domain where name = 'big.test'");
  await page.goto(at(`/domains/${big?.id}?text=name0999`));
  await page.getByRole("heading", { name: "big.test" }).waitFor();
  for (const key of ["j", "x", "j", "x"]) await page.keyboard.press(key);
  await page.getByText("Send elsewhere").press("Enter");
  await page.getByRole("button", { name: "Send 2 aliases there" }).waitFor();
  const to = page.getByLabel("New destination");
  await to.fill("nonsense");
  await to.press("Enter");
  await page.getByRole("alert").getByText("is no e-mail address").waitFor();
  await page.goto(at(`/domains/${big?.id}?text=name0999`));
  await page.getByLabel("Tick all").check();
  await page.getByText("Send elsewhere").click();
  await to.fill("team@elsewhere.test, backup@elsewhere.test");
  expect(await faults(page)).toEqual([]);
  await page.screenshot({ path: `${shots}alias-redirect.png` });
  await page.setViewportSize({ width: 360, height: 640 });
  const over = "document.documentElement.scrollWidth - document.documentElement.clientWidth";
  expect(await page.evaluate(over)).toBe(0);
  await page.screenshot({ path: `${shots}alias-redirect-tiny.png` });
  await page.setViewportSize({ width: 1280, height: 720 });
  await page.getByRole("button", { name: "Send 10 aliases there" }).click();
  await page.getByText("Aliases changed: 10.").waitFor();
  const rows = await edge.rows<{ pattern: string; target: string }>(
    "select pattern, target from destination d join alias a on a.id = d.alias where a.domain = ? order by pattern, position",
    big?.id ?? "",
  );
  expect(rows).toHaveLength(20);
  expect(rows.slice(0, 2)).toEqual([
    { pattern: "name09990", target: "team@elsewhere.test" },
    { pattern: "name09990", target: "backup@elsewhere.test" },
  ]);
});

test("hostile text is shown as text, on every page it can reach", async () => {
  const { page } = seen;
  const evil = `"><img src=x onerror=alert(1)><script>alert(2)</script>`;
  await edge.env.DIRECTORY.prepare("update alias set note = ?1, labels = ?2")
    .bind(evil, JSON.stringify([evil]))
    .run();
  await edge.env.DIRECTORY.prepare("update account set name = ?1").bind(evil).run();
  await edge.env.DIRECTORY.prepare("update journal set author = ?1, helo = ?1, mail_from = ?1, reply = ?1, reason = ?1")
    .bind(evil)
    .run();
  await edge.env.DIRECTORY.prepare("update audit set subject = ?1").bind(evil).run();
  await edge.insert("journal_step", {
    id: edge.newId(),
    journal: (await edge.rows<{ id: string }>("select id from journal"))[0]?.id ?? "",
    at: 0,
    kind: evil,
    target: evil,
    ok: 0,
    detail: evil,
  });
  const [message] = await edge.rows<{ id: string }>("select journal as id from journal_step where kind = ?", evil);
  let dialogs = 0;
  page.on("dialog", (dialog) => {
    dialogs += 1;
    void dialog.dismiss();
  });
  const pages = [
    "/",
    "/activity",
    `/activity/${message?.id}`,
    `/domains/${domain}`,
    `/domains/${domain}/team`,
    `/domains/${domain}/audit`,
    "/security",
  ];
  for (const path of [
    ...pages,
    `/activity?text=${encodeURIComponent(evil)}`,
    `/domains/${domain}?text=${encodeURIComponent(evil)}`,
  ]) {
    await page.goto(at(path));
    expect(await page.locator('img[src="x"]').count(), path).toBe(0);
    const foreign = await page.locator("script:not([src^='/islands/'])").count();
    expect(foreign, path).toBe(0);
  }
  const row = await page.request.get(at(`/activity/${message?.id}/row`));
  expect(await row.text()).not.toContain("<img src=x");
  expect(dialogs).toBe(0);
  expect(seen.trouble).toEqual([]);
});

test("the API's reference is readable without signing in, and small", async () => {
  const fresh = await watch(browser);
  for (const part of ["", "/aliases", "/mailboxes", "/webhooks"]) {
    const response = await fresh.page.goto(at(`/reference${part}`));
    expect(response?.status()).toBe(200);
    expect((await response?.body())?.length).toBeLessThan(60 * 1024);
  }
  await fresh.page.screenshot({ path: `${shots}reference.png`, fullPage: true });
  expect(await faults(fresh.page)).toEqual([]);
  await fresh.context.close();
});

test("fifty domains: found by typing, walked by keys, and a help that lists the keys", async () => {
  const { page } = seen;
  for (let i = 10; i < 60; i++) await edge.addDomain(`shop-${i}.test`, owner.account);
  await edge.addDomain("xn--bcher-kva.test", owner.account);
  await page.goto(at("/"));
  expect(await page.getByRole("link", { name: /^shop-/ }).count()).toBeLessThan(10);
  await page.keyboard.press("Control+k");
  const box = page.getByRole("combobox", { name: "Where to?" });
  await box.fill("shop-37 dns");
  await page.getByRole("option", { name: "shop-37.test DNS" }).waitFor();
  expect(await faults(page)).toEqual([]);
  await page.screenshot({ path: `${shots}palette.png` });
  await box.press("Enter");
  // Loaded: keys that are pressed before the page's script runs are nobody's.
  await page.waitForURL(/\/setup$/);
  await page.getByRole("heading", { name: "shop-37.test" }).waitFor();
  await page.keyboard.press("g");
  await page.keyboard.press("d");
  await page.waitForURL(/\/domains$/);
  await page.getByRole("heading", { name: "Domains" }).waitFor();
  expect(await page.getByRole("link", { name: "bücher.test" }).count()).toBe(1);
  await page.keyboard.press("/");
  await page.keyboard.type("shop-4");
  await page.keyboard.press("Enter");
  await page.waitForURL(/shop-4/);
  await page.getByText("10 of ").waitFor();
  await page.getByRole("heading", { name: "Domains" }).click();
  await page.keyboard.press("j");
  await page.keyboard.press("j");
  expect(await page.locator(":focus").innerText()).toBe("shop-41.test");
  await page.keyboard.press("?");
  await page.getByRole("dialog", { name: "Keys" }).waitFor();
  expect(await faults(page)).toEqual([]);
  await page.keyboard.press("Escape");
  expect(await page.getByRole("dialog").count()).toBe(0);
});
