/** What every page passes: security headers, who is here, forms that are really ours, and errors as pages. */
import type { Context, Handler, MiddlewareHandler } from "hono";
import type { z } from "zod";
import { toBase64 } from "../../src/core/bytes.ts";
import { readBounded } from "../api/read-bounded.ts";
import { Problem } from "../directory/problem.ts";
import { provedLately } from "../sign-in/enter.ts";
import { type App, checkFormToken, isHttps, type Visitor } from "../sign-in/visitor.ts";
import type { Me } from "./act.tsx";
import { gate } from "./shell.tsx";

/** Nothing from anywhere else, no inline script or style, no framing, no plug-ins; DOM sinks take only our own policy's text. */
export const securityHeaders: MiddlewareHandler<App> = async (c, next) => {
  const nonce = toBase64(crypto.getRandomValues(new Uint8Array(16)));
  c.set("nonce", nonce);
  await next();
  const policy = [
    "default-src 'none'",
    `script-src 'nonce-${nonce}'`,
    "style-src 'self'",
    "img-src 'self' data:",
    "connect-src 'self'",
    "worker-src 'self'",
    "form-action 'self'",
    "frame-ancestors 'none'",
    "base-uri 'none'",
    "require-trusted-types-for 'script'",
    "trusted-types postern",
  ];
  c.header("content-security-policy", policy.join("; "));
  c.header("x-content-type-options", "nosniff");
  c.header("referrer-policy", "same-origin");
  c.header("cross-origin-opener-policy", "same-origin");
  c.header("cross-origin-resource-policy", "same-origin");
  c.header("permissions-policy", "camera=(), geolocation=(), microphone=(), payment=(), usb=()");
  if (!c.res.headers.has("cache-control")) c.header("cache-control", "no-store");
  if (isHttps(c)) c.header("strict-transport-security", "max-age=31536000");
};

/** For a page that needs somebody signed in by cookie; others go to the sign-in page and come back. */
export function signedIn(run: (c: Context<App>, visitor: Me) => Response | Promise<Response>): Handler<App> {
  return (c) => {
    const visitor = c.get("visitor");
    if (visitor !== null && visitor.session !== null) return run(c, { ...visitor, session: visitor.session });
    const here = c.req.method === "GET" ? c.req.path : "/";
    return c.redirect(here === "/" ? "/sign-in" : `/sign-in?next=${encodeURIComponent(here)}`, 303);
  };
}

/** For something dangerous: only within a quarter of an hour of a proof. Others prove first and come back to the page they asked from. */
export function proved(run: (c: Context<App>, me: Me) => Response | Promise<Response>): Handler<App> {
  return signedIn((c, me) => proofFirst(c, me) ?? run(c, me));
}

/** The way to prove first, where the last proof is too old; null where it is not. */
export function proofFirst(c: Context<App>, me: Me): Response | null {
  if (provedLately(c.get("world"), me.session)) return null;
  const from = c.req.method === "GET" ? c.req.path : URL.parse(c.req.header("referer") ?? "")?.pathname;
  return c.redirect(`/security/prove?next=${encodeURIComponent(safeNext(from ?? "/security"))}`, 303);
}

const formBytes = 256 * 1024;

/** A form's fields, after its token was found right. Fields named more than once come as lists. */
export async function formOf<S extends z.ZodType>(
  c: Context<App>,
  visitor: Visitor,
  schema: S,
  most = formBytes,
): Promise<z.output<S>> {
  const fields = await sentFields(c, most);
  checkFormToken(visitor, fields["token"]);
  return parsed(schema, fields);
}

/** The fields of a form that stands where nobody is signed in yet. */
export async function openFormOf<S extends z.ZodType>(
  c: Context<App>,
  schema: S,
  most = formBytes,
): Promise<z.output<S>> {
  return parsed(schema, await sentFields(c, most));
}

async function sentFields(c: Context<App>, most: number): Promise<Record<string, unknown>> {
  const bytes = await readBounded(c.req.raw, most);
  if (bytes === null) throw new Problem(413, "too-large", "This form has too much in it.");
  const headers = { "content-type": c.req.header("content-type") ?? "" };
  try {
    const form = await new Response(new Uint8Array(bytes), { headers }).formData();
    return Object.fromEntries([...new Set(form.keys())].map((name) => [name, oneOrAll(form.getAll(name))]));
  } catch {
    throw new Problem(400, "no-form", "This is not a form.");
  }
}

function oneOrAll<T>(values: T[]): T | T[] | undefined {
  return values.length > 1 ? values : values[0];
}

function parsed<S extends z.ZodType>(schema: S, fields: Record<string, unknown>): z.output<S> {
  const result = schema.safeParse(fields);
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  throw new Problem(422, "invalid-input", issue?.message ?? "Something is missing.", {
    field: issue?.path.join("."),
  });
}

/** Runs a form's work; an expected error comes back to be shown beside the form. A form that is not ours is shown nowhere. */
export async function attempt<T>(
  work: () => Promise<T>,
): Promise<{ ok: true; value: T } | { ok: false; problem: Problem }> {
  try {
    return { ok: true, value: await work() };
  } catch (error) {
    if (error instanceof Problem && error.code !== "stale-form") return { ok: false, problem: error };
    throw error;
  }
}

/** Only a path of ours: `//host` and `/\host` would leave. */
export function safeNext(next: string | undefined): string {
  return next !== undefined && /^\/(?![/\\])[\w\-./?=&%~]*$/.test(next) ? next : "/";
}

export function errorPage(error: Error, c: Context<App>): Response | Promise<Response> {
  const problem = error instanceof Problem ? error : null;
  if (problem === null) console.error("page", error.name);
  const title = problem === null ? "Something went wrong" : problem.status === 404 ? "Not here" : "That did not work";
  return gate(
    c,
    { title, status: problem?.status ?? 500 },
    <div class="stack">
      <h1>{title}</h1>
      <p class="soft">{problem?.detail ?? "It is our fault, and noted. Please try again."}</p>
      <p>
        <a class="button" href="/">
          Back to the overview
        </a>
      </p>
    </div>,
  );
}
