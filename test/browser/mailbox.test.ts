/**
 * A mailbox made in the browser: its keys, app password and recovery code never cross the network (every request's body and
 * address is searched), a message sealed to it opens with the app password shown, a device is added and revoked.
 */
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { utf8, utf8Decode } from "../../src/core/bytes.ts";
import { type MailboxRecord, mailboxRecordSchema } from "../../src/core/contract/mailbox.ts";
import { parseAppPassword, parseRecoveryCode, unwrapKey } from "../../src/core/seal/keys.ts";
import { openPrevious } from "../../src/core/seal/rotate.ts";
import { type Edge, letter, openFor, startEdge } from "../edge/world.ts";
import { faults, openBrowser, shots, type Watched, watch } from "./browser.ts";
import { setUp } from "./start.ts";

let edge: Edge;
let browser: Browser;
let seen: Watched;
const sent: string[] = [];
let recoveryCode = "";
let appPassword = "";
/** Made later, and the master keys that were seen on the way. */
const secrets: string[] = [];
const masterKeys: string[] = [];

beforeAll(async () => {
  edge = await startEdge();
  browser = await openBrowser();
  await edge.addNode();
  const owner = await setUp(edge);
  await edge.addDomain("demo.test", owner.account);
  seen = await watch(browser);
  await seen.context.addCookies([owner.cookie]);
  seen.page.on("request", (request) => sent.push(`${request.url()}\n${request.postData() ?? ""}`));
});
afterAll(async () => {
  await browser?.close();
  await edge?.close();
});

const at = (path: string): string => new URL(path, edge.url).href;
const shown = (page: Page, name: string): Promise<string> => page.locator(`[data-part="${name}"]`).innerText();

/** What the node was told last about the mailbox. */
function told(): MailboxRecord {
  const call = edge.node.taken.findLast(({ path }) => path === "/handoff/mailbox");
  const body: unknown = JSON.parse(utf8Decode(call?.body ?? utf8("{}")));
  return mailboxRecordSchema.parse((body as { mailbox: unknown }).mailbox);
}

function masterKeyBy(secretText: string): Uint8Array | null {
  const typed = utf8(secretText);
  const parsed = parseAppPassword(typed) ?? parseRecoveryCode(typed);
  const record = told();
  const slot = record.keyslots.find((one) => one.selector === parsed?.selector);
  return parsed && slot ? unwrapKey(slot, record.id, parsed.secret) : null;
}

test("is made only after the recovery code was confirmed", async () => {
  const { page } = seen;
  await page.goto(at("/mailboxes/new"));
  await page.getByLabel("Name", { exact: true }).fill("alice");
  await page.getByRole("button", { name: "Make the keys" }).click();
  await page.getByRole("heading", { name: "Keep this recovery code" }).waitFor();
  recoveryCode = await shown(page, "recovery");
  await page.screenshot({ path: `${shots}mailbox-recovery.png`, fullPage: true });
  await page.getByLabel("last eight").fill("wrong");
  await page.getByRole("button", { name: "I have kept it" }).click();
  expect(await page.getByRole("alert").innerText()).toContain("not how the code ends");
  expect(edge.node.taken).toEqual([]);
  await page.getByLabel("last eight").fill(recoveryCode.slice(-9));
  await page.getByRole("button", { name: "I have kept it" }).click();
  await page.getByRole("heading", { name: "The app password" }).waitFor();
  appPassword = await shown(page, "password");
  await seen.context.grantPermissions(["clipboard-read", "clipboard-write"]);
  await page.getByRole("button", { name: "Copy app password" }).click();
  await page.getByText("Copied", { exact: true }).waitFor();
  expect(await page.evaluate("navigator.clipboard.readText()")).toBe(appPassword);
  await page.screenshot({ path: `${shots}mailbox-password.png`, fullPage: true });
  expect(told()).toMatchObject({ address: "alice@demo.test", revision: 1 });
});

test("a name that can't be had is said before keys are made", async () => {
  const { page } = seen;
  await page.goto(at("/mailboxes/new"));
  await page.getByLabel("Name", { exact: true }).fill("two words");
  await page.getByRole("button", { name: "Make the keys" }).click();
  expect(await page.locator("#local:invalid").count()).toBe(1);
  await page.getByLabel("Name", { exact: true }).fill("Alice");
  await page.getByRole("button", { name: "Make the keys" }).click();
  await page.getByText("There is a mailbox alice@demo.test already").waitFor();
  expect(await page.getByRole("heading", { name: "Keep this recovery code" }).isVisible()).toBe(false);
});

test("mail sealed to it opens with the app password and with the recovery code", async () => {
  await edge.deliver({
    from: "bob@friendly.test",
    to: ["alice@demo.test"],
    raw: letter("bob@friendly.test", "the subject"),
  });
  const { body } = await edge.node.next(({ path }) => path === "/handoff/message");
  for (const secret of [appPassword, recoveryCode]) {
    const masterKey = masterKeyBy(secret);
    expect(masterKey).not.toBeNull();
    if (masterKey !== null) expect(utf8Decode(openFor({ masterKey }, body).raw)).toContain("the subject");
  }
});

