/** A domain's webhook receivers, their keys, and what was tried. */
import { z } from "zod";
import {
  addEndpoint,
  deliveriesOf,
  endpointFor,
  endpointPage,
  receiverKeys,
  retireOldKeys,
  rotateKey,
  setEndpointState,
} from "../../directory/webhooks.ts";
import { handOff } from "../../handoff.ts";
import { openEdge } from "../../platform.ts";
import { keyOf } from "../../spool.ts";
import { dropWebhook, testWebhook, webhookNode } from "../../webhook.ts";
import { within } from "../row.ts";
import { cursorQuery, domainParams, id, page, time } from "../shapes.ts";

const hookShape = z.object({
  id,
  url: z.string(),
  scheme: z.enum(["v1", "v1a"]),
  state: z.enum(["active", "disabled"]),
  failingSince: time.nullable(),
  createdAt: time,
});
const hookParams = domainParams.extend({ webhook: id });
const deliveryShape = z.object({
  id,
  message: z.string(),
  attempt: z.int(),
  at: time,
  status: z.int(),
  latencyMs: z.int(),
  answer: z.string(),
  ok: z.boolean(),
  nextAt: time.nullable(),
});
const withKeys = hookShape.extend({ keys: z.array(z.string()) });

export const webhookRows = [
  within("member", "aliases:read", {
    method: "GET",
    path: "/domains/:domain/webhooks",
    name: "webhooks",
    tag: "Webhooks",
    says: "The domain's webhook receivers",
    params: domainParams,
    query: cursorQuery,
    answer: page(hookShape),
    run: (call) => endpointPage(call.world, call.domain.id, call.query),
  }),
  within("admin", "aliases:write", {
    method: "POST",
    path: "/domains/:domain/webhooks",
    name: "addWebhook",
    tag: "Webhooks",
    says: "Add a receiver; answers the keys it is to check signatures with",
    params: domainParams,
    body: z.object({ url: z.url({ protocol: /^https$/ }).max(500) }),
    answer: withKeys,
    status: 201,
    async run(call) {
      const made = await addEndpoint(call.world, call.domain.id, call.body.url);
      return { ...made, keys: await receiverKeys(made) };
    },
  }),
  within("admin", "aliases:write", {
    method: "PATCH",
    path: "/domains/:domain/webhooks/:webhook",
    name: "changeWebhook",
    tag: "Webhooks",
    says: "Switch a receiver on or off, rotate its key (two stay live), or retire the old one; answers the live keys",
    params: hookParams,
    body: z.object({
      state: z.enum(["active", "disabled"]).optional(),
      rotate: z.enum(["v1", "v1a"]).optional().describe("New key: HMAC or Ed25519"),
      retire: z.literal(true).optional(),
    }),
    answer: withKeys,
    async run({ world, domain, params, body }) {
      let hook = await endpointFor(world, domain.id, params.webhook);
      if (body.state !== undefined) hook = await setEndpointState(world, hook, body.state);
      if (body.rotate !== undefined) hook = await rotateKey(world, hook, body.rotate);
      if (body.retire) hook = await retireOldKeys(world, hook);
      return { ...hook, keys: await receiverKeys(hook) };
    },
  }),
  within("member", "aliases:read", {
    method: "GET",
    path: "/domains/:domain/webhooks/:webhook/deliveries",
    name: "deliveries",
    tag: "Webhooks",
    says: "What was tried, newest first",
    params: hookParams,
    query: z.object({ after: id.optional(), limit: z.coerce.number().int().min(1).max(100).default(50) }),
    answer: page(deliveryShape),
    async run({ world, domain, params, query }) {
      const hook = await endpointFor(world, domain.id, params.webhook);
      const rows = await deliveriesOf(world, hook.id, { before: query.after, limit: query.limit + 1 });
      const items = rows.slice(0, query.limit);
      return { items, next: rows.length > query.limit ? (items.at(-1)?.id ?? null) : null };
    },
  }),
  within("admin", "aliases:write", {
    method: "GET",
    path: "/domains/:domain/webhooks/:webhook",
    name: "webhook",
    tag: "Webhooks",
    says: "One receiver, with the keys it checks signatures by",
    params: hookParams,
    answer: withKeys,
    async run({ world, domain, params }) {
      const hook = await endpointFor(world, domain.id, params.webhook);
      return { ...hook, keys: await receiverKeys(hook) };
    },
  }),
  within("admin", "aliases:write", {
    method: "DELETE",
    path: "/domains/:domain/webhooks/:webhook",
    name: "removeWebhook",
    tag: "Webhooks",
    says: "Remove a receiver, with its log and what waits for it; refused while an alias sends there",
    params: hookParams,
    async run({ world, domain, params, env, later }) {
      const hook = await endpointFor(world, domain.id, params.webhook);
      await dropWebhook(openEdge(env, { waitUntil: later }), world, hook);
    },
  }),
  within("admin", "aliases:write", {
    method: "POST",
    path: "/domains/:domain/webhooks/:webhook/test",
    name: "testWebhook",
    tag: "Webhooks",
    says: "Send a receiver a letter of ours, signed like any, once; what it answered",
    params: hookParams,
    answer: z.object({ ok: z.boolean(), status: z.int().describe("0: no answer"), answer: z.string() }),
    async run({ world, domain, params, env, later }) {
      const hook = await endpointFor(world, domain.id, params.webhook);
      const edge = openEdge(env, { waitUntil: later });
      const { status, answer } = await testWebhook(edge, world, hook, `postern@${domain.name}`);
      return { ok: status >= 200 && status < 300, status, answer };
    },
  }),
  within("admin", "aliases:write", {
    method: "POST",
    path: "/domains/:domain/webhooks/:webhook/replay",
    name: "replayWebhook",
    tag: "Webhooks",
    says: "Send a message to a receiver once more, now; what is no longer kept is gone",
    params: hookParams,
    body: z.object({ message: z.string().min(1).max(128).describe("As in the deliveries") }),
    answer: z.object({ outcome: z.enum(["taken", "not-taken", "gone"]) }),
    async run({ world, domain, params, body, env, later }) {
      const hook = await endpointFor(world, domain.id, params.webhook);
      const key = keyOf({ node: webhookNode, box: hook.id, id: body.message });
      const done = await handOff(openEdge(env, { waitUntil: later }), key, true);
      const outcome = done === "handed-off" ? "taken" : done === "gone" ? "gone" : "not-taken";
      return { outcome } as const;
    },
  }),
];
