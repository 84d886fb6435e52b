/**
 * Domains served by their TXT records (F3): those without an account, where the operator allows it (`off`, `allowlist`,
 * `open`), and those whose owner switched TXT rules on, behind the directory. Abuse limits of the first kind: 200 messages a
 * day, only mail that passes SPF or DKIM, every destination verified.
 */
import { eq, sql } from "drizzle-orm";
import { type Candidates, resolve } from "../src/core/rules/aliases.ts";
import { definitionKey } from "../src/core/rules/import/definition.ts";
import { type RecordRules, readRecords, recordAliases } from "../src/core/rules/records/read.ts";
import { bare as standingName, verifiable } from "../src/core/rules/standing.ts";
import { labels } from "../src/core/seal/labels.ts";
import { type Found, type LookedUp, type Relay, relayFor, type StandingRow, standingsOf } from "./directory/routes.ts";
import { node, txtUse } from "./directory/schema.ts";
import { standingsFor, txtStandings } from "./directory/standings.ts";
import type { Edge } from "./platform.ts";
import { dayOf, derivedKey } from "./transit.ts";

/** Begins the id that a domain without an account has in journal and webhooks. */
export const txtIdPrefix = "dns:";
const messagesPerDay = 200;
/** A receiver that was switched off has nobody who could switch it on again: it is tried once more after a day. */
const restMs = 86_400_000;
const endpointsResting =
  "select url from webhook_endpoint where domain = ?1 and state = 'disabled' and disabled_at > ?2";

export function isTxtDomain(domainId: string): boolean {
  return domainId.startsWith(txtIdPrefix);
}

/** What the directory knows, filled up from DNS where that may speak. `speaker` as in `routeOf`. */
export function withTxt(edge: Edge, found: readonly LookedUp[], speaker: string | null): Promise<LookedUp[]> {
  return Promise.all(found.map((one) => filledUp(edge, one, speaker)));
}

async function filledUp(edge: Edge, found: LookedUp, speaker: string | null): Promise<LookedUp> {
  if (found.address === null) return found;
  if (found.domain === null)
    return isAllowed(edge, found.address.domain) && speaker !== null ? bare(edge, found, speaker) : found;
  if (!found.domain.txtRules) return found;
  const route = resolve(found.address, found.candidates);
  const unknown = route.kind === "refused" && route.reason === "no-such-address";
  return unknown ? behind(edge, found) : found;
}

function isAllowed(edge: Edge, domain: string): boolean {
  const { mode, domains } = edge.config.dnsOnly;
  return mode === "open" || (mode === "allowlist" && domains.has(domain));
}

/** The rules of a domain's records with all that is wrong in them; null when DNS does not answer. */
export async function readDomainRecords(edge: Edge, domain: string): Promise<RecordRules | null> {
  const answer = await edge.dns.resolve(domain, "TXT");
  if (answer.kind === "trouble") return null;
  const records = answer.kind === "found" ? answer.records : [];
  return readRecords(records, { domain, keys: [txtKey(edge)], allowLoopback: edge.config.allowLoopback });
}

/** Seals values of `postern=` records (`records/sealed.ts`). */
export function txtKey(edge: Edge): Uint8Array {
  return derivedKey(edge, labels.txtRecord);
}

/** A domain that the directory does not know. */
async function bare(edge: Edge, found: Extract<LookedUp, { domain: null }>, speaker: string): Promise<LookedUp> {
  const { recipient, address } = found;
  if (address === null) return found;
  const [rules, points] = await Promise.all([
    readDomainRecords(edge, address.domain),
    pointsTo(edge, address.domain, speaker),
  ]);
  if (rules === null || points === "trouble") return { ...found, trouble: "dns-trouble" };
  if (!rules.present || !points) return found;
  const rows = candidatesOf(rules, address.domain, null);
  const asked = targetsOf(address, rows);
  const { standings, used, relay, endpointsOff } = await factsFor(edge, address.domain, asked, speaker);
  const candidates = { ...rows, endpointsOff };
  if (used >= messagesPerDay) return { ...found, trouble: "rate-limited" };
  const id = `${txtIdPrefix}${address.domain}`;
  const domain = { id, name: address.domain, node: speaker, owner: null, ownerId: null, txtRules: true, relay };
  return { recipient, address, domain, candidates, standings, senders: [], vacations: [] };
}

