/** The pace of the API: per account, or per client address for strangers; told by the fields of draft-ietf-httpapi-ratelimit-headers. */
import type { MiddlewareHandler } from "hono";
import { Problem } from "../directory/problem.ts";
import { count, limits } from "../sign-in/limit.ts";
import { type App, ipOf } from "../sign-in/visitor.ts";
import { problemResponse } from "./problem.ts";

/** Every answer tells it, also of what is not there; past it nothing is done. */
export const paced: MiddlewareHandler<App> = async (c, next) => {
  const world = c.get("world");
  const who = c.get("visitor")?.account.id ?? ipOf(c);
  const { max, windowMs } = limits.api;
  const { used, resetAt } = await count(world, limits.api, who);
  const seconds = Math.max(1, Math.ceil((resetAt - world.clock()) / 1000));
  if (used <= max) await next();
  else c.res = problemResponse(new Problem(429, "too-many", "Too many requests. Slow down.", { retryAfter: seconds }));
  c.header("ratelimit-policy", `"minute";q=${max};w=${windowMs / 1000}`);
  c.header("ratelimit", `"minute";r=${Math.max(0, max - used)};t=${seconds}`);
};
