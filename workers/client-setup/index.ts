/**
 * What mail programs ask for before they have an account: nobody signs in, every answer follows from the address that was
 * typed, and a domain that is not ours is a 404. Names and ports are public by nature (they are in DNS too).
 */
import { type Context, Hono } from "hono";
import { concat, utf8 } from "../../src/core/bytes.ts";
import { autoconfig } from "../../src/core/client-setup/autoconfig.ts";
import {
  type AutodiscoverErrorCode,
  autodiscoverAnswer,
  autodiscoverBytes,
  autodiscoverError,
  outlookSchema,
  readAutodiscover,
} from "../../src/core/client-setup/autodiscover.ts";
import { autodiscoverJson, unknownUser } from "../../src/core/client-setup/autodiscover-json.ts";
import { signedData } from "../../src/core/client-setup/cms.ts";
import { mobileconfig } from "../../src/core/client-setup/mobileconfig.ts";
import { qrCode, qrSvg } from "../../src/core/client-setup/qr/qr.ts";
import type { MailSetup } from "../../src/core/client-setup/service.ts";
import { foldAddress, foldDomain } from "../directory/address.ts";
import { isSetupTooFast } from "../rate.ts";
import { mailSetup } from "./place.ts";
import { profileSigner } from "./signer.ts";

type Asked = Context<{ Bindings: Env }>;

/** Paths that `clientSetupRoutes` answers, with a 404 where there is nothing. */
export function isClientSetup(pathname: string): boolean {
  return /^\/(mail\/config-|\.well-known\/(autoconfig\/|mail-v1)|autodiscover\/|apple\/)/i.test(pathname);
}

export function clientSetupRoutes(): Hono<{ Bindings: Env }> {
  const app = new Hono<{ Bindings: Env }>();
  app.use(paced);
  for (const path of [
    "/mail/config-v1.1.xml",
    "/.well-known/autoconfig/mail/config-v1.1.xml",
    "/.well-known/mail-v1.xml",
  ])
    app.get(path, answerAutoconfig);
  // Programs disagree on the case of this path.
  const pox = `/:a{${anyCase("autodiscover")}}/:b{${anyCase("autodiscover.xml")}}`;
  app.post(pox, answerAutodiscover);
  app.get(pox, redirectAutodiscover);
  const json = `/:a{${anyCase("autodiscover")}}/:b{${anyCase("autodiscover.json")}}`;
  app.get(json, (c) => answerJson(c, query(c, "email")));
  app.get(`${json}/:version{v[0-9.]+}/:email`, (c) => answerJson(c, c.req.param("email")));
  app.get("/apple/mobileconfig", answerProfile);
  app.get("/apple/qr.svg", answerQr);
  return app;
}

function anyCase(text: string): string {
  return text.replace(/[a-z]/g, (c) => `[${c}${c.toUpperCase()}]`).replace(".", "\\.");
}

/** A program asks a handful of times in its life: who asks on and on goes through a list of addresses. */
async function paced(c: Asked, next: () => Promise<void>): Promise<Response | undefined> {
  const ip = c.req.header("cf-connecting-ip");
  if (ip !== undefined && (await isSetupTooFast(c.env, ip))) {
    c.header("retry-after", "60");
    return answer(c, "text/plain; charset=utf-8", "Too many requests from your address, try again in a minute.\n", 429);
  }
  await next();
  return undefined;
}

/** Without an address the host that was asked names the domain: `autoconfig.example.com` or `example.com`. */
async function answerAutoconfig(c: Asked): Promise<Response> {
  const email = query(c, "emailaddress");
  const host = new URL(c.req.url).hostname.replace(/^autoconfig\./, "");
  const setup = email === "" ? await setupOfDomain(c, host) : (await setupOf(c, email))?.setup;
  if (setup == null) return notServed(c);
  c.header("access-control-allow-origin", "*"); // web programs may read what anybody may
  return answer(c, "text/xml; charset=utf-8", autoconfig(setup));
}

