/** MTA-STS over HTTPS (RFC 8461 §3.3): answering the policy at `mta-sts.<domain>`, for active domains alone; fetching anybody's. */
import { Hono } from "hono";
import { type FetchPolicy, policyFor } from "../../src/core/health/sts-policy.ts";
import { isPublicAddress } from "../../src/core/net-address.ts";
import type { Resolver } from "../../src/core/ports.ts";
import { domainNamed } from "../directory/domains.ts";
import { nodeById } from "../directory/nodes.ts";
import { openWorld } from "../directory/open.ts";

export const policyPath = "/.well-known/mta-sts.txt";
export function policyRoutes(): Hono<{ Bindings: Env }> {
  const app = new Hono<{ Bindings: Env }>();
  app.get(policyPath, async (c) => {
    const { hostname } = new URL(c.req.url);
    const world = openWorld(c.env.DIRECTORY);
    const of = hostname.startsWith("mta-sts.") ? await domainNamed(world, hostname.slice("mta-sts.".length)) : null;
    if (of === null || of.state !== "active") return c.text("No policy is kept for this name.\n", 404);
    const node = of.node === null ? null : await nodeById(world, of.node);
    return c.text(policyFor(node?.mxHost ?? null), 200, { "cache-control": "max-age=300" });
  });
  return app;
}

const timeoutMs = 5_000;
/** §3.3 lets a reader stop here. */
const mostBytes = 64 * 1024;

/** Over HTTPS, without following redirects (§3.3), and never to an address of the inside. */
export function policyFetcher(dns: Resolver, mayLoopback: boolean): FetchPolicy {
  return async (domain) => {
    const host = `mta-sts.${domain}`;
    const answers = await Promise.all([dns.resolve(host, "A"), dns.resolve(host, "AAAA")]);
    const addresses = answers.flatMap((answer) => (answer.kind === "found" ? answer.records : []));
    if (addresses.length === 0 || (!mayLoopback && !addresses.every(isPublicAddress))) return null;
    const signal = AbortSignal.timeout(timeoutMs);
    const response = await fetch(`https://${host}${policyPath}`, { redirect: "manual", signal }).catch(() => null);
    if (response === null || response.status !== 200) return null;
    return boundedText(response).catch(() => null);
  };
}

async function boundedText(response: Response): Promise<string | null> {
  const decoder = new TextDecoder();
  let text = "";
  const body: ReadableStream<Uint8Array> | null = response.body;
  for await (const part of body ?? []) {
    text += decoder.decode(part, { stream: true });
    if (text.length > mostBytes) return null;
  }
  return text;
}
