/** Sending the mail of many aliases elsewhere at once: the new destinations are checked once and replace those of every one. */
import { eq, sql } from "drizzle-orm";
import { amongAliases, listed } from "./aliases.ts";
import { audited } from "./audit.ts";
import { checkedDestinations, type Destination, type NewDestination } from "./destinations.ts";
import type { World } from "./open.ts";
import { Problem } from "./problem.ts";
import { alias, destination, domain } from "./schema.ts";

export type Redirected = { changed: number; destinations: Destination[] };

/** Ids of other domains are left alone. */
export async function redirectAliases(
  world: World,
  actor: string,
  domainId: string,
  ids: readonly string[],
  given: readonly NewDestination[],
): Promise<Redirected> {
  if (given.length === 0) throw new Problem(422, "no-destination", "Write where it goes.", { field: "destinations" });
  const { these, names } = await amongAliases(world, domainId, ids);
  const nobody = { id: "", domain: domainId, kind: "exact", pattern: "", destinations: [] } as const;
  const targets = await checkedDestinations(world, actor, nobody, given);
  if (names.length === 0) return { changed: 0, destinations: targets };
  await notToItself(world, domainId, targets, names);
  const entry = {
    domain: domainId,
    act: "alias.changed",
    subject: listed(names),
    detail: { changed: ["destinations"], to: targets.map(({ target }) => target) },
  } as const;
  const inside = world.db.select({ id: alias.id }).from(alias).where(these);
  const changed = world.db
    .update(alias)
    .set({ updatedAt: sql`max(${world.clock()}, ${alias.updatedAt} + 1)` })
    .where(these);
  const results = await audited(world, entry, [
    changed.returning({ id: alias.id }),
    world.db.delete(destination).where(sql`${destination.alias} in ${inside}`),
    ...targets.map((to) => world.db.insert(destination).select(copies(world, these, to))),
  ]);
  return { changed: results[0].length, destinations: targets };
}

/** One row for each alias; only the ids are made by the database. */
function copies(world: World, these: Awaited<ReturnType<typeof amongAliases>>["these"], to: Destination) {
  return world.db
    .select({
      id: sql<string>`hex(randomblob(13))`.as("id"),
      alias: sql<string>`${alias.id}`.as("alias"),
      kind: sql<Destination["kind"]>`${to.kind}`.as("kind"),
      target: sql<string>`${to.target}`.as("target"),
      route: sql<string | null>`${to.route}`.as("route"),
      position: sql<number>`${to.position}`.as("position"),
      failures: sql<number>`0`.as("failures"),
      pausedAt: sql<number | null>`null`.as("paused_at"),
      trouble: sql<string>`''`.as("trouble"),
      createdAt: sql<number>`${to.createdAt}`.as("created_at"),
    })
    .from(alias)
    .where(these);
}

async function notToItself(
  world: World,
  domainId: string,
  targets: readonly Destination[],
  names: readonly { kind: string; pattern: string }[],
): Promise<void> {
  const inner = targets.filter(({ kind }) => kind === "alias");
  if (inner.length === 0) return;
  const [row] = await world.db.select({ name: domain.name }).from(domain).where(eq(domain.id, domainId)).limit(1);
  const own = new Set(names.filter(({ kind }) => kind === "exact").map(({ pattern }) => `${pattern}@${row?.name}`));
  const loop = inner.find(({ target }) => own.has(target));
  if (loop === undefined) return;
  throw new Problem(422, "bad-destination", `${loop.target} would send its mail to itself.`, { field: "destinations" });
}