async function answerAutodiscover(c: Asked): Promise<Response> {
  const body = await boundedBody(c);
  const request = body === null ? null : readAutodiscover(body);
  if (request === null) return poxError(c, 600);
  if (request.schema !== outlookSchema) return poxError(c, 601);
  const found = await setupOf(c, request.email);
  return found === null ? poxError(c, 500, 404) : answer(c, xml, autodiscoverAnswer(found.setup, found.address));
}

/** [MS-OXDSCLI] §3.1.5: a program that found no https asks by http and follows, after asking its user. */
function redirectAutodiscover(c: Asked): Response {
  const url = new URL(c.req.url);
  if (url.protocol === "http:") return c.redirect(`https://${url.hostname}${url.pathname}`, 302);
  return c.text("Autodiscover is asked by POST.", 405, { allow: "POST" });
}

async function answerJson(c: Asked, email: string): Promise<Response> {
  const url = `${new URL(c.req.url).origin}/autodiscover/autodiscover.xml`;
  const { status, body } =
    (await setupOf(c, email)) === null ? unknownUser() : autodiscoverJson(query(c, "protocol"), url);
  c.header("cache-control", "no-store");
  return c.json(body, status);
}

async function answerProfile(c: Asked): Promise<Response> {
  const found = await setupOf(c, query(c, "email"));
  const profile = found && mobileconfig(found.setup, found.address);
  if (profile === null) return notServed(c);
  c.header("content-disposition", 'attachment; filename="mail.mobileconfig"');
  const signer = await profileSigner(c.env);
  const body = signer === null ? profile : await signedData(utf8(profile), signer, Date.now());
  return answer(c, `application/x-apple-aspen-config${signer === null ? "; charset=utf-8" : ""}`, body);
}

/** For a phone's camera: the address of the profile above. */
async function answerQr(c: Asked): Promise<Response> {
  const found = await setupOf(c, query(c, "email"));
  if (found === null) return notServed(c);
  const link = `${new URL(c.req.url).origin}/apple/mobileconfig?email=${encodeURIComponent(found.address)}`;
  const code = qrCode(link);
  return code === null ? notServed(c) : answer(c, "image/svg+xml", qrSvg(code, link));
}

async function setupOf(c: Asked, email: string): Promise<{ setup: MailSetup; address: string } | null> {
  const folded = foldAddress(email);
  if (folded === null) return null;
  const address = `${folded.local}@${folded.domain}`;
  const setup = await mailSetup(c.env, folded.domain, address);
  return setup && { setup, address };
}

async function setupOfDomain(c: Asked, host: string): Promise<MailSetup | null> {
  const domain = foldDomain(host);
  return domain === null ? null : mailSetup(c.env, domain, null);
}

/** Names of parameters come in any case (`Email`, `email`); one that is not there is empty. */
function query(c: Asked, name: string): string {
  const found = [...new URL(c.req.url).searchParams].find(([key]) => key.toLowerCase() === name);
  return found?.[1] ?? "";
}

/** Reads no more than a request may have; null when there is more. */
async function boundedBody(c: Asked): Promise<Uint8Array | null> {
  const parts: Uint8Array[] = [];
  let length = 0;
  for await (const part of c.req.raw.body ?? []) {
    length += part.length;
    if (length > autodiscoverBytes) return null;
    parts.push(part);
  }
  return concat(...parts);
}

const xml = "application/xml; charset=utf-8";

function poxError(c: Asked, code: AutodiscoverErrorCode, status: 200 | 404 = 200): Response {
  return answer(c, xml, autodiscoverError(code, Date.now()), status);
}

function notServed(c: Asked): Response {
  return answer(c, "text/plain; charset=utf-8", "No mail of this address's domain is served here.\n", 404);
}

function answer(c: Asked, type: string, body: string | Uint8Array, status: 200 | 404 | 429 = 200): Response {
  c.header("cache-control", "no-store");
  c.header("x-content-type-options", "nosniff");
  return c.body(typeof body === "string" ? body : Uint8Array.from(body), status, { "content-type": type });
}
