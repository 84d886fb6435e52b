/** Domains and who belongs to them. A domain receives mail once it is `active`: proven by TXT, or let in by the operator. */

import { and, asc, count, eq, getTableColumns, gte, ne, not, type SQL, sql } from "drizzle-orm";
import { toBase64url } from "../../src/core/bytes.ts";
import { ownershipRecord } from "../../src/core/health/records.ts";
import type { Resolver } from "../../src/core/ports.ts";
import { among } from "./among.ts";
import { audited, type Entry } from "./audit.ts";
import { type Page, type PageQuery, pageBy } from "./keyset.ts";
import { isUniqueViolation, newId, type World } from "./open.ts";
import { notFound, Problem } from "./problem.ts";
import { alias, domain, mailbox, membership } from "./schema.ts";

export type Domain = typeof domain.$inferSelect;
export type Role = "owner" | "admin" | "member";
export type DomainView = Domain & { role: Role; aliases: number; mailboxes: number };

const aliasCount = sql<number>`(select count(*) from ${alias} where ${alias.domain} = ${domain.id})`;
const mailboxCount = sql<number>`(select count(*) from ${mailbox} where ${mailbox.domain} = ${domain.id} and ${mailbox.state} = 'active')`;
const view = {
  ...getTableColumns(domain),
  role: membership.role,
  aliases: aliasCount,
  mailboxes: mailboxCount,
};

/** Whether the actor gets to a domain of theirs at all: an API key may be for others, and some ask for a second factor. */
export function reaches(world: World, of: Pick<Domain, "id" | "mfa">): boolean {
  return isFor(world, of.id) && (world.strong || !of.mfa);
}

function isFor(world: World, domainId: string): boolean {
  return world.only === null || world.only.includes(domainId);
}

/** Those that the actor reaches, by name. */
export async function domainsOf(world: World, accountId: string): Promise<DomainView[]> {
  return reached(world, accountId).orderBy(asc(domain.name));
}

export async function domainPage(world: World, accountId: string, query: PageQuery): Promise<Page<DomainView>> {
  const order = { by: [domain.name], of: ({ name }: DomainView) => [name] };
  return pageBy(order, query, ({ after, orderBy, limit }) =>
    reached(world, accountId, after)
      .orderBy(...orderBy)
      .limit(limit),
  );
}

function reached(world: World, accountId: string, which?: SQL) {
  const open = world.strong ? undefined : eq(domain.mfa, false);
  const own = world.only === null ? undefined : among(domain.id, world.only);
  return world.db
    .select(view)
    .from(membership)
    .innerJoin(domain, eq(domain.id, membership.domain))
    .where(and(eq(membership.account, accountId), open, own, which));
}

/** The domain as this account may see it; throws `not-found` for anybody else's. */
export async function domainFor(world: World, accountId: string, domainId: string): Promise<DomainView> {
  const [row] = await world.db
    .select(view)
    .from(membership)
    .innerJoin(domain, eq(domain.id, membership.domain))
    .where(and(eq(membership.account, accountId), eq(domain.id, domainId)))
    .limit(1);
  if (row === undefined || !isFor(world, row.id)) throw notFound("domain");
  if (row.mfa && !world.strong)
    throw new Problem(403, "second-factor-needed", `${row.name} asks for a second factor: sign in with one.`);
  return row;
}

/** Domains that were left out of `domainsOf` for want of a second factor. */
export async function domainsHidden(world: World, accountId: string): Promise<number> {
  if (world.strong) return 0;
  const [row] = await world.db
    .select({ n: count() })
    .from(membership)
    .innerJoin(domain, and(eq(domain.id, membership.domain), eq(domain.mfa, true)))
    .where(eq(membership.account, accountId));
  return row?.n ?? 0;
}

/** Whether its people need a second factor. Only somebody who has one may demand it, or they would lock themselves out. */
export async function setDomainMfa(world: World, of: Domain, mfa: boolean): Promise<void> {
  if (mfa && !world.strong)
    throw new Problem(409, "second-factor-needed", "Sign in with a second factor yourself first.", { field: "mfa" });
  await changeDomain(world, of, { mfa }, { act: "domain.changed", detail: { mfa } });
}

/** Without any check of rights: for the edge's own work. */
export async function domainById(world: World, id: string): Promise<Domain | null> {
  const [row] = await world.db.select().from(domain).where(eq(domain.id, id)).limit(1);
  return row ?? null;
}

