/**
 * A stranger's first ten minutes, whole: account, domain (by hand; a second one by a Cloudflare token), alias, mailbox with keys
 * made in the browser, a message through the door, read over IMAP with the app password just made. Nothing is stood in for: the
 * Worker, the daemon and their DNS are those of `npm start`. What opens the mailbox never leaves the browser: its log says so.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { ImapFlow } from "imapflow";
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { z } from "zod";
import { utf8 } from "../../src/core/bytes.ts";
import { keyslotSchema } from "../../src/core/contract/mailbox.ts";
import { parseAppPassword, unwrapKey } from "../../src/core/seal/keys.ts";
import { letterText } from "../letter-text.ts";
import {
  curlAs,
  eventually,
  imapUrl,
  outside,
  sample,
  samples,
  send,
  type TestWorld,
  testWorld,
} from "../system/world.ts";
import { faults, openBrowser, shots, type Watched, watch } from "./browser.ts";

let world: TestWorld;
let browser: Browser;
let seen: Watched;
/** Everything that the browser sent: addresses, headers, bodies. */
const sent: string[] = [];
const box = { address: "ana@living.test", password: "" };
let recoveryCode = "";

beforeAll(async () => {
  world = await testWorld({ vars: { SIGN_UP: "open" } });
  browser = await openBrowser();
  seen = await watch(browser);
  seen.page.on("request", (request) =>
    sent.push([request.url(), JSON.stringify(request.headers()), request.postData() ?? ""].join("\n")),
  );
});
afterAll(async () => {
  await browser?.close();
  await world?.close();
});

const at = (path: string): string => new URL(path, world.endpoints.dashboard).href;
const step = (name: string) => seen.page.screenshot({ path: `${shots}life-${name}.png`, fullPage: true });

async function addDomain(name: string): Promise<string> {
  const { page } = seen;
  await page.goto(at("/domains"));
  await page.getByLabel("Domain name").fill(name);
  await page.getByRole("button", { name: "Add domain" }).click();
  await page.waitForURL(/\/setup/);
  return new URL(page.url()).pathname.replace("/setup", "");
}

let domain = "";

test("an account is made", async () => {
  const { page } = seen;
  await page.goto(at("/sign-up"));
  await page.getByLabel("E-mail address").fill("ana@elsewhere.test");
  await page.getByRole("button", { name: "Go on" }).click();
  await page.getByRole("heading", { name: "Check your e-mail" }).waitFor();
  const link = await eventually("the mail with the link", () => mailedLink("ana@elsewhere.test", "sign-up"));
  await page.goto(at(new URL(link).pathname));
  await page.getByLabel("Password").fill("three calm green doors");
  await page.getByRole("button", { name: "Create account" }).click();
  await page.getByRole("heading", { name: "Welcome" }).waitFor();
});

test("a domain by hand: its records are set as the page shows them, and the page turns green", async () => {
  const { page } = seen;
  domain = await addDomain("living.test");
  await step("wizard");
  const shown = (check: string) => page.locator(`#check-${check} code`).allInnerTexts();
  const [ownerName = "", ownerValue = ""] = await shown("owner");
  const [, host = ""] = await shown("mx");
  const [, spf = ""] = await shown("spf");
  world.dns.set("living.test", { MX: [{ priority: 10, exchange: host }], TXT: [spf] });
  world.dns.set(ownerName, { TXT: [ownerValue] });
  await page.getByText("Everything that is needed is right").waitFor({ timeout: 60_000 });
  await step("wizard-green");
});

test("a domain by a Cloudflare token: what it writes to the zone is what turns the page green", async () => {
  const { page } = seen;
  const { zone, token } = world.endpoints.cloudflare;
  await addDomain(zone);
  await page.getByText("A token sets all of it").click();
  await page.getByLabel("API token").fill(token);
  await page.getByRole("button", { name: "Show what would change" }).click();
  await page.getByText("Remove MX mx.elsewhere.test").waitFor();
  await page.getByRole("button", { name: "Apply these changes" }).click();
  await page.getByText("Everything that is needed is right").waitFor({ timeout: 60_000 });
  await step("wizard-token");
});

test("the first alias forwards once the owner of the address has said yes", async () => {
  const { page } = seen;
  await page.goto(at(domain));
  await page.getByLabel("Alias", { exact: true }).fill("hello");
  await page.getByLabel("Goes to").fill("me@elsewhere.test");
  await page.getByRole("button", { name: "Add alias" }).click();
  await page.getByText("as soon as its owner has opened the link").waitFor();
  const link = await eventually("the mail that asks", () => mailedLink("me@elsewhere.test", "verify"));
  const other = await watch(browser);
  await other.page.goto(link);
  await other.page.getByRole("button", { name: "Yes, forward mail to me" }).click();
  await other.page.getByRole("heading", { name: "Forwarding is on" }).waitFor();
  await other.context.close();
  const given = await send(world, join(samples, "welcome.eml"), "hello@living.test", "ann@sender.test");
  expect(given.code, given.stderr).toBe(0);
  const forwarded = () =>
    outside(world).find(({ rcptTo, mailFrom }) => rcptTo.includes("me@elsewhere.test") && mailFrom !== "");
  await eventually("the forwarded message", () => forwarded() ?? null);
});

