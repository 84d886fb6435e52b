/**
 * Who is asking: found once per request, for pages and API alike, from the session cookie or an API key. Also the guard
 * against requests that another site makes a browser send (CSRF).
 */
import type { Context, MiddlewareHandler } from "hono";
import { getCookie, setCookie } from "hono/cookie";
import { concat, equalConstantTime, toBase64url, utf8 } from "../../src/core/bytes.ts";
import { formatIp, parseIp } from "../../src/core/proof/spf/ip.ts";
import type { Account } from "../directory/accounts.ts";
import { openWorld, type World } from "../directory/open.ts";
import { Problem } from "../directory/problem.ts";
import { keyFor } from "./api-key.ts";
import { noticesBy } from "./notices.ts";
import { type Session, sessionFor } from "./session.ts";

export type Visitor = {
  account: Account;
  /** Null when an API key asks. */
  session: Session | null;
  /** Id of the API key that asks; null for a session. */
  key: string | null;
  /** Came in with a second factor or a passkey, or by a key that was made so. */
  strong: boolean;
  /** What an API key may do; null: everything its account may. */
  scopes: readonly string[] | null;
  /** The domains that an API key is for; null: all of its account's. */
  only: readonly string[] | null;
  /** Goes into every form; bound to the session. */
  formToken: string;
};

export type App = { Bindings: Env; Variables: { world: World; visitor: Visitor | null; nonce: string } };

export const findVisitor: MiddlewareHandler<App> = async (c, next) => {
  const heard = noticesBy(c.env, { waitUntil: (work) => c.executionCtx.waitUntil(work) });
  const world: World = { ...openWorld(c.env.DIRECTORY), heard };
  const visitor = await visitorOf(c, world);
  c.set("world", visitor === null ? world : actingFor(world, visitor));
  c.set("visitor", visitor);
  await next();
};

function actingFor(world: World, { account, strong, only }: Visitor): World {
  return { ...world, actor: account.id, strong, only };
}

async function visitorOf(c: Context<App>, world: World): Promise<Visitor | null> {
  const bearer = /^Bearer (\S{1,200})$/i.exec(c.req.header("authorization") ?? "");
  if (bearer?.[1] !== undefined) {
    const found = await keyFor(world, bearer[1]);
    if (found === null) return null;
    const { account, key } = found;
    const { id, strong, scopes, domains: only } = key;
    return { account, session: null, key: id, strong, scopes, only, formToken: "" };
  }
  const token = getCookie(c, cookieName(c));
  if (token === undefined || token.length > 100) return null;
  const found = await sessionFor(world, token);
  return (
    found && {
      ...found,
      key: null,
      strong: found.session.strong,
      scopes: null,
      only: null,
      formToken: await formTokenOf(token),
    }
  );
}

/** RFC 6265bis: `__Host-` pins the cookie to this host and to https. Plain http is only ever a loopback trial. */
function cookieName(c: Context<App>): string {
  return isHttps(c) ? "__Host-postern" : "postern";
}

/**
 * The client's address, for limits. Cloudflare sets the header itself, whatever the client sent. An IPv6 customer has a whole
 * /64 to try from (RFC 6177), so that counts as one.
 */
export function ipOf(c: Context<App>): string {
  const text = c.req.header("cf-connecting-ip") ?? "local";
  const ip = parseIp(text);
  if (ip === null || ip.version === 4) return text;
  return formatIp({ version: 6, bytes: concat(ip.bytes.subarray(0, 8), new Uint8Array(8)) });
}

/** The origin that was asked, and its host. */
export function siteOf(c: Context<App>): { origin: string; host: string } {
  const { origin, hostname } = new URL(c.req.url);
  return { origin, host: hostname };
}

export function isHttps(c: Context<App>): boolean {
  return new URL(c.req.url).protocol === "https:";
}

export function giveCookie(c: Context<App>, token: string): void {
  const days60 = 60 * 86_400;
  setCookie(c, cookieName(c), token, {
    httpOnly: true,
    secure: isHttps(c),
    sameSite: "Lax",
    path: "/",
    maxAge: days60,
  });
}

export function takeCookie(c: Context<App>): void {
  setCookie(c, cookieName(c), "", { httpOnly: true, secure: isHttps(c), sameSite: "Lax", path: "/", maxAge: 0 });
}

/**
 * Refuses unsafe requests that a page of another origin caused. Browsers say so in Sec-Fetch-Site or Origin; a request
 * with neither comes from no browser and carries no cookie by accident (the rule of Go's CrossOriginProtection).
 */
export const refuseForeign: MiddlewareHandler<App> = async (c, next) => {
  if (!/^(?:GET|HEAD|OPTIONS)$/.test(c.req.method) && isForeign(c)) {
    throw new Problem(403, "foreign-origin", "This request came from another site, so nothing was done.");
  }
  await next();
};

function isForeign(c: Context<App>): boolean {
  const site = c.req.header("sec-fetch-site");
  if (site !== undefined) return site !== "same-origin" && site !== "none";
  const origin = c.req.header("origin");
  return origin !== undefined && origin !== new URL(c.req.url).origin;
}

/** The form's own token, beside the origin check: a second lock on the same door. */
export function checkFormToken(visitor: Visitor, given: unknown): void {
  const right = typeof given === "string" && equalConstantTime(utf8(given), utf8(visitor.formToken));
  if (!right) throw new Problem(403, "stale-form", "This form is from another session. Please load the page again.");
}

async function formTokenOf(token: string): Promise<string> {
  const digest = await crypto.subtle.digest("SHA-256", utf8(`postern/form\0${token}`));
  return toBase64url(new Uint8Array(digest).subarray(0, 18));
}
