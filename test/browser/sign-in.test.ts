/** Ways in, walked by a person in Chromium: sign-up, codes from an app, recovery codes, a passkey, invitations, sessions, keys. */
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { ApiClient } from "../edge/api-client.ts";
import { lettersTo, letterTo, tokenIn, withWayOut } from "../edge/mailed.ts";
import { type Edge, startEdge } from "../edge/world.ts";
import { faults, looks, openBrowser, shots, type Watched, watch } from "./browser.ts";
import { totpCode } from "./totp.ts";

const owner = { email: "ana@demo.test", password: "three calm green doors" };
let edge: Edge;
let browser: Browser;
let seen: Watched;
let secret = "";
let recovery: string[] = [];

// Passkeys need a secure context with a name: localhost is one.
const at = (path: string): string => new URL(path, `http://localhost:${edge.url.port}`).href;

beforeAll(async () => {
  edge = await startEdge({}, { SIGN_UP: "open" });
  browser = await openBrowser();
  seen = await watch(browser);
  await withWayOut(edge);
  const first = new ApiClient(edge.url);
  await first.post("/setup", {
    email: "op@demo.test",
    password: "the operator's words",
    token: "a-setup-token-for-tests",
  });
});
beforeEach(() => edge.env.DIRECTORY.exec("delete from attempt"));
afterAll(async () => {
  await browser?.close();
  await edge?.close();
});

async function signIn(page: Page, password = owner.password): Promise<void> {
  await page.goto(at("/sign-in"));
  await page.getByLabel("E-mail address").fill(owner.email);
  await page.getByLabel("Password").fill(password);
  await page.getByRole("button", { name: "Sign in", exact: true }).click();
}

test("a stranger makes an account by a mailed link, a weak password is told so", async () => {
  const { page } = seen;
  await page.goto(at("/sign-up"));
  await page.screenshot({ path: `${shots}sign-up.png`, fullPage: true });
  await page.getByLabel("E-mail address").fill(owner.email);
  await page.getByRole("button", { name: "Go on" }).click();
  await page.getByRole("heading", { name: "Check your e-mail" }).waitFor();
  expect(await faults(page)).toEqual([]);
  await page.goto(at(`/sign-up/${tokenIn(await letterTo(edge, owner.email), "sign-up")}`));
  expect(await faults(page)).toEqual([]);
  await page.getByLabel("Password").fill("aaaaaaaaaaaaaaa");
  await page.getByRole("button", { name: "Create account" }).click();
  expect(await page.locator("#password-wrong").innerText()).toContain("random words");
  await page.getByLabel("Password").fill(owner.password);
  await page.getByRole("button", { name: "Create account" }).click();
  await page.getByRole("heading", { name: "Welcome" }).waitFor();
  await page.screenshot({ path: `${shots}welcome.png`, fullPage: true });
  expect(await faults(page)).toEqual([]);
});

test("codes are set up by scanning or typing, and then asked for", async () => {
  const { page } = seen;
  await page.goto(at("/security"));
  await page.getByRole("button", { name: "Set up codes" }).click();
  secret = (await page.locator(".copyable code").innerText()).replace(/\s/g, "");
  await page.screenshot({ path: `${shots}totp.png`, fullPage: true });
  await page.getByLabel("Code", { exact: true }).fill("000000");
  await page.getByRole("button", { name: "Switch codes on" }).click();
  await page.getByText("not the code of this moment").waitFor();
  await page.getByLabel("Code", { exact: true }).fill(totpCode(secret, Date.now()));
  await page.getByRole("button", { name: "Switch codes on" }).click();
  await page.getByRole("heading", { name: "Your recovery codes" }).waitFor();
  recovery = await page.locator("[data-code]").allInnerTexts();
  expect(recovery).toHaveLength(10);
  await page.goto(at("/security"));
  await page.screenshot({ path: `${shots}security.png`, fullPage: true });
  expect(await faults(page)).toEqual([]);
  await page.getByRole("button", { name: "Sign out", exact: true }).first().click();
  await signIn(page);
  await page.getByRole("heading", { name: "Enter a code" }).waitFor();
  // Of the step after: a code is taken once, and clocks may differ by one.
  await page.getByLabel("Code").fill(totpCode(secret, Date.now() + 30_000));
  await page.getByRole("button", { name: "Go on" }).click();
  await page.getByRole("heading", { name: "Welcome" }).waitFor();
});

test("a code and a recovery code work once each", async () => {
  const other = await watch(browser);
  await signIn(other.page);
  await other.page.getByLabel("Code").fill(totpCode(secret, Date.now()));
  await other.page.getByRole("button", { name: "Go on" }).click();
  await other.page.getByText("not right, or was used already").waitFor();
  await other.page.getByLabel("Code").fill(recovery[0] ?? "");
  await other.page.getByRole("button", { name: "Go on" }).click();
  await other.page.getByRole("heading", { name: "Welcome" }).waitFor();
  const program = new ApiClient(edge.url);
  const again = await program.post("/session", { ...owner, code: recovery[0] });
  expect(again.body).toMatchObject({ status: 401, code: "wrong-code" });
  expect((await program.post("/session", owner)).body).toMatchObject({ code: "second-factor-needed" });
  await other.context.close();
});

