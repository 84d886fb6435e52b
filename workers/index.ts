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

/** The cron: what waits first, then what is only looked at. */
async function round(edge: Edge): Promise<void> {
  await sweep(edge);
  await watchDrift(edge);
}

export default {
  email: (message, env, context) => takeEmail(message, openEdge(env, context)),
  fetch: (request, env, context) => routesFor(request).fetch(request, env, context),
  queue: (batch, env, context) => answerBells(batch, openEdge(env, context)),
  scheduled: (_event, env, context) => round(openEdge(env, context)),
} satisfies ExportedHandler<Env>;
