/** What surrounds aliases: explain, import and export, webhooks, allow and deny lists, DNS records and checks. */
import { z } from "zod";
import { utf8 } from "../../../src/core/bytes.ts";
import { wantedRecords } from "../../../src/core/health/records.ts";
import { bounds, definitionSchema } from "../../../src/core/rules/import/definition.ts";
import { importSources } from "../../../src/core/rules/import/import.ts";
import { nodeById } from "../../directory/nodes.ts";
import { Problem } from "../../directory/problem.ts";
import { addSenderRule, removeSenderRule, senderRulesOf } from "../../directory/sender-rules.ts";
import { applyImport, exportAliases, planImport } from "../../directory/transfer.ts";
import {
  addEndpoint,
  deliveriesOf,
  endpointFor,
  endpointsOf,
  receiverKeys,
  retireOldKeys,
  rotateKey,
  setEndpointState,
} from "../../directory/webhooks.ts";
import { healthOf } from "../../dns/health.ts";
import { explainMail, type Question } from "../../explain.ts";
import { openEdge } from "../../platform.ts";
import { type Within, within } from "../row.ts";
import { domainParams, id, page } from "../shapes.ts";

const time = z.int().describe("UTC milliseconds");
const edgeOf = (call: Within) => openEdge(call.env, { waitUntil: call.later });

const explained = z.object({
  outcome: z.string(),
  reply: z.string(),
  reason: z.string(),
  match: z.unknown(),
  aliases: z.array(z.unknown()),
  copies: z.array(z.object({ kind: z.string(), target: z.string(), says: z.string() })),
  skips: z.array(z.unknown()),
  sender: z.string(),
  proof: z.unknown(),
});

const ruleShape = z.object({
  id,
  act: z.enum(["allow", "deny"]),
  match: z.string(),
  value: z.string(),
  answer: z.enum(["reject", "drop"]),
  createdAt: time,
});

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

const recordShape = z.object({
  id: z.string(),
  type: z.string(),
  name: z.string(),
  value: z.string(),
  priority: z.int().nullable(),
  level: z.enum(["required", "recommended", "optional"]),
  title: z.string(),
  why: z.string(),
});
const checkShape = recordShape.extend({
  by: z.enum(["owner", "operator", "registrar"]).describe("Who can put it right"),
  state: z.string(),
  found: z.array(z.string()),
  todo: z.string(),
});

const importShape = z.object({
  ready: z.boolean(),
  applied: z.boolean(),
  create: z.int(),
  change: z.int(),
  remove: z.int(),
  unchanged: z.int(),
  problems: z.array(
    z.object({
      level: z.string(),
      code: z.string(),
      at: z.int().nullable(),
      offset: z.int().nullable(),
      text: z.string(),
    }),
  ),
  unit: z.string().describe("What a problem's `at` counts"),
});

