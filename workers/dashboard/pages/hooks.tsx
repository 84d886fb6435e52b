/** Webhook receivers of a domain, their keys, and what was tried. */
import { Hono } from "hono";
import { z } from "zod";
import type { World } from "../../directory/open.ts";
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
import type { App } from "../../sign-in/visitor.ts";
import { keyOf } from "../../spool.ts";
import { webhookNode } from "../../webhook.ts";
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
    const world = c.get("world");
    const hook = await endpointFor(world, domain.id, c.req.param("hook") ?? "");
    const keys = domain.role === "member" ? [] : await receiverKeys(hook);
    const view = (
      <HookView {...{ visitor, domain, hook, keys, deliveries: await deliveriesOf(world, hook.id, { limit: 40 }) }} />
    );
    return page(c, visitor, { title: "Webhook", at: "domains" }, view);
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