/** A domain of the directory whose own aliases say nothing of this address. */
async function behind(edge: Edge, found: Found): Promise<LookedUp> {
  const rules = await readDomainRecords(edge, found.domain.name);
  if (rules === null) return { ...found, domain: null, trouble: "dns-trouble" };
  const candidates = candidatesOf(rules, found.domain.name, found.candidates.owner);
  const asked = targetsOf(found.address, candidates);
  return { ...found, candidates, standings: await standingsFor(edge.env.DIRECTORY, found.domain.id, asked) };
}

function candidatesOf(rules: RecordRules, domain: string, owner: string | null): Candidates {
  const aliases = recordAliases(rules.aliases);
  const exact = aliases.filter(({ kind }) => kind === "exact");
  const nested = new Map(exact.map((alias) => [`${alias.pattern}@${domain}`, alias]));
  const addsUp = new Set(aliases.filter((alias) => rules.addsUp.has(definitionKey(alias))).map(({ id }) => id));
  return { aliases, nested, mailboxes: new Map(), own: null, endpointsOff: new Set(), owner, addsUp };
}

/** Addresses whose standing decides about this very recipient: who has to agree, and who is never to be written to. */
function targetsOf(address: Found["address"], candidates: Candidates): string[] {
  const route = resolve(address, candidates);
  if (route.kind !== "found") return [];
  return route.targets.flatMap((target) =>
    target.kind === "address" ? [verifiable(target.address, target.wholeDomain), standingName(target.address)] : [],
  );
}

/** The domain's MX names this node: only then is the node believed for it. */
async function pointsTo(edge: Edge, domain: string, speaker: string): Promise<boolean | "trouble"> {
  const [answer, rows] = await Promise.all([
    edge.dns.resolve(domain, "MX"),
    edge.db.select({ mxHost: node.mxHost }).from(node).where(eq(node.id, speaker)).limit(1),
  ]);
  if (answer.kind === "trouble") return "trouble";
  const host = rows[0]?.mxHost.toLowerCase();
  return answer.kind === "found" && answer.records.some(({ exchange }) => exchange.toLowerCase() === host);
}

async function factsFor(edge: Edge, domain: string, addresses: readonly string[], speaker: string) {
  const { DIRECTORY } = edge.env;
  const [standings, use, nodes, off] = await DIRECTORY.batch([
    DIRECTORY.prepare(txtStandings).bind(domain, JSON.stringify(addresses)),
    DIRECTORY.prepare("select messages from txt_use where domain = ?1 and day = ?2").bind(domain, dayOf(edge.clock())),
    DIRECTORY.prepare(relayFor).bind(speaker),
    DIRECTORY.prepare(endpointsResting).bind(`${txtIdPrefix}${domain}`, edge.clock() - restMs),
  ]);
  const [used] = (use?.results ?? []) as { messages: number }[];
  const [through] = (nodes?.results ?? []) as Relay[];
  return {
    standings: standingsOf((standings?.results ?? []) as StandingRow[]),
    used: used?.messages ?? 0,
    relay: through ?? null,
    endpointsOff: new Set(((off?.results ?? []) as { url: string }[]).map(({ url }) => url)),
  };
}

/** One more message for a domain without an account. */
export async function countMessage(edge: Edge, domain: string): Promise<void> {
  await edge.db
    .insert(txtUse)
    .values({ domain, day: dayOf(edge.clock()), messages: 1 })
    .onConflictDoUpdate({ target: [txtUse.domain, txtUse.day], set: { messages: sql`${txtUse.messages} + 1` } });
}