/** The one that is proven, or let in; what others began to set up under the name is nothing to anybody. */
export async function domainNamed(world: World, name: string): Promise<Domain | null> {
  const proven = and(eq(domain.name, name), ne(domain.state, "pending"));
  const [row] = await world.db.select().from(domain).where(proven).limit(1);
  return row ?? null;
}

/** Of one account, proven or not: its id. */
export async function domainOfAccount(world: World, accountId: string, name: string): Promise<string | null> {
  const [row] = await world.db
    .select({ id: domain.id })
    .from(domain)
    .innerJoin(membership, eq(membership.domain, domain.id))
    .where(and(eq(domain.name, name), eq(membership.account, accountId)))
    .limit(1);
  return row?.id ?? null;
}

export type NewDomain = { name: string; node: string | null; active: boolean };

/** Several accounts may begin with one name, and whoever proves it has it: else a stranger who came first would keep its owner out. */
export async function addDomain(world: World, accountId: string, input: NewDomain): Promise<Domain> {
  if ((await domainNamed(world, input.name)) !== null || (await domainOfAccount(world, accountId, input.name)) !== null)
    throw taken();
  const now = world.clock();
  const id = newId(world);
  const token = toBase64url(world.random(18));
  const state = input.active ? "active" : "pending";
  try {
    const entry = { domain: id, act: "domain.added", subject: input.name, detail: { state } } as const;
    const [[added]] = await audited(world, entry, [
      world.db
        .insert(domain)
        .values({ id, name: input.name, token, state, node: input.node, createdAt: now })
        .returning(),
      world.db.insert(membership).values({ account: accountId, domain: id, role: "owner", createdAt: now }),
    ]);
    if (added !== undefined) return added;
  } catch (error) {
    if (!isUniqueViolation(error)) throw error;
  }
  throw taken();
}

function taken(): Problem {
  return new Problem(409, "domain-taken", "This domain is already set up here.", { field: "name" });
}

/** Looks the owner's TXT record up and activates the domain when it is there. */
export async function proveDomain(world: World, of: Domain, dns: Resolver): Promise<"active" | "missing" | "trouble"> {
  const wanted = ownershipRecord(of);
  const answer = await dns.resolve(wanted.name, "TXT");
  if (answer.kind === "trouble") return "trouble";
  if (answer.kind === "none" || !answer.records.some((text) => text.trim() === wanted.value)) return "missing";
  try {
    await changeDomain(world, of, { state: "active" }, { act: "domain.proved" });
  } catch (error) {
    throw isUniqueViolation(error) ? taken() : error;
  }
  return "active";
}

async function changeDomain(
  world: World,
  of: Pick<Domain, "id" | "name">,
  change: Partial<Domain>,
  what: Pick<Entry, "act" | "detail">,
): Promise<void> {
  await audited(world, { ...what, domain: of.id, subject: of.name }, [
    world.db.update(domain).set(change).where(eq(domain.id, of.id)),
  ]);
}

/** Whether TXT rules count behind the directory's. */
export async function setTxtRules(world: World, of: { id: string; name: string }, txtRules: boolean): Promise<void> {
  await changeDomain(world, of, { txtRules }, { act: txtRules ? "txt.on" : "txt.off" });
}

export async function setDomainNode(world: World, of: Domain, node: string | null): Promise<void> {
  await changeDomain(world, of, { node }, { act: "domain.changed", detail: { node } });
}

/** Refused while mailboxes live on it, or a node has not yet erased one: erasing mail is its own, deliberate act. */
export async function removeDomain(world: World, of: DomainView): Promise<void> {
  const erased = and(eq(mailbox.state, "deleted"), gte(mailbox.appliedRevision, mailbox.revision));
  const [row] = await world.db
    .select({ state: mailbox.state })
    .from(mailbox)
    .where(and(eq(mailbox.domain, of.id), not(erased ?? sql`false`)))
    .orderBy(asc(mailbox.state))
    .limit(1);
  if (row?.state === "active")
    throw new Problem(409, "has-mailboxes", "Delete this domain's mailboxes first; their mail would be lost.");
  if (row !== undefined)
    throw new Problem(
      409,
      "erasing",
      "A deleted mailbox's node has not confirmed yet. Please try again in a few minutes.",
    );
  await audited(world, { domain: of.id, act: "domain.removed", subject: of.name }, [
    world.db.delete(mailbox).where(eq(mailbox.domain, of.id)),
    world.db.delete(domain).where(eq(domain.id, of.id)),
  ]);
}
