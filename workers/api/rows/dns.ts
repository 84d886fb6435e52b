/** What a domain's DNS must say and what it says now; the owner's proof; records set by a Cloudflare token. */
import { z } from "zod";
import { wantedRecords, zoneFile } from "../../../src/core/health/records.ts";
import { domainFor, proveDomain } from "../../directory/domains.ts";
import { nodeById } from "../../directory/nodes.ts";
import { Problem } from "../../directory/problem.ts";
import { applyChanges, planChanges } from "../../dns/apply.ts";
import { Cloudflare } from "../../dns/cloudflare.ts";
import { freshDns, healthOf } from "../../dns/health.ts";
import { openEdge } from "../../platform.ts";
import { type Within, within } from "../row.ts";
import { domainParams, domainShape, page } from "../shapes.ts";

const edgeOf = (call: Within) => openEdge(call.env, { waitUntil: call.later });

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
const changeShape = z.object({ kind: z.string(), says: z.string() });

export const dnsRows = [
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
  within("member", "domains:read", {
    method: "GET",
    path: "/domains/:domain/zone-file",
    name: "zoneFile",
    tag: "Domains",
    says: "The same records as a zone file (RFC 1035) that DNS providers import",
    params: domainParams,
    answer: z.object({ text: z.string() }),
    run: async (call) => ({ text: zoneFile(await recordsOf(call)) }),
  }),
  within("admin", "domains:write", {
    method: "POST",
    path: "/domains/:domain/prove",
    name: "proveDomain",
    tag: "Domains",
    says: "Look for the owner record now; found, the domain receives from then on",
    params: domainParams,
    answer: domainShape,
    async run(call) {
      const found =
        call.domain.state === "active" ? "active" : await proveDomain(call.world, call.domain, freshDns(edgeOf(call)));
      if (found === "trouble")
        throw new Problem(503, "dns-trouble", "The domain's DNS does not answer just now.", { retryAfter: 60 });
      if (found === "missing") throw new Problem(409, "not-proven", "The owner record is not there, or not yet.");
      return domainFor(call.world, call.visitor.account.id, call.domain.id);
    },
  }),
  within("admin", "domains:write", {
    method: "POST",
    path: "/domains/:domain/cloudflare",
    name: "applyRecords",
    tag: "Domains",
    says: "What a Cloudflare token would change in the zone, and with `apply` change it; the token is kept nowhere",
    params: domainParams,
    body: z.object({ token: z.string().min(10).max(200), apply: z.boolean().default(false) }),
    answer: z.object({
      lacks: z.array(z.string()).describe("Permissions that the token lacks"),
      changes: z.array(changeShape),
      applied: z.boolean(),
    }),
    async run(call) {
      const { domain, body, env, world } = call;
      const cf = new Cloudflare(env.CLOUDFLARE_API, body.token);
      const plan = await planChanges(cf, domain, await recordsOf(call), domain.node === null);
      const applied = body.apply && plan.lacks.length === 0;
      if (applied) await applyChanges(cf, world, domain, plan, env.WORKER_NAME);
      return { lacks: plan.lacks, changes: plan.changes, applied };
    },
  }),
];

async function recordsOf(call: Within) {
  const node = call.domain.node === null ? null : await nodeById(call.world, call.domain.node);
  if (call.domain.node !== null && node === null) throw new Problem(409, "no-such-node", "The domain's node is gone.");
  return wantedRecords(call.domain, { node, edgeHost: call.site.host });
}
