/** The API's door: `/api/*`, one hono app over the rows. */
import { Hono } from "hono";
import { Problem } from "../directory/problem.ts";
import { type App, findVisitor, refuseForeign, siteOf } from "../sign-in/visitor.ts";
import { openApi } from "./openapi.ts";
import { problemResponse } from "./problem.ts";
import { rows } from "./rows.ts";
import { mount } from "./serve.ts";

export function apiRoutes(): Hono<App> {
  const app = new Hono<App>();
  app.onError(problemResponse);
  app.use("/api/*", findVisitor, refuseForeign);
  app.get("/api/openapi.json", (c) => c.json(openApi(rows, siteOf(c).origin)));
  mount(app, rows);
  app.all("/api/*", () => problemResponse(new Problem(404, "no-such-operation", "There is no such operation.")));
  return app;
}
