/**
 * Setting a zone up through Cloudflare's API: look whether the token may, say what would change, and do that and nothing
 * else. Walked again on a zone that is right, it finds nothing to do.
 */

import { withTerm } from "../../src/core/health/check.ts";
import type { WantedRecord } from "../../src/core/health/records.ts";
import { record } from "../directory/audit.ts";
import type { Domain } from "../directory/domains.ts";
import type { World } from "../directory/open.ts";
import { Problem } from "../directory/problem.ts";
import type { Cloudflare, NewRecord, Zone, ZoneRecord } from "./cloudflare.ts";

export type Change =
  | { kind: "add"; record: NewRecord; says: string }
  | { kind: "change"; id: string; before: string; record: NewRecord; says: string }
  | { kind: "remove"; id: string; before: string; says: string }
  | { kind: "email-routing"; says: string }
  | { kind: "catch-all"; says: string };

export type Plan = {
  zone: Zone;
  /** Permissions that the token lacks, in Cloudflare's own words. */
  lacks: string[];
  changes: Change[];
};

/** `routed`: Cloudflare's own MX receives and hands to this Worker. */
export async function planChanges(
  cf: Cloudflare,
  domain: Domain,
  wanted: readonly WantedRecord[],
  routed: boolean,
): Promise<Plan> {
  const zone = await zoneOf(cf, domain.name);
  const lacks = await missingPermissions(cf, zone, routed);
  if (lacks.length > 0) return { zone, lacks, changes: [] };
  const existing = await cf.records(zone.id);
  const changes = wanted.flatMap((one) => changesFor(one, existing));
  return { zone, lacks, changes: routed ? [...(await routingChanges(cf, zone)), ...changes] : changes };
}

/** The zone may be the domain's own or a parent's (mail.example.com in example.com). */
async function zoneOf(cf: Cloudflare, name: string): Promise<Zone> {
  const labels = name.split(".");
  for (let at = 0; at < labels.length - 1; at++) {
    const zone = await cf.zone(labels.slice(at).join("."));
    if (zone !== null) return zone;
  }
  throw new Problem(422, "no-zone", `The token does not see a zone for ${name}. Is it made for this zone?`, {
    field: "cf",
  });
}

async function missingPermissions(cf: Cloudflare, zone: Zone, routed: boolean): Promise<string[]> {
  const mayEdit = zone.permissions.length === 0 || zone.permissions.some((one) => /dns_records:edit/.test(one));
  const lacks = mayEdit && (await cf.may(`/zones/${zone.id}/dns_records?per_page=1`)) ? [] : ["Zone · DNS · Edit"];
  if (!routed) return lacks;
  const rules = await cf.may(`/zones/${zone.id}/email/routing/rules/catch_all`);
  return rules ? lacks : [...lacks, "Zone · Email Routing Rules · Edit"];
}

async function routingChanges(cf: Cloudflare, zone: Zone): Promise<Change[]> {
  const { enabled } = await cf.emailRouting(zone.id);
  const on: Change[] = enabled
    ? []
    : [{ kind: "email-routing", says: "Switch Email Routing on (it sets its own MX records)" }];
  return [...on, { kind: "catch-all", says: "Send all addresses to this Worker" }];
}

const fold = (text: string): string => text.replace(/\.$/, "").toLowerCase();

