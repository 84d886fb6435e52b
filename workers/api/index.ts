/** The API's door: `/api/*`, one hono app over the rows. */
import { Hono, type MiddlewareHandler } from "hono";
import { Problem } from "../directory/problem.ts";
import { type App, findVisitor, isHttps, refuseForeign, siteOf } from "../sign-in/visitor.ts";
import { typescriptClient } from "./client.ts";
import { openApi } from "./openapi.ts";
import { paced } from "./pace.ts";
import { problemResponse } from "./problem.ts";
import { rows } from "./rows.ts";
import { mount } from "./serve.ts";

export function apiRoutes(): Hono<App> {
  const app = new Hono<App>();
  app.onError(problemResponse);
  app.use("/api/*", hardened, findVisitor, paced, refuseForeign);
  app.get("/api/openapi.json", (c) => c.json(openApi(rows, siteOf(c).origin)));
  app.get("/api/client.ts", (c) => {
    const type = "application/typescript; charset=utf-8";
    return c.text(typescriptClient(openApi(rows, siteOf(c).origin)), 200, { "content-type": type });
  });
  mount(app, rows);
  for (const [path, methods] of methodsByPath()) app.all(path, () => wrongMethod(methods));
  app.all("/api/*", () => problemResponse(new Problem(404, "no-such-operation", "There is no such operation.")));
  return app;
}

/** No page is ever made of an answer, and no other origin gets one: there is no CORS field to be found here. */
const hardened: MiddlewareHandler<App> = async (c, next) => {
  await next();
  c.header("content-security-policy", "default-src 'none'; frame-ancestors 'none'");
  c.header("x-content-type-options", "nosniff");
  c.header("referrer-policy", "no-referrer");
  c.header("cross-origin-resource-policy", "same-origin");
  if (!c.res.headers.has("cache-control")) c.header("cache-control", "no-store");
  if (isHttps(c)) c.header("strict-transport-security", "max-age=31536000");
};

function methodsByPath(): Map<string, string[]> {
  const found = new Map([
    ["/api/openapi.json", ["GET"]],
    ["/api/client.ts", ["GET"]],
  ]);
  for (const { path, method } of rows) found.set(`/api${path}`, [...(found.get(`/api${path}`) ?? []), method]);
  return found;
}

/** RFC 9110 §15.5.6: a 405 says what is allowed. */
function wrongMethod(methods: readonly string[]): Response {
  const allow = methods.includes("GET") ? ["HEAD", ...methods] : methods;
  const detail = `Here one may ${methods.join(", ")}.`;
  const response = problemResponse(new Problem(405, "wrong-method", detail));
  response.headers.set("allow", allow.join(", "));
  return response;
}
