/**
 * An alias's destinations as its people type them: checked by the same rules as records and imports (`core/rules/import`),
 * addresses of the domain itself turned into its mailboxes and aliases, and nothing accepted that could never be delivered.
 */
import { and, eq } from "drizzle-orm";
import { limits } from "../../src/core/limits.ts";
import { foldAddress } from "../../src/core/rules/address.ts";
import {
  type DestinationDefinition,
  destinationKey,
  parseRoute,
  routeText,
} from "../../src/core/rules/import/definition.ts";
import { checkDestination, type Surroundings } from "../../src/core/rules/import/destination.ts";
import { audited } from "./audit.ts";
import { reaches } from "./domains.ts";
import { newId, type World } from "./open.ts";
import { hostsHere } from "./owners.ts";
import { notFound, Problem } from "./problem.ts";
import { alias, destination, domain, mailbox, membership } from "./schema.ts";

export type Destination = typeof destination.$inferSelect;
export type DestinationKind = Destination["kind"];
export type NewDestination = { kind: DestinationKind; target: string; route?: string | null | undefined };
/** The alias that they are of. `destinations` are those it has: health is kept where one stays. */
export type Owning = {
  id: string;
  domain: string;
  kind: typeof alias.$inferSelect.kind;
  pattern: string;
  destinations: readonly Destination[];
};

/** Rows to write, or a 422 that names what is wrong. */
export async function checkedDestinations(
  world: World,
  actor: string,
  of: Owning,
  given: readonly NewDestination[],
): Promise<Destination[]> {
  if (given.length > limits.fanOut) throw wrong(`At most ${limits.fanOut} destinations.`, "too-many-destinations");
  const around = await surroundings(world, of);
  const known = new Map(of.destinations.map((one) => [keyOf(one), one]));
  const rows = new Map<string, Destination>();
  for (const one of given) {
    const { kind, target, route } = await checked(world, actor, of, one, around);
    const row = { kind, target, route: routeText(route) };
    const kept = known.get(keyOf(row));
    const health = kept ?? { createdAt: world.clock(), failures: 0, pausedAt: null, trouble: "" };
    const { createdAt, failures, pausedAt, trouble } = health;
    // A destination written twice is one.
    if (!rows.has(keyOf(row)))
      rows.set(keyOf(row), {
        id: kept?.id ?? newId(world),
        alias: of.id,
        ...row,
        position: rows.size,
        createdAt,
        failures,
        pausedAt,
        trouble,
      });
  }
  return [...rows.values()];
}

/** A paused destination gets mail again; whether it works will show. */
export async function resumeDestination(world: World, domainId: string, aliasId: string, id: string): Promise<void> {
  const [row] = await world.db
    .select({ target: destination.target })
    .from(destination)
    .innerJoin(alias, and(eq(alias.id, destination.alias), eq(alias.domain, domainId)))
    .where(and(eq(destination.id, id), eq(alias.id, aliasId)))
    .limit(1);
  if (row === undefined) throw notFound("destination");
  const fresh = { pausedAt: null, failures: 0, trouble: "" };
  const entry = {
    domain: domainId,
    act: "alias.changed",
    subject: row.target,
    detail: { changed: ["resumed"] },
  } as const;
  await audited(world, entry, [world.db.update(destination).set(fresh).where(eq(destination.id, id))]);
}

function keyOf({ kind, target, route }: Pick<Destination, "kind" | "target" | "route">): string {
  return destinationKey({ kind, target, route: parseRoute(route) });
}

async function surroundings(world: World, of: Owning): Promise<Surroundings> {
  const [[row], ownHosts] = await Promise.all([
    world.db.select({ name: domain.name }).from(domain).where(eq(domain.id, of.domain)).limit(1),
    hostsHere(world.db),
  ]);
  if (row === undefined) throw notFound("domain");
  return { domain: row.name, ownHosts, regex: of.kind === "regex" };
}

async function checked(
  world: World,
  actor: string,
  of: Owning,
  one: NewDestination,
  around: Surroundings,
): Promise<DestinationDefinition> {
  if (one.kind === "mailbox") return mailboxNamed(world, actor, one);
  const read = checkDestination({ kind: one.kind, target: one.target, route: parseRoute(one.route ?? null) }, around);
  if (!read.ok) throw wrong(read.text);
  const settled = await inside(world, of, read.value, around.domain);
  const self = of.kind === "exact" && settled.kind === "alias" && settled.target === `${of.pattern}@${around.domain}`;
  if (self) throw wrong(`${settled.target} would send its mail to itself.`);
  return settled;
}

/** An address of the domain itself: its mailbox, else its alias. Any other may still match a pattern of the domain. */
async function inside(
  world: World,
  of: Owning,
  one: DestinationDefinition,
  name: string,
): Promise<DestinationDefinition> {
  const address = one.kind === "address" && one.route === null ? foldAddress(one.target) : null;
  if (address === null || address.domain !== name) return one;
  const { local } = address;
  const asAlias: DestinationDefinition = { kind: "alias", target: one.target, route: null };
  if (of.kind === "exact" && of.pattern === local) return asAlias;
  const [[box], [inner]] = await world.db.batch([
    world.db
      .select({ id: mailbox.id })
      .from(mailbox)
      .where(and(eq(mailbox.address, one.target), eq(mailbox.domain, of.domain), eq(mailbox.state, "active")))
      .limit(1),
    world.db
      .select({ id: alias.id })
      .from(alias)
      .where(and(eq(alias.domain, of.domain), eq(alias.kind, "exact"), eq(alias.pattern, local)))
      .limit(1),
  ]);
  if (box !== undefined) return { kind: "mailbox", target: box.id, route: null };
  return inner === undefined ? one : asAlias;
}

/** A mailbox may be a destination only for somebody who belongs to its domain and gets there now. */
async function mailboxNamed(world: World, actor: string, one: NewDestination): Promise<DestinationDefinition> {
  const [row] = await world.db
    .select({ id: mailbox.id, domain: { id: domain.id, mfa: domain.mfa } })
    .from(mailbox)
    .innerJoin(domain, eq(domain.id, mailbox.domain))
    .innerJoin(membership, and(eq(membership.domain, mailbox.domain), eq(membership.account, actor)))
    .where(and(eq(mailbox.id, one.target), eq(mailbox.state, "active")))
    .limit(1);
  if (row === undefined || !reaches(world, row.domain) || one.route) throw wrong("Choose one of your mailboxes.");
  return { kind: "mailbox", target: row.id, route: null };
}

function wrong(detail: string, code = "bad-destination"): Problem {
  return new Problem(422, code, detail, { field: "destinations" });
}
