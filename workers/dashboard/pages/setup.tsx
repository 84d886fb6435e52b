/**
 * Setting a domain up, and its health ever after: the same checks. Prove it is yours, say where its mail goes (by hand, or by a
 * Cloudflare token), make the first alias, watch a test mail arrive. Can be walked again at any time.
 */
import { type Context, Hono } from "hono";
import { z } from "zod";
import type { Check } from "../../../src/core/health/finding.ts";
import { type WantedRecord, wantedRecords, zoneFile } from "../../../src/core/health/records.ts";
import { type DomainView, proveDomain, setDomainNode } from "../../directory/domains.ts";
import { nodeById, nodes } from "../../directory/nodes.ts";
import { applyChanges, type Plan, planChanges } from "../../dns/apply.ts";
import { Cloudflare } from "../../dns/cloudflare.ts";
import { freshDns, healthOf, remember } from "../../dns/health.ts";
import { openEdge } from "../../platform.ts";
import { type App, siteOf, type Visitor } from "../../sign-in/visitor.ts";
import { attempt, formOf, signedIn } from "../guard.tsx";
import { PlanView } from "../plan-view.tsx";
import { domainHere } from "../reader.ts";
import { ChecksView, SetupView } from "../setup-views.tsx";
import { page } from "../shell.tsx";

export const setupPages = new Hono<App>();

setupPages.get(
  "/domains/:domain/setup",
  signedIn(async (c, visitor) => setupPage(c, visitor, await domainHere(c, visitor), null)),
);

/** The checks alone, for the page that watches them. */
setupPages.get(
  "/domains/:domain/checks",
  signedIn(async (c, visitor) => {
    const domain = await domainHere(c, visitor);
    return c.html(<ChecksView domain={domain} checks={await look(c, domain)} />);
  }),
);

setupPages.get(
  "/domains/:domain/zone.txt",
  signedIn(async (c, visitor) => {
    const domain = await domainHere(c, visitor);
    c.header("content-disposition", `attachment; filename="${domain.name}.zone.txt"`);
    return c.text(zoneFile(await wanted(c, domain)));
  }),
);

setupPages.post(
  "/domains/:domain/node",
  signedIn(async (c, visitor) => {
    const domain = await domainHere(c, visitor, "admin");
    const { node } = await formOf(c, visitor, z.object({ node: z.string().max(64) }));
    const known = (await nodes(c.get("world"))).find((one) => one.id === node);
    await setDomainNode(c.get("world"), domain, known?.id ?? null);
    return c.redirect(`/domains/${domain.id}/setup?done=settings-changed`, 303);
  }),
);

const tokenForm = z.object({ cf: z.string().min(10, "Paste the token.").max(200), apply: z.literal("yes").optional() });

/** First the plan; then, when it is sent again with “apply”, the plan made anew and carried out. */
setupPages.post(
  "/domains/:domain/cloudflare",
  signedIn(async (c, visitor) => {
    const domain = await domainHere(c, visitor, "admin");
    const form = await formOf(c, visitor, tokenForm);
    const cf = new Cloudflare(c.env.CLOUDFLARE_API, form.cf);
    const tried = await attempt(async () => planChanges(cf, domain, await wanted(c, domain), domain.node === null));
    if (!tried.ok) return setupPage(c, visitor, domain, tried.problem.detail);
    const ready = tried.value.lacks.length === 0;
    if (form.apply === undefined || !ready) return planPage(c, visitor, domain, tried.value, form.cf);
    const done = await attempt(() => applyChanges(cf, c.get("world"), domain, tried.value, c.env.WORKER_NAME));
    if (!done.ok) return setupPage(c, visitor, domain, done.problem.detail);
    return c.redirect(`/domains/${domain.id}/setup?done=dns-applied`, 303);
  }),
);

async function setupPage(
  c: Context<App>,
  visitor: Visitor,
  domain: DomainView,
  trouble: string | null,
): Promise<Response> {
  const checks = await look(c, domain);
  const places = await nodes(c.get("world"));
  const view = <SetupView {...{ visitor, domain, checks, places, trouble }} />;
  const title = `Set up ${domain.name}`;
  return page(
    c,
    visitor,
    { title, at: "domains", islands: ["setup", "activity"], status: trouble === null ? 200 : 422 },
    view,
  );
}

function planPage(
  c: Context<App>,
  visitor: Visitor,
  domain: DomainView,
  plan: Plan,
  token: string,
): Response | Promise<Response> {
  const view = <PlanView {...{ visitor, domain, plan, token }} />;
  return page(c, visitor, { title: `Set up ${domain.name}`, at: "domains" }, view);
}

async function wanted(c: Context<App>, domain: DomainView): Promise<WantedRecord[]> {
  const node = domain.node === null ? null : await nodeById(c.get("world"), domain.node);
  return wantedRecords(domain, { node, edgeHost: siteOf(c).host });
}

/** Looking is also proving: a domain whose owner record is found becomes active there and then. */
async function look(c: Context<App>, domain: DomainView): Promise<Check[]> {
  const edge = openEdge(c.env, c.executionCtx);
  const world = c.get("world");
  const checks = await healthOf(edge, world, domain, siteOf(c).host);
  const owned = checks.find((check) => check.id === "owner")?.state === "pass";
  if (owned && domain.state === "pending" && (await proveDomain(world, domain, freshDns(edge))) === "active")
    domain.state = "active";
  edge.later(remember(world, domain.id, checks));
  return checks;
}
