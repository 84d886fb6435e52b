/** The Worker's four events, each handed to its module. */
import { apiRoutes } from "./api/index.ts";
import { answerBells } from "./bell.ts";
import { clientSetupRoutes, isClientSetup } from "./client-setup/index.ts";
import { dashboardRoutes } from "./dashboard/index.ts";
import { watchDrift } from "./dns/health.ts";
import { policyPath, policyRoutes } from "./dns/mta-sts.ts";
import { takeEmail } from "./email.ts";
import { nodeRoutes } from "./node-routes.ts";
import { type Edge, openEdge } from "./platform.ts";
import { rawRoutes } from "./raw-link.ts";
import { sweep } from "./sweep.ts";
import { isVerification, verifyRoutes } from "./verify-pages.tsx";

export { LiveTail } from "./live.ts";

const node = nodeRoutes();
const api = apiRoutes();
const setup = clientSetupRoutes();
const policy = policyRoutes();
const verify = verifyRoutes();
const raw = rawRoutes();
const dashboard = dashboardRoutes();

function routesFor(request: Request): { fetch: typeof node.fetch } {
  const { pathname } = new URL(request.url);
  if (pathname.startsWith("/node/")) return node;
  if (isClientSetup(pathname)) return setup;
  if (pathname === policyPath) return policy;
  if (pathname.startsWith("/raw/") || pathname === "/webhook-key") return raw;
  if (isVerification(pathname)) return verify;
  return /^\/api(?:\/|$)/.test(pathname) ? api : dashboard;
}

/** Those whose answers bear their own guards. */
const pages: ReadonlySet<unknown> = new Set([api, dashboard, verify]);

async function answer(request: Request, env: Env, context: ExecutionContext): Promise<Response> {
  const routes = routesFor(request);
  const response = await routes.fetch(request, env, context);
  return pages.has(routes) ? response : guarded(request, response);
}

/** For what no page is ever made of: set-up files, keys, raw messages, a node's calls, errors and redirects too. */
function guarded(request: Request, response: Response): Response {
  const headers = new Headers(response.headers);
  headers.set("content-security-policy", "default-src 'none'; frame-ancestors 'none'");
  headers.set("x-content-type-options", "nosniff");
  headers.set("referrer-policy", "no-referrer");
  const shared = headers.has("access-control-allow-origin");
  headers.set("cross-origin-resource-policy", shared ? "cross-origin" : "same-origin");
  if (!headers.has("cache-control")) headers.set("cache-control", "no-store");
  if (new URL(request.url).protocol === "https:") headers.set("strict-transport-security", "max-age=31536000");
  const { status, statusText, body } = response;
  return new Response(body, { status, statusText, headers });
}

/** The cron: what waits first, then what is only looked at. */
async function round(edge: Edge): Promise<void> {
  await sweep(edge);
  await watchDrift(edge);
}

export default {
  email: (message, env, context) => takeEmail(message, openEdge(env, context)),
  fetch: answer,
  queue: (batch, env, context) => answerBells(batch, openEdge(env, context)),
  scheduled: (_event, env, context) => round(openEdge(env, context)),
} satisfies ExportedHandler<Env>;