test("a device is added with the recovery code, and revoked", async () => {
  const { page } = seen;
  await page.goto(at(`/mailboxes/${told().id}`));
  await page.getByLabel("Name of the device").fill("Phone");
  await page.getByLabel("Recovery code, or").fill("not a code");
  await page.getByRole("button", { name: "Make an app password" }).click();
  await page.getByText("neither this mailbox's recovery code").waitFor();
  await page.getByLabel("Recovery code, or").fill(recoveryCode);
  await page.getByRole("button", { name: "Make an app password" }).click();
  await page.getByRole("heading", { name: "The app password" }).waitFor();
  const second = await shown(page, "password");
  expect(masterKeyBy(second)).toEqual(masterKeyBy(appPassword));
  await page.reload();
  await page.screenshot({ path: `${shots}mailbox-devices.png`, fullPage: true });
  const row = page.getByRole("row", { name: "Phone" });
  await row.locator("summary").click();
  await row.getByRole("button", { name: "Revoke it" }).click();
  await page.getByText("That device is cut off").waitFor();
  const slot = told().keyslots.find(({ label }) => label === "Phone");
  expect(slot?.revokedAt).toEqual(expect.any(Number));
});

test("all keys are changed after a theft: the old code opens the way, and nothing but the new ones counts", async () => {
  const { page } = seen;
  const before = told();
  await page.goto(at(`/mailboxes/${before.id}`));
  await page.getByRole("link", { name: "Change all keys" }).click();
  await page.getByLabel("Recovery code, or").fill("not a code");
  await page.getByLabel("First device afterwards").fill("New laptop");
  await page.getByRole("button", { name: "Make new keys" }).click();
  await page.getByText("neither this mailbox's recovery code").waitFor();
  expect(await faults(page)).toEqual([]);
  await page.getByLabel("Recovery code, or").fill(recoveryCode);
  await page.getByRole("button", { name: "Make new keys" }).click();
  await page.getByRole("heading", { name: "Keep this recovery code" }).waitFor();
  const code = await shown(page, "recovery");
  expect(told().keyId).toBe(before.keyId);
  await page.getByLabel("last eight").fill(code.slice(-9));
  await page.getByRole("button", { name: "I have kept it" }).click();
  await page.getByRole("heading", { name: "The app password" }).waitFor();
  const password = await shown(page, "password");
  const after = told();
  expect(after).toMatchObject({ revision: before.revision + 1, previous: [{ keyId: before.keyId }] });
  const live = after.keyslots.filter(({ revokedAt }) => revokedAt === null).map(({ label }) => label);
  expect(live.toSorted()).toEqual(["New laptop", "Recovery code"]);
  const fresh = masterKeyBy(password);
  expect(fresh).toEqual(masterKeyBy(code));
  const [previous] = after.previous ?? [];
  const old = previous && fresh && openPrevious(fresh, after.id, previous);
  expect(old).toEqual(masterKeyBy(appPassword));
  masterKeys.push(...[old, fresh].map((key) => Buffer.from(key ?? []).toString("base64")));
  secrets.push(password, code);
});

test("is deleted only when its address was typed, and says what goes with it", async () => {
  const { page } = seen;
  const { id, domain } = { ...told(), domain: (await edge.rows<{ id: string }>("select id from domain"))[0]?.id ?? "" };
  await edge.addAlias(domain, "only-there", [["mailbox", id]]);
  await page.goto(at(`/mailboxes/${id}`));
  await page.getByRole("link", { name: "Delete mailbox" }).click();
  await page.getByText("leads nowhere else").waitFor();
  expect(await faults(page)).toEqual([]);
  await page.getByLabel("Type alice@demo.test").fill("bob@demo.test");
  await page.getByRole("button", { name: "Delete the mailbox" }).click();
  await page.locator("#address-wrong").waitFor();
  await page.getByLabel("Type alice@demo.test").fill("alice@demo.test");
  await page.getByRole("button", { name: "Delete the mailbox" }).click();
  await page.getByText("The mailbox is gone").waitFor();
  const [alias] = await edge.rows<{ state: string }>("select state from alias where pattern = 'only-there'");
  expect(alias?.state).toBe("disabled");
  const [slots] = await edge.rows<{ n: number }>("select count(*) as n from keyslot where mailbox = ?", id);
  expect(slots?.n).toBe(0);
});

test("nothing that opens it ever left the browser", () => {
  const plain = (text: string): string => text.toLowerCase().replace(/[^0-9a-z]/g, "");
  const log = sent.join("\n");
  const all = [appPassword, recoveryCode, ...secrets].map((text) => plain(text).slice(10));
  expect(all.every((secret) => secret.length > 20)).toBe(true);
  for (const secret of all) expect(plain(log)).not.toContain(secret);
  expect(masterKeys).toHaveLength(2);
  for (const key of masterKeys) expect(log).not.toContain(key);
  expect(log).toContain("publicKey"); // the log does hold what was sent
  expect(seen.trouble).toEqual([]);
});