function mailedLink(to: string, path: string): string | null {
  const asked = outside(world).find(({ rcptTo }) => rcptTo.includes(to));
  return new RegExp(`http\\S+/${path}/\\S+`).exec(letterText(asked?.raw.toString() ?? ""))?.[0] ?? null;
}

test("a mailbox: its recovery code is confirmed, its app password shown once", async () => {
  const { page } = seen;
  await page.goto(at("/mailboxes/new"));
  await page.getByLabel("Name", { exact: true }).fill("ana");
  await page.getByLabel("Domain", { exact: true }).selectOption("living.test");
  await page.getByRole("button", { name: "Make the keys" }).click();
  await page.getByRole("heading", { name: "Keep this recovery code" }).waitFor();
  recoveryCode = await page.locator('[data-part="recovery"]').innerText();
  await page.getByLabel("last eight").fill(recoveryCode.slice(-9));
  await page.getByRole("button", { name: "I have kept it" }).click();
  await page.getByRole("heading", { name: "The app password" }).waitFor();
  box.password = await page.locator('[data-part="password"]').innerText();
  const port = String(world.endpoints.imaps.port);
  await page.locator('[data-part="connect"]').getByRole("cell", { name: port, exact: true }).waitFor();
  await step("mailbox");
  expect(await faults(page)).toEqual([]);
  await page.goto(at(domain));
  await page.getByLabel("Alias", { exact: true }).fill("post");
  await page.getByLabel("Goes to").fill(box.address);
  await page.getByRole("button", { name: "Add alias" }).click();
  await page.getByText("The alias is live").waitFor();
});

test("a message through the door is seen arriving, and read by mail programs with that app password", async () => {
  const { page } = seen;
  await page.goto(at(`${domain}/setup`));
  await page.locator('.live[data-on="true"]').waitFor();
  const given = await send(world, join(samples, "welcome.eml"), "post@living.test", "ann@sender.test");
  expect(given.code, given.stderr).toBe(0);
  await page.getByRole("article").filter({ hasText: "post@living.test" }).waitFor();
  await step("arrived");
  const read = await eventually("the message over IMAP", async () => {
    const { stdout, code } = await curlAs(world, box, imapUrl(world, "INBOX;MAILINDEX=1"));
    return code === 0 && stdout.length > 0 ? stdout : null;
  });
  const whole = sample("welcome");
  expect(read.subarray(read.length - whole.length).equals(whole)).toBe(true);
  const client = new ImapFlow({
    ...{ host: "localhost", port: world.endpoints.imaps.port, secure: true, logger: false as const },
    auth: { user: box.address, pass: box.password },
    tls: { ca: readFileSync(world.endpoints.ca) },
  });
  await client.connect();
  await client.mailboxOpen("INBOX");
  expect(await client.fetchOne("1", { envelope: true })).toMatchObject({ envelope: { subject: "Welcome to Postern" } });
  await client.logout();
  const wrong = await curlAs(world, { ...box, password: world.endpoints.mailbox.password }, imapUrl(world, "INBOX"));
  expect(wrong.code).toBe(67); // curl: login denied
});

const made = z.object({ id: z.string(), publicKey: z.string(), keyslots: z.array(keyslotSchema) });

test("neither master key, app password nor recovery code ever left the browser", () => {
  const log = sent.join("\n");
  const body =
    sent
      .find((request) => /\/api\/mailboxes\n/.test(request))
      ?.split("\n")
      .at(-1) ?? "";
  const { id, keyslots } = made.parse(JSON.parse(body)); // the log does hold what was sent
  const parsed = parseAppPassword(utf8(box.password));
  const slot = keyslots.find(({ selector }) => selector === parsed?.selector);
  const masterKey = parsed && slot ? unwrapKey(slot, id, parsed.secret) : null;
  expect(masterKey).toHaveLength(32);
  const plain = (text: string): string => text.toLowerCase().replace(/[^0-9a-z]/g, "");
  for (const text of [box.password, recoveryCode]) expect(plain(log)).not.toContain(plain(text).slice(10));
  for (const secret of [masterKey ?? new Uint8Array(), parsed?.secret ?? new Uint8Array()])
    for (const spelling of ["base64", "base64url", "hex"] as const)
      expect(log).not.toContain(Buffer.from(secret).toString(spelling));
  expect(seen.trouble).toEqual([]);
  expect(seen.requests.filter((url) => !url.startsWith(world.endpoints.dashboard) && !url.startsWith("blob:"))).toEqual(
    [],
  );
});
