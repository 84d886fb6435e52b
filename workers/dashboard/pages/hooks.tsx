/** Webhook receivers of a domain, their keys, and what was tried. */
import { type Context, Hono } from "hono";
import { z } from "zod";
import type { DomainView } from "../../directory/domains.ts";
import type { World } from "../../directory/open.ts";
import type { Problem } from "../../directory/problem.ts";
import {
  addEndpoint,
  deliveriesOf,
  type Endpoint,
  endpointFor,
  endpointsOf,
  receiverKeys,
  retireOldKeys,
  rotateKey,
  setEndpointState,
} from "../../directory/webhooks.ts";
import { handOff } from "../../handoff.ts";
import { openEdge } from "../../platform.ts";
import type { App, Visitor } from "../../sign-in/visitor.ts";
import { keyOf } from "../../spool.ts";
import { type Answer, dropWebhook, testWebhook, webhookNode } from "../../webhook.ts";
import { attempt, formOf, signedIn } from "../guard.tsx";
import { HooksView, HookView } from "../hook-views.tsx";
import { domainHere } from "../reader.ts";
import { page } from "../shell.tsx";

export const hookPages = new Hono<App>();

hookPages.get(
  "/domains/:domain/webhooks",
  signedIn(async (c, visitor) => {
    const domain = await domainHere(c, visitor);
    const view = (
      <HooksView {...{ visitor, domain, hooks: await endpointsOf(c.get("world"), domain.id), problem: null }} />
    );
    return page(c, visitor, { title: `Webhooks · ${domain.name}`, at: "domains" }, view);
  }),
);

const urlForm = z.object({ url: z.url({ protocol: /^https$/, error: "Write an https:// address." }).max(500) });

hookPages.post(
  "/domains/:domain/webhooks",
  signedIn(async (c, visitor) => {
    const domain = await domainHere(c, visitor, "admin");
    const world = c.get("world");
    const tried = await attempt(async () => {
      const { url } = await formOf(c, visitor, urlForm);
      return addEndpoint(world, domain.id, url);
    });
    if (tried.ok) return c.redirect(`/domains/${domain.id}/webhooks/${tried.value.id}?done=hook-added`, 303);
    const view = (
      <HooksView {...{ visitor, domain, hooks: await endpointsOf(world, domain.id), problem: tried.problem }} />
    );
    return page(c, visitor, { title: `Webhooks · ${domain.name}`, at: "domains", status: 422 }, view);
  }),
);

hookPages.get(
  "/domains/:domain/webhooks/:hook",
  signedIn(async (c, visitor) => {
    const domain = await domainHere(c, visitor);
    const hook = await endpointFor(c.get("world"), domain.id, c.req.param("hook") ?? "");
    return hookPage(c, visitor, domain, hook, {});
  }),
);

async function hookPage(
  c: Context<App>,
  visitor: Visitor,
  domain: DomainView,
  hook: Endpoint,
  said: { problem?: Problem; test?: Answer },
): Promise<Response> {
  const keys = domain.role === "member" ? [] : await receiverKeys(hook);
  const deliveries = await deliveriesOf(c.get("world"), hook.id, { limit: 40 });
  const view = <HookView {...{ visitor, domain, hook, keys, deliveries, ...said }} />;
  return page(c, visitor, { title: "Webhook", at: "domains", status: said.problem === undefined ? 200 : 422 }, view);
}

hookPages.post(
  "/domains/:domain/webhooks/:hook/test",
  signedIn(async (c, visitor) => {
    const domain = await domainHere(c, visitor, "admin");
    await formOf(c, visitor, z.object({}));
    const hook = await endpointFor(c.get("world"), domain.id, c.req.param("hook") ?? "");
    const edge = openEdge(c.env, c.executionCtx);
    const tried = await attempt(() => testWebhook(edge, c.get("world"), hook, `postern@${domain.name}`));
    return hookPage(c, visitor, domain, hook, tried.ok ? { test: tried.value } : { problem: tried.problem });
  }),
);

hookPages.post(
  "/domains/:domain/webhooks/:hook/remove",
  signedIn(async (c, visitor) => {
    const domain = await domainHere(c, visitor, "admin");
    await formOf(c, visitor, z.object({}));
    const world = c.get("world");
    const hook = await endpointFor(world, domain.id, c.req.param("hook") ?? "");
    const tried = await attempt(() => dropWebhook(openEdge(c.env, c.executionCtx), world, hook));
    if (!tried.ok) return hookPage(c, visitor, domain, hook, { problem: tried.problem });
    return c.redirect(`/domains/${domain.id}/webhooks?done=hook-removed`, 303);
  }),
);

const actForm = z.object({ act: z.enum(["on", "off", "rotate-v1", "rotate-v1a", "retire"]) });

hookPages.post(
  "/domains/:domain/webhooks/:hook",
  signedIn(async (c, visitor) => {
    const domain = await domainHere(c, visitor, "admin");
    const { act } = await formOf(c, visitor, actForm);
    const world = c.get("world");
    const hook = await endpointFor(world, domain.id, c.req.param("hook") ?? "");
    await change(world, hook, act);
    return c.redirect(`/domains/${domain.id}/webhooks/${hook.id}?done=hook-changed`, 303);
  }),
);

function change(world: World, hook: Endpoint, act: z.output<typeof actForm>["act"]): Promise<Endpoint> {
  if (act === "retire") return retireOldKeys(world, hook);
  if (act === "rotate-v1") return rotateKey(world, hook, "v1");
  if (act === "rotate-v1a") return rotateKey(world, hook, "v1a");
  return setEndpointState(world, hook, act === "on" ? "active" : "disabled");
}

/** One more try, now; what the spool no longer holds can't be sent again. */
hookPages.post(
  "/domains/:domain/webhooks/:hook/replay",
  signedIn(async (c, visitor) => {
    const domain = await domainHere(c, visitor, "admin");
    const { message } = await formOf(c, visitor, z.object({ message: z.string().min(1).max(128) }));
    const hook = await endpointFor(c.get("world"), domain.id, c.req.param("hook") ?? "");
    const key = keyOf({ node: webhookNode, box: hook.id, id: message });
    const done = await handOff(openEdge(c.env, c.executionCtx), key, true);
    const note = done === "handed-off" ? "hook-replayed" : done === "gone" ? "hook-gone" : "hook-failed";
    return c.redirect(`/domains/${domain.id}/webhooks/${hook.id}?done=${note}`, 303);
  }),
);
