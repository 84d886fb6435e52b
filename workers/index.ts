/** The Worker's four events, each handed to its module. */
import { Hono } from "hono";
import { apiRoutes } from "./api/index.ts";
import { answerBells } from "./bell.ts";
import { dashboardRoutes } from "./dashboard/index.ts";
import { takeEmail } from "./email.ts";
import { nodeRoutes } from "./node-routes.ts";
import { openEdge } from "./platform.ts";
import { sweep } from "./sweep.ts";

export { LiveTail } from "./live.ts";

const app = new Hono<{ Bindings: Env }>().route("/", nodeRoutes()).route("/", apiRoutes()).route("/", dashboardRoutes());

export default {
  email: (message, env, context) => takeEmail(message, openEdge(env, context)),
  fetch: app.fetch,
  queue: (batch, env, context) => answerBells(batch, openEdge(env, context)),
  scheduled: (_event, env, context) => sweep(openEdge(env, context)),
} satisfies ExportedHandler<Env>;
