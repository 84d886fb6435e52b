/**
 * Aliases and their destinations, as their domain's people manage them. Patterns are folded here; what a pattern means is
 * `core/rules`. An alias and its destinations change in one batch, so no mail ever meets half an edit.
 */
import { and, asc, count, eq, inArray, sql } from "drizzle-orm";
import { limits } from "../../src/core/limits.ts";
import { checkPattern } from "../../src/core/rules/import/pattern.ts";
import { among } from "./among.ts";
import { audited } from "./audit.ts";
import { checkedDestinations, type Destination, type NewDestination } from "./destinations.ts";
import { isUniqueViolation, newId, type World } from "./open.ts";
import { notFound, Problem } from "./problem.ts";
import { alias, destination, senderRule } from "./schema.ts";

export type Alias = typeof alias.$inferSelect & { destinations: Destination[] };
export type AliasKind = Alias["kind"];
export type AliasInput = {
  kind: AliasKind;
  pattern: string;
  destinations: NewDestination[];
  note: string;
  labels: string[];
  state: Alias["state"];
  disabledReply: number;
};

export async function aliasFor(world: World, domainId: string, id: string): Promise<Alias> {
  const found = await world.db
    .select()
    .from(alias)
    .where(and(eq(alias.id, id), eq(alias.domain, domainId)))
    .limit(1);
  const [row] = await withDestinations(world, found);
  if (row === undefined) throw notFound("alias");
  return row;
}

export async function addAlias(world: World, actor: string, domainId: string, input: AliasInput): Promise<Alias> {
  const now = world.clock();
  const { destinations, ...rest } = input;
  const row = { ...rest, pattern: foldPattern(input.kind, input.pattern), id: newId(world), domain: domainId };
  await roomForPattern(world, domainId, input.kind);
  const targets = await checkedDestinations(world, actor, { ...row, destinations: [] }, destinations);
  const entry = { domain: domainId, act: "alias.added", subject: row.pattern, detail: { kind: row.kind } } as const;
  await unlessTaken(
    audited(world, entry, [
      world.db.insert(alias).values({ ...row, createdAt: now, updatedAt: now }),
      ...targets.map((target) => world.db.insert(destination).values(target)),
    ]),
  );
  return { ...row, createdAt: now, updatedAt: now, destinations: targets };
}

export async function changeAlias(
  world: World,
  actor: string,
  of: Alias,
  change: { [K in keyof AliasInput]?: AliasInput[K] | undefined },
): Promise<Alias> {
  const { destinations, ...given } = change;
  const kind = given.kind ?? of.kind;
  const row = {
    kind,
    pattern: foldPattern(kind, given.pattern ?? of.pattern),
    state: given.state ?? of.state,
    disabledReply: given.disabledReply ?? of.disabledReply,
    note: given.note ?? of.note,
    labels: given.labels ?? of.labels,
    // Strictly later, so that an ETag made of it moves with every edit.
    updatedAt: Math.max(world.clock(), of.updatedAt + 1),
  };
  if (kind !== of.kind) await roomForPattern(world, of.domain, kind);
  const owning = { ...of, kind, pattern: row.pattern };
  const targets = destinations && (await checkedDestinations(world, actor, owning, destinations));
  const update = world.db.update(alias).set(row).where(eq(alias.id, of.id));
  const replace = targets && [
    world.db.delete(destination).where(eq(destination.alias, of.id)),
    ...targets.map((target) => world.db.insert(destination).values(target)),
  ];
  const detail = { changed: Object.entries(change).flatMap(([name, value]) => (value === undefined ? [] : [name])) };
  const entry = { domain: of.domain, act: "alias.changed", subject: row.pattern, detail } as const;
  await unlessTaken(audited(world, entry, [...(replace ?? []), update]));
  return { ...of, ...row, destinations: targets ?? of.destinations };
}

export type BulkChange = { [K in "state" | "disabledReply" | "note" | "labels"]?: AliasInput[K] | undefined };

/** Answers how many changed. Ids of other domains are left alone. */
export async function changeAliases(
  world: World,
  domainId: string,
  ids: readonly string[],
  to: BulkChange,
): Promise<number> {
  const { these, names } = await amongAliases(world, domainId, ids);
  if (names.length === 0) return 0;
  const { note: _, ...detail } = to;
  const entry = { domain: domainId, act: "alias.changed", subject: listed(names), detail } as const;
  const updatedAt = sql`max(${world.clock()}, ${alias.updatedAt} + 1)`;
  const change = world.db
    .update(alias)
    .set({ ...to, updatedAt })
    .where(these);
  const [changed] = await audited(world, entry, [change.returning({ id: alias.id })]);
  return changed.length;
}

export async function removeAliases(world: World, domainId: string, ids: readonly string[]): Promise<number> {
  const { these, names } = await amongAliases(world, domainId, ids);
  if (names.length === 0) return 0;
  const [, removed] = await audited(world, { domain: domainId, act: "alias.removed", subject: listed(names) }, [
    world.db
      .delete(senderRule)
      .where(inArray(senderRule.scope, world.db.select({ id: alias.id }).from(alias).where(these))),
    world.db.delete(alias).where(these).returning({ id: alias.id }),
  ]);
  return removed.length;
}

/** Those of the ids that are this domain's. */
export async function amongAliases(world: World, domainId: string, ids: readonly string[]) {
  const these = and(eq(alias.domain, domainId), among(alias.id, ids));
  return { these, names: await world.db.select({ kind: alias.kind, pattern: alias.pattern }).from(alias).where(these) };
}

export function listed(rows: { pattern: string }[]): string {
  const names = rows.slice(0, 10).map((row) => row.pattern);
  return rows.length > names.length ? `${names.join(", ")} and ${rows.length - names.length} more` : names.join(", ");
}

/** The pattern as it is kept, or a 422 that says what is wrong with it. */
export function foldPattern(kind: AliasKind, pattern: string): string {
  const read = checkPattern(kind, pattern.trim());
  if (!read.ok) throw new Problem(422, "bad-pattern", read.text, { field: "pattern" });
  return read.value.pattern;
}

/** Every message is held against all wildcards and regular expressions of its domain. */
async function roomForPattern(world: World, domainId: string, kind: AliasKind): Promise<void> {
  if (kind === "exact" || kind === "catch-all") return;
  const [row] = await world.db
    .select({ n: count() })
    .from(alias)
    .where(and(eq(alias.domain, domainId), inArray(alias.kind, ["wildcard", "regex"])));
  if ((row?.n ?? 0) < limits.patternAliases) return;
  const detail = `A domain has at most ${limits.patternAliases} aliases that are wildcards or regular expressions.`;
  throw new Problem(409, "too-many-patterns", detail, { field: "kind" });
}

export async function withDestinations(world: World, rows: (typeof alias.$inferSelect)[]): Promise<Alias[]> {
  const ids = rows.map((row) => row.id);
  const all = await world.db
    .select()
    .from(destination)
    .where(among(destination.alias, ids))
    .orderBy(asc(destination.position));
  const byAlias = Map.groupBy(all, (one) => one.alias);
  return rows.map((row) => ({ ...row, destinations: byAlias.get(row.id) ?? [] }));
}

async function unlessTaken(work: Promise<unknown>): Promise<void> {
  try {
    await work;
  } catch (error) {
    if (isUniqueViolation(error))
      throw new Problem(409, "alias-exists", "This domain has such an alias already.", { field: "pattern" });
    throw error;
  }
}
