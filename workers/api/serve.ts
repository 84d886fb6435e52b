/**
 * Carries a row out: who, inputs, the row's own work, its answer. The order matters: nobody's input is looked at
 * before it is known who asks, and a domain that is not theirs answers as one that is not there.
 */
import type { Context, Hono } from "hono";
import { z } from "zod";
import { type DomainView, domainFor } from "../directory/domains.ts";
import type { World } from "../directory/open.ts";
import { notFound, Problem } from "../directory/problem.ts";
import { provedLately } from "../sign-in/enter.ts";
import { type App, giveCookie, ipOf, siteOf, takeCookie, type Visitor } from "../sign-in/visitor.ts";
import { etagOf, matchesTag } from "./etag.ts";
import { idempotently } from "./idempotency.ts";
import { eventStream } from "./openapi.ts";
import { ifMatching } from "./precondition.ts";
import { InvalidInput } from "./problem.ts";
import { readBounded } from "./read-bounded.ts";
import { type AnyCall, type Call, type Row, roleAtLeast } from "./row.ts";

const bodyBytes = 512 * 1024;

export function mount(app: Hono<App>, rows: readonly Row[]): void {
  for (const row of rows) app.on(row.method, `/api${row.path}`, (c) => serve(c, row, rows));
}

async function serve(c: Context<App>, row: Row, rows: readonly Row[]): Promise<Response> {
  const visitor = admitted(c.get("world"), c.get("visitor"), row);
  const call = await inputs(c, row, visitor);
  // Nobody would read the stream of a HEAD.
  if (row.events !== undefined && c.req.method === "HEAD") return c.body(null, 200, { "content-type": eventStream });
  const tagged = isTagged(row, rows);
  const respond = () =>
    ifMatching(c, row, rows, call, async () => respondWith(c, row, call, await row.run(call), tagged));
  return row.method === "POST" && visitor !== null ? idempotently(c, visitor, row, call, respond) : respond();
}

/** Session or key, operator, scope: everything about rights that needs no domain. */
function admitted(world: World, visitor: Visitor | null, row: Row): Visitor | null {
  if (row.who === "anyone") return visitor;
  if (visitor === null) throw new Problem(401, "not-signed-in", "Sign in, or send an API key.");
  if (visitor.scopes !== null && (row.scope === null || !visitor.scopes.includes(row.scope)))
    throw new Problem(403, "scope", row.scope === null ? "No API key may do this." : `The key lacks ${row.scope}.`);
  if (visitor.only !== null && (row.who === "account" || row.who === "operator") && !row.byDomain)
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

const jsonType = /^application\/json\s*(?:;\s*charset\s*=\s*"?utf-8"?\s*)?$/i;

// Only application/json: a cross-site form can't send it without asking first (CORS preflight), and we never say yes.
async function jsonBody(c: Context<App>): Promise<unknown> {
  if (!jsonType.test(c.req.header("content-type") ?? ""))
    throw new Problem(415, "not-json", "Send the body as application/json, in UTF-8.");
  if (!/^(?:identity)?$/i.test(c.req.header("content-encoding") ?? ""))
    throw new Problem(415, "encoded", "Send the body as it is, without a Content-Encoding.");
  const bytes = await readBounded(c.req.raw, bodyBytes);
  if (bytes === null) throw new Problem(413, "too-large", `A body may have ${bodyBytes} bytes.`);
  const value = parsedJson(bytes);
  if (halfPair.test(JSON.stringify(value)))
    throw new Problem(400, "not-unicode", "The body has half of a surrogate pair, which is no character.");
  return value;
}

/** JSON.stringify escapes a surrogate only where its other half is missing. The directory would keep U+FFFD instead. */
const halfPair = /(?:^|[^\\])(?:\\\\)*\\ud[89a-f]/;

function parsedJson(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder("utf-8", { fatal: true, ignoreBOM: false }).decode(bytes)) as unknown;
  } catch {
    throw new Problem(400, "not-json", "The body is not JSON in UTF-8.");
  }
}

/** What a GET of this path, or of the thing that was made in it, would show just so: only then is its tag the one to send back. */
function isTagged(row: Row, rows: readonly Row[]): boolean {
  const made = row.status === 201 ? `${row.path}/:` : null;
  const isSeen = ({ path }: Row): boolean =>
    path === row.path || (made !== null && path.startsWith(made) && !path.slice(made.length).includes("/"));
  return rows.some((other) => other.method === "GET" && other.answer === row.answer && isSeen(other));
}

async function respondWith(
  c: Context<App>,
  row: Row,
  call: AnyCall,
  value: unknown,
  tagged: boolean,
): Promise<Response> {
  if (call.cookie) giveCookie(c, call.cookie);
  if (call.cookie === null) takeCookie(c);
  if (row.events !== undefined && value instanceof Response) return value;
  if (row.answer === undefined) return c.body(null, 204);
  const text = JSON.stringify(row.answer.parse(value));
  const etag = await etagOf(text);
  if (tagged) c.header("etag", etag);
  if (row.method === "GET" && matchesTag(c.req.header("if-none-match"), etag)) return c.body(null, 304);
  return c.body(text, row.status ?? 200, { "content-type": "application/json" });
}
