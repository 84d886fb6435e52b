/**
 * A domain's health: its records looked up now, and remembered, so that a record that was right and is not any more is
 * noticed once and told to the owner.
 */

import { eq, isNull, lt, or } from "drizzle-orm";
import { dohResolver } from "../../src/core/dns/doh.ts";
import { checkRecords } from "../../src/core/health/check.ts";
import type { Check, CheckState } from "../../src/core/health/finding.ts";
import { lookAround } from "../../src/core/health/look.ts";
import { wantedRecords } from "../../src/core/health/records.ts";
import type { Resolver } from "../../src/core/ports.ts";
import { type Domain, domainById } from "../directory/domains.ts";
import { nodeById } from "../directory/nodes.ts";
import { openWorld, type World } from "../directory/open.ts";
import { tellOwner } from "../directory/owners.ts";
import { dnsCheck, domain } from "../directory/schema.ts";
import { type Edge, logTrouble } from "../platform.ts";
import { edgeOrigin } from "../post.ts";
import { policyFetcher } from "./mta-sts.ts";

const day = 86_400_000;
/** Domains looked at in one round of the cron: their look-ups share its time. */
const perRound = 10;

const dnsBudgetMs = 8_000;

/** A resolver that remembers nothing from before: somebody who has just set a record must not be shown our cache. */
export function freshDns(edge: Edge): Resolver {
  const urls = edge.config.dohUrls;
  return dohResolver({ urls, fetch: (url, init) => fetch(url, init), clock: edge.clock, budgetMs: dnsBudgetMs });
}

export async function healthOf(edge: Edge, world: World, of: Domain, edgeHost: string): Promise<Check[]> {
  const node = of.node === null ? null : await nodeById(world, of.node);
  const dns = freshDns(edge);
  const policyOf = policyFetcher(dns, edge.config.allowLoopback);
  const [records, around] = await Promise.all([
    checkRecords(wantedRecords(of, { node, edgeHost }), dns, policyOf),
    lookAround(of.name, node, dns),
  ]);
  return inOrder([...records, ...around]);
}

const ranks: Record<Check["level"], number> = { required: 0, recommended: 1, optional: 2 };
function inOrder(checks: Check[]): Check[] {
  return checks.toSorted((a, b) => ranks[a.level] - ranks[b.level]);
}

/** Remembers; answers the titles of those that were well before and are not now. */
export async function remember(world: World, domainId: string, checks: readonly Check[]): Promise<string[]> {
  const [before] = await world.db.select().from(dnsCheck).where(eq(dnsCheck.domain, domainId)).limit(1);
  const states = Object.fromEntries(checks.map((check) => [check.id, check.state]));
  const row = { domain: domainId, at: world.clock(), states };
  await world.db.insert(dnsCheck).values(row).onConflictDoUpdate({ target: dnsCheck.domain, set: row });
  return checks.filter((check) => hasDrifted(before?.states[check.id], check.state)).map((check) => check.title);
}

// Trouble is not drift: a name server that sleeps for a minute would ring the alarm.
function hasDrifted(before: string | undefined, now: CheckState): boolean {
  return (before === "pass" || before === "warn") && (now === "missing" || now === "wrong");
}

/** The cron's part: every active domain once a day. */
export async function watchDrift(edge: Edge): Promise<void> {
  const origin = await edgeOrigin(edge);
  if (origin === null) return; // nobody has asked us by our own name yet
  const world = openWorld(edge.env.DIRECTORY);
  const due = await world.db
    .select({ id: domain.id })
    .from(domain)
    .leftJoin(dnsCheck, eq(dnsCheck.domain, domain.id))
    .where(or(isNull(dnsCheck.at), lt(dnsCheck.at, world.clock() - day)))
    .limit(perRound);
  for (const { id } of due) await lookAt(edge, world, id, origin).catch((error) => logTrouble("drift", error));
}

async function lookAt(edge: Edge, world: World, id: string, origin: string): Promise<void> {
  const of = await domainById(world, id);
  if (of === null) return;
  const lost = await remember(world, id, await healthOf(edge, world, of, new URL(origin).hostname));
  if (lost.length === 0 || of.state !== "active") return;
  const text = [
    `DNS records of ${of.name} that were right yesterday are not any more:`,
    "",
    ...lost.map((title) => `- ${title}`),
    "",
    `What was found and what to do: ${origin}/domains/${id}/setup`,
    "",
  ];
  const today = new Date(world.clock()).toISOString().slice(0, 10);
  await tellOwner(edge, id, {
    id: `drift-${id}-${today}`,
    subject: `DNS of ${of.name} has changed`,
    text: text.join("\n"),
  });
}
