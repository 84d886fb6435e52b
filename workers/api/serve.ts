/**
 * Carries a row out: limits, who, inputs, the row's own work, its answer. The order matters: nobody's input is looked at
 * before it is known who asks, and a domain that is not theirs answers as one that is not there.
 */
import type { Context, Hono } from "hono";
import { z } from "zod";
import { type DomainView, domainFor } from "../directory/domains.ts";
import type { World } from "../directory/open.ts";
import { notFound, Problem } from "../directory/problem.ts";
import { provedLately } from "../sign-in/enter.ts";
import { count, limits } from "../sign-in/limit.ts";
import { type App, giveCookie, ipOf, siteOf, takeCookie, type Visitor } from "../sign-in/visitor.ts";
import { etagOf, matchesTag } from "./etag.ts";
import { idempotently } from "./idempotency.ts";
import { ifMatching } from "./precondition.ts";
import { InvalidInput, problemResponse } from "./problem.ts";
import { readBounded } from "./read-bounded.ts";
import { type AnyCall, type Call, type Row, roleAtLeast } from "./row.ts";

const bodyBytes = 512 * 1024;

export function mount(app: Hono<App>, rows: readonly Row[]): void {
  for (const row of rows) app.on(row.method, `/api${row.path}`, (c) => serve(c, row, rows));
}

async function serve(c: Context<App>, row: Row, rows: readonly Row[]): Promise<Response> {
  const pace = await paceOf(c);
  const response = await answerOf(c, row, rows, pace).catch(problemResponse);
  for (const [name, value] of Object.entries(pace.headers)) response.headers.set(name, value);
  response.headers.set("cache-control", "no-store");
  return response;
}

async function answerOf(c: Context<App>, row: Row, rows: readonly Row[], pace: Pace): Promise<Response> {
  if (pace.refusal !== null) throw pace.refusal;
  const visitor = admitted(c.get("world"), c.get("visitor"), row);
  const call = await inputs(c, row, visitor);
  const respond = () => ifMatching(c, row, rows, call, async () => respondWith(c, row, call, await row.run(call)));
  return row.method === "POST" && visitor !== null ? idempotently(c, visitor, row, call, respond) : respond();
}

/** Session or key, operator, scope: everything about rights that needs no domain. */
function admitted(world: World, visitor: Visitor | null, row: Row): Visitor | null {
  if (row.who === "anyone") return visitor;
  if (visitor === null) throw new Problem(401, "not-signed-in", "Sign in, or send an API key.");
  if (visitor.scopes !== null && (row.scope === null || !visitor.scopes.includes(row.scope)))
    throw new Problem(403, "scope", row.scope === null ? "No API key may do this." : `The key lacks ${row.scope}.`);
  if (visitor.only !== null && row.who === "account" && !row.byDomain)
    throw new Problem(403, "key-of-domains", "This is about the whole account; the key is for single domains.");
  if (row.who === "operator" && !visitor.account.operator)
    throw new Problem(403, "operator-only", "Only the operator of this installation may do this.");
  if (row.proof === true) askProof(world, visitor);
  return visitor;
}

function askProof(world: World, visitor: Visitor | null): void {
  if (visitor?.session && provedLately(world, visitor.session)) return;
  throw new Problem(403, "prove-again", "Prove again that it is you (POST /api/session/proof), then repeat this.");
}

async function domainOf(row: Row, call: AnyCall): Promise<DomainView | null> {
  const { visitor } = call;
  if (row.who === "anyone" || row.who === "account" || row.who === "operator" || visitor === null) return null;
  const named = row.domainOf === null ? domainParam(call) : await row.domainOf(call);
  if (named === null) throw notFound("thing");
  const domain = await domainFor(call.world, visitor.account.id, named);
  if (!roleAtLeast(domain.role, row.who))
    throw new Problem(403, "role", `This needs the role “${row.who}”; yours is “${domain.role}”.`);
  return domain;
}

function domainParam(call: AnyCall): string | null {
  const params = z.object({ domain: z.string() }).safeParse(call.params);
  return params.success ? params.data.domain : null;
}

async function inputs(c: Context<App>, row: Row, visitor: Visitor | null): Promise<AnyCall> {
  const base: Call = {
    env: c.env,
    world: c.get("world"),
    site: siteOf(c),
    ip: ipOf(c),
    agent: c.req.header("user-agent") ?? "",
    later: (work) => c.executionCtx.waitUntil(work),
  };
  const params = parsed(row.params, c.req.param());
  const query = parsed(row.query, c.req.query());
  const call: AnyCall = Object.assign(base, { visitor, domain: null, params, query, body: undefined });
  if (row.domainOf === null) call.domain = await domainOf(row, call);
  if (row.body !== undefined) call.body = parsed(row.body, await jsonBody(c));
  if (row.domainOf !== null) call.domain = await domainOf(row, call);
  if (typeof row.proof === "object" && row.proof.when(call.body)) askProof(call.world, visitor);
  return call;
}

function parsed(schema: z.ZodType | undefined, value: unknown): unknown {
  if (schema === undefined) return undefined;
  const result = schema.safeParse(value);
  if (!result.success) throw new InvalidInput(result.error.issues);
  return result.data;
}

// Only application/json: a cross-site form can't send it without asking first (CORS preflight), and we never say yes.
async function jsonBody(c: Context<App>): Promise<unknown> {
  if (!/^application\/json\b/i.test(c.req.header("content-type") ?? ""))
    throw new Problem(415, "not-json", "Send the body as application/json.");
  const bytes = await readBounded(c.req.raw, bodyBytes);
  if (bytes === null) throw new Problem(413, "too-large", `A body may have ${bodyBytes} bytes.`);
  try {
    return JSON.parse(new TextDecoder("utf-8", { fatal: true, ignoreBOM: false }).decode(bytes)) as unknown;
  } catch {
    throw new Problem(400, "not-json", "The body is not JSON in UTF-8.");
  }
}

async function respondWith(c: Context<App>, row: Row, call: AnyCall, value: unknown): Promise<Response> {
  if (call.cookie) giveCookie(c, call.cookie);
  if (call.cookie === null) takeCookie(c);
  if (row.answer === undefined) return c.body(null, 204);
  const text = JSON.stringify(row.answer.parse(value));
  const etag = await etagOf(text);
  c.header("etag", etag);
  if (row.method === "GET" && matchesTag(c.req.header("if-none-match"), etag)) return c.body(null, 304);
  return c.body(text, row.status ?? 200, { "content-type": "application/json" });
}

type Pace = { headers: Record<string, string>; refusal: Problem | null };

/** Per account, or per client address for strangers; told by the fields of draft-ietf-httpapi-ratelimit-headers. */
async function paceOf(c: Context<App>): Promise<Pace> {
  const world = c.get("world");
  const who = c.get("visitor")?.account.id ?? ipOf(c);
  const { used, resetAt } = await count(world, limits.api, who);
  const seconds = Math.max(1, Math.ceil((resetAt - world.clock()) / 1000));
  const headers = {
    "ratelimit-policy": `"minute";q=${limits.api.max};w=${limits.api.windowMs / 1000}`,
    ratelimit: `"minute";r=${Math.max(0, limits.api.max - used)};t=${seconds}`,
  };
  const over = used > limits.api.max;
  const slower = () => new Problem(429, "too-many", "Too many requests. Slow down.", { retryAfter: seconds });
  return { headers, refusal: over ? slower() : null };
}