/** What one wanted record needs; nothing where it stands. Only MX records are ever removed, because two MX split the mail. */
export function changesFor(wanted: WantedRecord, existing: readonly ZoneRecord[]): Change[] {
  const here = existing.filter((one) => one.type === wanted.type && fold(one.name) === fold(wanted.name));
  const record = recordOf(wanted);
  if (wanted.id === "mx") return mxChanges(record, here);
  // Cloudflare takes no CNAME beside an address: the name is in use for something of the owner's own.
  if (wanted.type === "CNAME" && existing.some((one) => hasAddress(one, wanted.name))) return [];
  const same =
    wanted.id === "spf"
      ? here.filter((one) => /^"?v=spf1/i.test(one.content))
      : here.filter((one) => rival(wanted, one));
  if (wanted.type === "SRV") return serviceChanges(record, here);
  const [first] = same;
  if (first === undefined) return [{ kind: "add", record, says: `Add ${spelled(record)}` }];
  const now = unquoted(first.content);
  const content = wanted.id === "spf" ? spfContent(now, wanted.value) : keeps.has(wanted.id) ? now : wanted.value;
  if (fold(now) === fold(content)) return [];
  const changed = { ...record, content };
  return [{ kind: "change", id: first.id, before: now, record: changed, says: `Change ${spelled(changed)}` }];
}

/** What an owner has chosen for themselves stays, whatever it says. */
const keeps: ReadonlySet<WantedRecord["id"]> = new Set(["dmarc", "mta-sts", "tls-rpt"]);

function hasAddress(one: ZoneRecord, name: string): boolean {
  return (one.type === "A" || one.type === "AAAA") && fold(one.name) === fold(name);
}

/** Which existing record is the one to be changed: TXT names may carry several that have nothing to do with us. */
function rival(wanted: WantedRecord, one: ZoneRecord): boolean {
  if (wanted.type === "CNAME") return true;
  const head = /^[a-z0-9-]+=[a-z0-9]*/i.exec(wanted.value)?.[0] ?? "";
  const prefix = wanted.id === "owner" ? "postern-verify=" : head;
  return fold(unquoted(one.content)).startsWith(fold(prefix));
}

function mxChanges(record: NewRecord, here: readonly ZoneRecord[]): Change[] {
  const others = here.filter((one) => fold(one.content) !== fold(record.content));
  const stands = others.length < here.length;
  return [
    ...(stands ? [] : [{ kind: "add" as const, record, says: `Add ${spelled(record)}` }]),
    ...others.map((one) => ({
      kind: "remove" as const,
      id: one.id,
      before: one.content,
      says: `Remove MX ${one.content}`,
    })),
  ];
}

/** One that names our server and port stays, whatever its weight; of others the first is changed, since apps ask them all. */
function serviceChanges(record: NewRecord, here: readonly ZoneRecord[]): Change[] {
  const { port, target = "" } = record.data ?? {};
  if (here.some(({ data }) => data?.port === port && fold(data?.target ?? "") === fold(target))) return [];
  const [first] = here;
  if (first === undefined) return [{ kind: "add", record, says: `Add ${spelled(record)}` }];
  return [{ kind: "change", id: first.id, before: first.content, record, says: `Change ${spelled(record)}` }];
}

function spfContent(now: string, wanted: string): string {
  const term = wanted.split(" ")[1] ?? "";
  return now.toLowerCase().split(/\s+/).includes(term) ? now : withTerm(now, term);
}

function recordOf({ type, name, value, priority }: WantedRecord): NewRecord {
  const record = { type, name, content: value, ...(priority === null ? {} : { priority }) };
  if (type !== "SRV") return record;
  const [weight, port, target = ""] = value.split(" ");
  return { ...record, data: { priority: priority ?? 0, weight: Number(weight), port: Number(port), target } };
}

function unquoted(content: string): string {
  return content.replace(/^"|"$/g, "").replaceAll('" "', "");
}

function spelled({ type, name, content }: NewRecord): string {
  return `${type} ${name}: ${content}`;
}

/** Carries the plan out, in order, and notes it. The plan is made afresh from the zone, never taken from a form. */
export async function applyChanges(
  cf: Cloudflare,
  world: World,
  of: Domain,
  plan: Plan,
  worker: string,
): Promise<void> {
  for (const change of plan.changes) await carryOut(cf, plan.zone.id, change, worker);
  const detail = { changes: plan.changes.map((change) => change.says) };
  await record(world, { domain: of.id, act: "dns.applied", subject: plan.zone.name, detail });
}

function carryOut(cf: Cloudflare, zone: string, change: Change, worker: string): Promise<void> {
  switch (change.kind) {
    case "add":
      return cf.addRecord(zone, change.record);
    case "change":
      return cf.changeRecord(zone, change.id, change.record);
    case "remove":
      return cf.removeRecord(zone, change.id);
    case "email-routing":
      return cf.enableEmailRouting(zone);
    case "catch-all":
      return cf.sendAllTo(zone, worker);
  }
}