test("a passkey is added and signs in alone", async () => {
  const { page, context } = seen;
  const session = await context.newCDPSession(page);
  await session.send("WebAuthn.enable");
  await session.send("WebAuthn.addVirtualAuthenticator", {
    options: {
      protocol: "ctap2",
      transport: "internal",
      hasResidentKey: true,
      hasUserVerification: true,
      isUserVerified: true,
      automaticPresenceSimulation: true,
    },
  });
  await page.goto(at("/security"));
  await page.getByLabel("Name of the passkey").fill("Laptop");
  await page.getByRole("button", { name: "Add a passkey" }).click();
  await page.getByText("The passkey works from now on").waitFor();
  await page.getByRole("button", { name: "Sign out", exact: true }).first().click();
  await page.getByRole("button", { name: "Use a passkey" }).click();
  await page.getByRole("heading", { name: "Welcome" }).waitFor();
  const [row] = await edge.rows<{ strong: number }>("select strong from session order by created_at desc limit 1");
  expect(row?.strong).toBe(1);
});

test("a dangerous act asks again, with a code; a passkey is proof too", async () => {
  const { page } = seen;
  await edge.env.DIRECTORY.exec("update session set proved_at = 0");
  await page.goto(at("/security"));
  await page.getByRole("button", { name: "New recovery codes" }).click();
  await page.getByRole("heading", { name: "It's you?" }).waitFor();
  await page.getByLabel("Password").fill(owner.password);
  await page.getByLabel("Code").fill("000000");
  await page.getByRole("button", { name: "Go on" }).click();
  await page.getByText("not right, or was used already").waitFor();
  await page.getByRole("button", { name: "Use a passkey instead" }).click();
  await page.getByRole("heading", { name: "Sign-in" }).waitFor();
  await page.getByRole("button", { name: "New recovery codes" }).click();
  await page.getByRole("heading", { name: "Your recovery codes" }).waitFor();
  recovery = await page.locator("[data-code]").allInnerTexts();
});

test("an API key does what its scopes say, and stops when deleted", async () => {
  const { page } = seen;
  await page.goto(at("/security"));
  await page.getByText("Make a key").click();
  await page.getByLabel("Name", { exact: true }).last().fill("Script");
  await page.getByLabel("domains:read").check();
  await page.getByRole("button", { name: "Make the key" }).click();
  const text = await page.locator(".copyable code").innerText();
  const program = new ApiClient(edge.url);
  const bearer = { authorization: `Bearer ${text}` };
  expect((await program.get("/domains", bearer)).status).toBe(200);
  expect((await program.post("/domains", { name: "x.test" }, bearer)).body).toMatchObject({
    status: 403,
    code: "scope",
  });
  expect((await program.get("/account/sessions", bearer)).status).toBe(403);
  await page.goto(at("/security"));
  const row = page.getByRole("row", { name: "Script" });
  await row.locator("summary").click();
  await row.getByRole("button", { name: "Delete it" }).click();
  await page.getByText("no longer works").waitFor();
  expect((await program.get("/domains", bearer)).status).toBe(401);
});

test("somebody invited joins in the role given, and only they", async () => {
  const { page } = seen;
  const [account] = await edge.rows<{ id: string }>("select id from account where email = ?", owner.email);
  const domain = await edge.addDomain("team.test", account?.id ?? "");
  await page.goto(at(`/domains/${domain}/team`));
  await page.getByLabel("E-mail address").fill("Ben@Friends.test");
  await page.getByRole("button", { name: "Make an invitation" }).click();
  const link = await page.locator(".copyable code").innerText();
  await page.screenshot({ path: `${shots}team.png`, fullPage: true });
  expect(await faults(page)).toEqual([]);
  await page.goto(link);
  await page.getByText("This invitation is for").waitFor();
  const guest = await watch(browser);
  await guest.page.goto(link);
  await guest.page.screenshot({ path: `${shots}join.png`, fullPage: true });
  await guest.page.getByLabel("Password").fill("four friendly brown bears");
  await guest.page.getByRole("button", { name: "Create account and join" }).click();
  await guest.page.getByText("Welcome. You belong").waitFor();
  expect(await guest.page.getByRole("button", { name: "Add alias" }).count()).toBe(0); // a member looks
  await guest.page.goto(at(`/domains/${domain}/audit`));
  await guest.page.getByText("needs the role").waitFor();
  await guest.context.close();
});

