/**
 * Aliases in and out as a whole (F12): export as definitions, import as a plan that is shown first and then applied all or
 * nothing. What files mean is `core/rules/import`.
 */
import { and, eq, inArray, sql } from "drizzle-orm";
import type { BatchItem } from "drizzle-orm/batch";
import { type AliasDefinition, definitionOf, routeText } from "../../src/core/rules/import/definition.ts";
import { diff, isReady, type Mode, type Plan } from "../../src/core/rules/import/diff.ts";
import { type ImportSource, importAliases } from "../../src/core/rules/import/import.ts";
import type { Problem as ImportProblem } from "../../src/core/rules/import/problem.ts";
import { aliases } from "./aliases.ts";
import { record } from "./audit.ts";
import type { Domain } from "./domains.ts";
import { mailboxesOf } from "./mailboxes.ts";
import { newId, type World } from "./open.ts";
import { Problem } from "./problem.ts";
import { alias, destination } from "./schema.ts";

type Current = AliasDefinition & { id: string };
export type ImportPlan = { plan: Plan<Current>; problems: ImportProblem[]; unit: string; ready: boolean };

/** Mailboxes by address: ids mean nothing elsewhere. */
export async function exportAliases(world: World, of: Domain): Promise<AliasDefinition[]> {
  const boxes = new Map((await mailboxesOf(world, [of.id])).map((box) => [box.id, box.address]));
  const current = await currentOf(world, of);
  return current.map(({ id: _, ...one }) => ({
    ...one,
    destinations: one.destinations.map((to) =>
      to.kind === "mailbox" ? { ...to, target: boxes.get(to.target) ?? to.target } : to,
    ),
  }));
}

async function currentOf(world: World, of: Domain): Promise<Current[]> {
  const found: Current[] = [];
  for (let after: string | undefined; ; ) {
    const page = await aliases(world, of.id, { limit: 500, after });
    found.push(...page.rows.map((row) => ({ ...definitionOf(row), id: row.id })));
    if (page.next === null) return found;
    after = page.next;
  }
}

export async function planImport(
  world: World,
  of: Domain,
  input: { source: ImportSource; text: string; mode: Mode },
): Promise<ImportPlan> {
  const mailboxes = new Map((await mailboxesOf(world, [of.id])).map((box) => [box.address, box.id]));
  const read = importAliases(input.source, input.text, { domain: of.name, mailboxes });
  const plan = diff(await currentOf(world, of), read.aliases, input.mode);
  return { plan, problems: read.problems, unit: read.unit, ready: isReady(read.problems) };
}

/** All of it in one batch, or nothing. */
export async function applyImport(world: World, of: Domain, { plan, ready }: ImportPlan): Promise<void> {
  if (!ready) throw new Problem(422, "import-not-ready", "Put the mistakes right first; nothing was changed.");
  const now = world.clock();
  const statements: BatchItem<"sqlite">[] = [];
  const gone = [...plan.remove.map((one) => one.id), ...plan.change.map(({ from }) => from.id)];
  for (const some of chunks(
    plan.remove.map((one) => one.id),
    90,
  ))
    statements.push(world.db.delete(alias).where(and(eq(alias.domain, of.id), inArray(alias.id, some))));
  for (const some of chunks(gone, 90))
    statements.push(world.db.delete(destination).where(inArray(destination.alias, some)));
  for (const { from, to } of plan.change) statements.push(update(world, from.id, to, now));
  const created = plan.create.map((one) => ({ id: newId(world), one }));
  for (const some of chunks(created, 500)) statements.push(insertAliases(world, of, some, now));
  const wanted = [...created, ...plan.change.map(({ from, to }) => ({ id: from.id, one: to }))];
  for (const some of chunks(wanted, 500)) statements.push(insertDestinations(world, some, now));
  const [first, ...rest] = statements;
  if (first !== undefined) await world.db.batch([first, ...rest]);
  const detail = { created: plan.create.length, changed: plan.change.length, removed: plan.remove.length };
  await record(world, { domain: of.id, act: "alias.imported", subject: `${wanted.length} aliases`, detail });
}

function update(world: World, id: string, to: AliasDefinition, now: number): BatchItem<"sqlite"> {
  const { state, disabledReply, note, labels } = to;
  const row = { state, disabledReply, note: note ?? "", labels: labels ?? [], updatedAt: now };
  return world.db.update(alias).set(row).where(eq(alias.id, id));
}

type Numbered = { id: string; one: AliasDefinition };

// One bound value for any number of rows: D1 binds at most 100.
function insertAliases(world: World, of: Domain, some: readonly Numbered[], now: number): BatchItem<"sqlite"> {
  const rows = some.map(({ id, one }) => [
    id,
    one.kind,
    one.pattern,
    one.state,
    one.disabledReply,
    one.note ?? "",
    JSON.stringify(one.labels ?? []),
  ]);
  return world.db.run(sql`
    insert into alias (id, domain, kind, pattern, state, disabled_reply, note, labels, created_at, updated_at)
    select value ->> 0, ${of.id}, value ->> 1, value ->> 2, value ->> 3, value ->> 4, value ->> 5, value ->> 6, ${now}, ${now}
    from json_each(${JSON.stringify(rows)})`) as unknown as BatchItem<"sqlite">;
}

function insertDestinations(world: World, some: readonly Numbered[], now: number): BatchItem<"sqlite"> {
  const rows = some.flatMap(({ id, one }) =>
    one.destinations.map((to, position) => [newId(world), id, to.kind, to.target, routeText(to.route), position]),
  );
  return world.db.run(sql`
    insert into destination (id, alias, kind, target, route, position, created_at)
    select value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4, value ->> 5, ${now}
    from json_each(${JSON.stringify(rows)})`) as unknown as BatchItem<"sqlite">;
}

function* chunks<T>(all: readonly T[], size: number): Generator<T[]> {
  for (let at = 0; at < all.length; at += size) yield all.slice(at, at + size);
}
