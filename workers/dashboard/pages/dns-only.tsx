/**
 * Forwarding by DNS alone, for people without an account: type a domain and its records, see record by record how they would be
 * understood and what is wrong in them, and copy values that hide their destinations. Works without JavaScript.
 */
import { type Context, Hono } from "hono";
import { z } from "zod";
import { foldDomain } from "../../../src/core/rules/address.ts";
import { configOf } from "../../config.ts";
import { mailHosts } from "../../directory/nodes.ts";
import { Problem } from "../../directory/problem.ts";
import { openEdge } from "../../platform.ts";
import { countOrRefuse, limits } from "../../sign-in/limit.ts";
import { type App, ipOf } from "../../sign-in/visitor.ts";
import { preview, recordsIn, sealAll } from "../../txt-preview.ts";
import { installationPublicKey } from "../../webhook-key.ts";
import { DnsOnlyView, type Result } from "../dns-only-view.tsx";
import { attempt, openFormOf } from "../guard.tsx";
import { gate } from "../shell.tsx";

export const dnsOnlyPages = new Hono<App>();

const form = z.object({
  domain: z.string().max(253).catch(""),
  records: z.string().max(20_000).catch(""),
  act: z.enum(["read", "look", "seal"]).catch("read"),
});
type Asked = z.output<typeof form>;

dnsOnlyPages.get("/dns-only", (c) => show(c, { domain: "", records: "", act: "read" }, null));

dnsOnlyPages.post("/dns-only", async (c) => {
  const asked = await openFormOf(c, form);
  const tried = await attempt(async () => {
    await countOrRefuse(c.get("world"), limits.dnsOnly, ipOf(c));
    return answer(c, asked);
  });
  if (!tried.ok) return show(c, asked, null, tried.problem);
  return show(c, { ...asked, records: tried.value.text }, tried.value.result);
});

async function answer(c: Context<App>, asked: Asked): Promise<{ text: string; result: Result }> {
  const domain = foldDomain(asked.domain);
  if (domain === null)
    throw new Problem(422, "bad-domain", "Write a domain name, such as example.com.", { field: "domain" });
  const edge = openEdge(c.env, c.executionCtx);
  const text = asked.act === "look" ? await published(edge, domain) : asked.records;
  const records = recordsIn(text);
  const seen = preview(edge, domain, records);
  return { text, result: { domain, ...seen, sealing: asked.act === "seal" ? sealAll(edge, domain, records) : null } };
}

/** The rule records that the domain's DNS has now, one a line. */
async function published(edge: ReturnType<typeof openEdge>, domain: string): Promise<string> {
  const found = await edge.dns.resolve(domain, "TXT");
  if (found.kind === "trouble")
    throw new Problem(503, "dns-trouble", `The DNS of ${domain} does not answer just now.`, { field: "domain" });
  const records = found.kind === "found" ? found.records.filter((text) => /postern|forward-email/i.test(text)) : [];
  if (records.length === 0)
    throw new Problem(422, "no-records", `${domain} has no rule records in its DNS yet.`, { field: "domain" });
  return records.map((text) => text.replace(/\s+/g, " ")).join("\n");
}

async function show(c: Context<App>, asked: Asked, result: Result | null, problem: Problem | null = null) {
  const hosts = await mailHosts(c.get("world"));
  const { mode } = configOf(c.env).dnsOnly;
  const webhookKey = await installationPublicKey(openEdge(c.env, c.executionCtx));
  const view = <DnsOnlyView {...{ asked, result, problem, hosts, mode, webhookKey }} />;
  return gate(c, { title: "Forward by DNS alone", wide: true, status: problem?.status ?? 200 }, view);
}