export const ruleRows = [
  within("member", "aliases:read", {
    method: "POST",
    path: "/domains/:domain/explain",
    name: "explain",
    tag: "Aliases",
    says: "What would happen to mail for an address of the domain, and why; also for a whole pasted message",
    params: domainParams,
    body: z.object({
      local: z.string().min(1).max(64).describe("The part before the @"),
      mailFrom: z.string().max(320).default(""),
      ip: z.string().max(64).nullable().default(null),
      helo: z.string().max(255).nullable().default(null),
      raw: z.string().max(400_000).nullable().default(null).describe("A message as text, lines ended by CRLF or LF"),
    }),
    answer: explained,
    run: (call) => explainMail(edgeOf(call), questionOf(call.domain.name, call.body)),
  }),
  within("member", "aliases:read", {
    method: "GET",
    path: "/domains/:domain/export",
    name: "exportAliases",
    tag: "Aliases",
    says: "All aliases as definitions that the import takes",
    params: domainParams,
    answer: z.object({ domain: z.string(), aliases: z.array(definitionSchema) }),
    run: async (call) => ({ domain: call.domain.name, aliases: await exportAliases(call.world, call.domain) }),
  }),
  within("admin", "aliases:write", {
    method: "POST",
    path: "/domains/:domain/import",
    name: "importAliases",
    tag: "Aliases",
    says: "Import aliases from here or another service: first what would change, then with `apply` all of it or nothing",
    params: domainParams,
    body: z.object({
      source: z.enum(importSources),
      text: z.string().min(1).max(bounds.text),
      mode: z.enum(["add", "replace"]).default("add").describe("`replace`: what the text does not name is removed"),
      apply: z.boolean().default(false),
    }),
    answer: importShape,
    async run(call) {
      const planned = await planImport(call.world, call.domain, call.body);
      if (call.body.apply) await applyImport(call.world, call.domain, planned);
      const { create, change, remove, unchanged } = planned.plan;
      const counts = {
        create: create.length,
        change: change.length,
        remove: remove.length,
        unchanged: unchanged.length,
      };
      return { ...planned, ...counts, applied: call.body.apply };
    },
  }),
  within("member", "aliases:read", {
    method: "GET",
    path: "/domains/:domain/senders",
    name: "senderRules",
    tag: "Senders",
    says: "The domain's allow and deny list",
    params: domainParams,
    answer: page(ruleShape),
    run: async (call) => ({ items: await senderRulesOf(call.world, call.domain.id), next: null }),
  }),
  within("admin", "aliases:write", {
    method: "POST",
    path: "/domains/:domain/senders",
    name: "addSenderRule",
    tag: "Senders",
    says: "Allow or deny an address, a domain, a last label or a network",
    params: domainParams,
    body: z.object({
      act: z.enum(["allow", "deny"]),
      value: z.string().min(1).max(320),
      answer: z.enum(["reject", "drop"]).default("reject").describe("What a denied sender is told"),
    }),
    answer: ruleShape,
    status: 201,
    run: (call) => addSenderRule(call.world, call.domain.id, call.body),
  }),
  within("admin", "aliases:write", {
    method: "DELETE",
    path: "/domains/:domain/senders/:rule",
    name: "removeSenderRule",
    tag: "Senders",
    says: "Take somebody off the list",
    params: domainParams.extend({ rule: id }),
    run: (call) => removeSenderRule(call.world, call.domain.id, call.params.rule),
  }),
  within("member", "aliases:read", {
    method: "GET",
    path: "/domains/:domain/webhooks",
    name: "webhooks",
    tag: "Webhooks",
    says: "The domain's webhook receivers",
    params: domainParams,
    answer: page(hookShape),
    run: async (call) => ({ items: await endpointsOf(call.world, call.domain.id), next: null }),
  }),
  within("admin", "aliases:write", {
    method: "POST",
    path: "/domains/:domain/webhooks",
    name: "addWebhook",
    tag: "Webhooks",
    says: "Add a receiver; answers the keys it is to check signatures with",
    params: domainParams,
    body: z.object({ url: z.url({ protocol: /^https$/ }).max(500) }),
    answer: hookShape.extend({ keys: z.array(z.string()) }),
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
    answer: hookShape.extend({ keys: z.array(z.string()) }),
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
      const rows = await deliveriesOf(world, hook.id, { before: query.after, limit: query.limit });
      return { items: rows, next: rows.length === query.limit ? (rows.at(-1)?.id ?? null) : null };
    },
  }),
  within("member", "domains:read", {
    method: "GET",
    path: "/domains/:domain/records",
    name: "records",
    tag: "Domains",
    says: "The DNS records that the domain needs, and why",
    params: domainParams,
    answer: page(recordShape),
    run: async (call) => ({ items: await recordsOf(call), next: null }),
  }),
  within("member", "domains:read", {
    method: "GET",
    path: "/domains/:domain/checks",
    name: "checks",
    tag: "Domains",
    says: "The same, looked up now: found, expected, what to do",
    params: domainParams,
    answer: page(checkShape),
    run: async (call) => ({ items: await healthOf(edgeOf(call), call.world, call.domain, call.site.host), next: null }),
  }),
];

type Asked = { local: string; mailFrom: string; ip: string | null; helo: string | null; raw: string | null };

/** Pasted text has lost its CRLF on the way through a form or JSON. */
function questionOf(domain: string, { local, raw, ...rest }: Asked): Question {
  return { ...rest, recipient: `${local}@${domain}`, raw: raw === null ? null : utf8(raw.replace(/\r?\n/g, "\r\n")) };
}

async function recordsOf(call: Within) {
  const node = call.domain.node === null ? null : await nodeById(call.world, call.domain.node);
  if (call.domain.node !== null && node === null) throw new Problem(409, "no-such-node", "The domain's node is gone.");
  return wantedRecords(call.domain, { node, edgeHost: call.site.host });
}
