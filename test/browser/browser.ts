/**
 * Chromium over the real Worker: a signed-in page, screenshots into an ignored folder, and what every page must hold (no
 * request to anybody else, no console error, no serious axe finding, HTML within bounds).
 */
import { mkdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { type Browser, type BrowserContext, chromium, type Page } from "playwright-core";
import { root } from "../edge/world.ts";

export const shots = `${root}.shots/`;
const args = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

export async function openBrowser(): Promise<Browser> {
  mkdirSync(shots, { recursive: true });
  return chromium.launch({ executablePath: "/usr/bin/chromium", args });
}

const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

export type Watched = { page: Page; context: BrowserContext; requests: string[]; trouble: string[] };

/** A page whose requests and complaints are written down. */
export async function watch(browser: Browser, options: Parameters<Browser["newContext"]>[0] = {}): Promise<Watched> {
  const context = await browser.newContext({ locale: "en-GB", timezoneId: "UTC", ...options });
  const page = await context.newPage();
  const requests: string[] = [];
  const trouble: string[] = [];
  page.on("request", (request) => requests.push(request.url()));
  page.on("pageerror", (error) => trouble.push(String(error)));
  page.on("console", (message) => {
    if (message.type() === "error" && !/status of 4\d\d/.test(message.text())) trouble.push(message.text());
  });
  return { page, context, requests, trouble };
}

export type Fault = { id: string; impact: string; nodes: string[] };

/** Serious and critical findings of axe-core (WCAG 2.2 AA). axe is put into an isolated world, so the page's CSP stays as it is. */
export async function faults(page: Page): Promise<Fault[]> {
  const session = await page.context().newCDPSession(page);
  const { frameTree } = await session.send("Page.getFrameTree");
  const { executionContextId } = await session.send("Page.createIsolatedWorld", { frameId: frameTree.frame.id });
  const run = async (expression: string): Promise<unknown> => {
    const answer = await session.send("Runtime.evaluate", {
      expression,
      contextId: executionContextId,
      awaitPromise: true,
      returnByValue: true,
    });
    if (answer.exceptionDetails !== undefined) throw new Error(answer.exceptionDetails.text);
    return answer.result.value;
  };
  await run(axe);
  const found =
    await run(`axe.run(document, { runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"] })
    .then(({ violations }) => violations.filter((v) => v.impact === "serious" || v.impact === "critical")
    .map((v) => ({ id: v.id, impact: v.impact, nodes: v.nodes.map((n) => n.html.slice(0, 160) + " | " + n.failureSummary.slice(0, 200)) })))`);
  await session.detach();
  return found as Fault[];
}

export const looks = [
  { name: "light", viewport: { width: 1280, height: 860 }, colorScheme: "light", narrow: false },
  { name: "dark", viewport: { width: 1280, height: 860 }, colorScheme: "dark", narrow: false },
  { name: "phone", viewport: { width: 390, height: 844 }, colorScheme: "light", narrow: true },
  { name: "tiny", viewport: { width: 360, height: 640 }, colorScheme: "dark", narrow: true },
] as const;