test("a domain may demand a second factor", async () => {
  const { page } = seen;
  const [team] = await edge.rows<{ id: string }>("select id from domain where name = 'team.test'");
  await page.goto(at(`/domains/${team?.id}/team`));
  await page.getByRole("button", { name: "Demand it of everybody" }).click();
  await page.getByText("has to sign in with a code").waitFor();
  const guest = new ApiClient(edge.url);
  await guest.post("/session", { email: "ben@friends.test", password: "four friendly brown bears" });
  expect((await guest.get(`/domains/${team?.id}`)).body).toMatchObject({ status: 403, code: "second-factor-needed" });
  expect((await guest.get("/domains")).body).toMatchObject({ items: [] });
});

test("the log's chain is whole, and a changed row is found", async () => {
  const { page } = seen;
  const [team] = await edge.rows<{ id: string }>("select id from domain where name = 'team.test'");
  await page.goto(at(`/domains/${team?.id}/audit`));
  await page.getByRole("button", { name: "Verify the chain" }).click();
  await page.getByText("Whole:").waitFor();
  await page.screenshot({ path: `${shots}audit.png`, fullPage: true });
  await edge.env.DIRECTORY.prepare("update audit set subject = 'nobody' where chain = ? and seq = 2")
    .bind(team?.id)
    .run();
  await page.reload();
  await page.getByText("Broken at row 2").waitFor();
});

test("other sessions are ended in one click; nothing complained", async () => {
  const { page } = seen;
  const other = await watch(browser);
  await other.context.addCookies(await seen.context.cookies());
  const program = new ApiClient(edge.url);
  await program.post("/session", { ...owner, code: recovery[1] });
  expect((await program.get("/account")).status).toBe(200);
  await page.goto(at("/security"));
  await page.getByRole("button", { name: "Sign out everywhere else" }).click();
  await page.getByText("All other sessions are ended").waitFor();
  expect((await program.get("/account")).status).toBe(401);
  expect(seen.trouble).toEqual([]);
  await other.context.close();
});

test("a forgotten password: asked for, mailed, chosen; every session is over and the code is still asked for", async () => {
  const other = await watch(browser);
  const { page } = other;
  await page.goto(at("/sign-in"));
  await page.getByRole("link", { name: "Forgot the password?" }).click();
  await page.getByLabel("E-mail address").fill(owner.email);
  expect(await faults(page)).toEqual([]);
  await page.getByRole("button", { name: "Mail me a link" }).click();
  await page.getByRole("heading", { name: "Check your e-mail" }).waitFor();
  const reset = () => lettersTo(edge, owner.email).find(({ text }) => text.includes("/reset/"));
  await expect.poll(reset, { timeout: 30_000 }).toBeDefined();
  await page.goto(at(`/reset/${tokenIn(reset() ?? { subject: "", text: "" }, "reset")}`));
  await page.screenshot({ path: `${shots}reset.png`, fullPage: true });
  expect(await faults(page)).toEqual([]);
  await page.getByLabel("Password").fill("nine patient old clocks");
  await page.getByRole("button", { name: "Save" }).click();
  await page.getByText("Your new password works").waitFor();
  await seen.page.goto(at("/security"));
  await seen.page.getByRole("button", { name: "Sign in", exact: true }).waitFor();
  await signIn(page, "nine patient old clocks");
  await page.getByRole("heading", { name: "Enter a code" }).waitFor();
  expect(other.trouble).toEqual([]);
  await other.context.close();
});

test("an address that somebody else changed: the old one's letter has a page with one button, which takes the account back", async () => {
  const id = await edge.addAccount("bea@demo.test");
  await edge.rows(
    "update account set email_verified_at = 1, password = (select password from account where email = 'op@demo.test') where id = ?",
    id,
  );
  const thief = new ApiClient(edge.url);
  const email = "bea-with-a-rather-long-name@thief.demo.test";
  await thief.post("/session", { email: "bea@demo.test", password: "the operator's words" });
  await thief.send("PUT", "/account/email", { email });
  await thief.post("/email/confirm", { token: tokenIn(await letterTo(edge, email), "confirm") });
  const link = tokenIn(await letterTo(edge, "bea@demo.test"), "undo");
  for (const { name, viewport, colorScheme } of looks) {
    const { page, context, trouble } = await watch(browser, { viewport, colorScheme });
    await page.goto(at(`/undo/${link}`));
    await page.screenshot({ path: `${shots}undo-${name}.png`, fullPage: true });
    expect(await faults(page), name).toEqual([]);
    expect(await page.getByRole("button", { name: "This was not me" }).count()).toBe(1);
    expect(await page.evaluate("document.documentElement.scrollWidth"), name).toBe(viewport.width);
    if (name === "tiny") {
      await page.getByRole("button", { name: "This was not me" }).click();
      await page.getByRole("heading", { name: "yours again" }).waitFor();
      await page.screenshot({ path: `${shots}undone-${name}.png`, fullPage: true });
      expect(await faults(page), name).toEqual([]);
    }
    expect(trouble, name).toEqual([]);
    await context.close();
  }
  expect((await thief.get("/account")).status).toBe(401);
});
