/**
 * A directory of somebody with much: fifty domains, ten thousand aliases, full lists. Every page of it stays within 60 KB of HTML
 * and does not shift while it loads, wide and narrow. Times are written out, not judged: a machine under load is no fault of a page.
 */
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Edge, letter, startEdge } from "../edge/world.ts";
import { looks, openBrowser, type Watched, watch } from "./browser.ts";
import { type Owner, setUp } from "./start.ts";

let edge: Edge;
let browser: Browser;
let owner: Owner;
const paths: string[] = [];

beforeAll(async () => {
  edge = await startEdge({
    "friendly.test": { TXT: ["v=spf1 ip4:192.0.2.1 -all"] },
    "_dmarc.friendly.test": { TXT: ["v=DMARC1; p=reject"] },
  });
  browser = await openBrowser();
  await edge.addNode();
  owner = await setUp(edge);
  await fill();
}, 180_000);
afterAll(async () => {
  await browser?.close();
  await edge?.close();
});

async function fill(): Promise<void> {
  const domain = await edge.addDomain("demo.test", owner.account);
  for (let n = 0; n < 50; n++) await edge.addDomain(`a-rather-long-name-number-${n}.example`, owner.account);
  const box = await edge.addMailbox(domain, "alice@demo.test");
  await edge.addAlias(domain, "hello", [["mailbox", box.mailboxId]], { note: "Printed on the business card" });
  await edge.rows(many, domain, Date.now());
  await edge.rows(
    "update alias set note = ? where domain = ? and pattern < 'shop-00020'",
    "A long note. ".repeat(70),
    domain,
  );
  await edge.rows(manyTargets, domain);
  for (let n = 0; n < 9; n++) await edge.rows(moreTargets, domain, n);
  for (const [from, to] of mail) await edge.deliver({ from, to: [to], raw: letter(from) });
  const [message] = await edge.rows<{ id: string }>("select id from journal limit 1");
  const [alias] = await edge.rows<{ id: string }>("select id from alias where pattern = 'hello'");
  const of = ["", "/senders", "/webhooks", "/explain", "/transfer", "/setup", "/txt", "/team", "/audit"];
  paths.push(
    ...["/", "/domains", "/mailboxes", "/mailboxes/new", `/mailboxes/${box.mailboxId}`, "/activity", "/charts"],
    ...["/reports", "/nodes", "/security", "/reference", `/activity/${message?.id}`],
    ...of.map((path) => `/domains/${domain}${path}`),
    `/domains/${domain}/aliases/${alias?.id}`,
  );
}

const many = `with recursive n(i) as (select 1 union all select i + 1 from n where i < 10000)
  insert into alias (id, domain, kind, pattern, note, labels, state, disabled_reply, created_at, updated_at)
  select printf('01BULK%020d', i), ?1, 'exact', printf('shop-%05d', i), 'Made for a shop that asks for an address', '["shopping"]',
    'active', 550, ?2, ?2 from n`;
const manyTargets = `insert into destination (id, alias, position, kind, target, created_at)
  select 'D' || substr(id, 2), id, 0, 'address', 'somebody.with.a.long.name@elsewhere.test', 0 from alias where domain = ?1 and id like '01BULK%'`;
const moreTargets = `insert into destination (id, alias, position, kind, target, created_at)
  select 'E' || ?2 || substr(id, 3), id, 1 + ?2, 'address', 'team-' || ?2 || '@elsewhere.test', 0
  from alias where domain = ?1 and pattern between 'shop-00010' and 'shop-00030'`;
const mail = Array.from({ length: 60 }, (_, n): [string, string] => [
  `writer-${n}@friendly.test`,
  n % 3 === 0 ? `nobody-${n}@demo.test` : "hello@demo.test",
]);

type Shift = { value: number; of: string[] };
type Measured = { shifts: Shift[]; ready: number; long: number };

/** Runs before the page's own scripts. */
const observe = `
  window.measured = { shifts: [], long: 0 };
  new PerformanceObserver((list) => {
    for (const entry of list.getEntries()) window.measured.shifts.push({
      value: entry.value,
      of: entry.sources.map(({ node }) => node?.outerHTML?.slice(0, 80) ?? String(node?.textContent).slice(0, 40)),
    });
  }).observe({ type: "layout-shift", buffered: true });
  new PerformanceObserver((list) => {
    for (const entry of list.getEntries()) window.measured.long = Math.max(window.measured.long, entry.duration);
  }).observe({ type: "longtask", buffered: true });`;
/** Two frames after everything has loaded: what scripts changed has been laid out by then. */
const settled = `new Promise((done) => {
  const soon = () => requestAnimationFrame(() => requestAnimationFrame(() => done({
    ...window.measured, ready: performance.getEntriesByType("navigation")[0].domContentLoadedEventEnd })));
  if (document.readyState === "complete") soon(); else addEventListener("load", soon);
})`;

async function measure({ page }: Watched, path: string): Promise<Measured & { bytes: number }> {
  const response = await page.goto(new URL(path, edge.url).href);
  expect(response?.status(), path).toBe(200);
  const bytes = (await response?.body())?.length ?? 0;
  return { ...((await page.evaluate(settled)) as Measured), bytes };
}

test.each(looks.filter(({ colorScheme }) => colorScheme === "light"))(
  "pages stay small and still in $name",
  async (look) => {
    const seen = await watch(browser, { viewport: look.viewport });
    await seen.context.addCookies([owner.cookie]);
    await seen.page.addInitScript(observe);
    for (const path of paths) {
      const { shifts, bytes, ready, long } = await measure(seen, path);
      process.stdout.write(`${look.name} ${path} ${bytes} B, ready ${Math.round(ready)} ms, longest task ${long} ms\n`);
      expect(bytes, path).toBeLessThanOrEqual(60 * 1024);
      expect(shifts, path).toEqual([]);
    }
    await seen.context.close();
  },
);
