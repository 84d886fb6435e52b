/**
 * Aliases in and out as a whole (F12): export as definitions, import as a plan that is shown first and then applied all or
 * nothing. What files mean is `core/rules/import`.
 */

import { limits } from "../../src/core/limits.ts";
import { type AliasDefinition, definitionOf, routeText } from "../../src/core/rules/import/definition.ts";
import { diff, isReady, type Mode, type Plan } from "../../src/core/rules/import/diff.ts";
import { type ImportSource, importAliases } from "../../src/core/rules/import/import.ts";
import type { Problem as ImportProblem } from "../../src/core/rules/import/problem.ts";
import { aliases } from "./alias-list.ts";
import { auditedRaw } from "./audit.ts";
import { type Domain, domainsOf } from "./domains.ts";
import { addressBook } from "./mailbox-list.ts";
import { newId, type World } from "./open.ts";
import { hostsHere } from "./owners.ts";
import { Problem } from "./problem.ts";

type Current = AliasDefinition & { id: string };
export type ImportPlan = { plan: Plan<Current>; problems: ImportProblem[]; unit: string; ready: boolean };

/** Mailboxes by address: ids mean nothing elsewhere. */
export async function exportAliases(world: World, of: Domain): Promise<AliasDefinition[]> {
  const boxes = new Map([...(await mailboxesOfActor(world))].map(([address, id]) => [id, address]));
  const current = await currentOf(world, of);
  return current.map(({ id: _, ...one }) => ({
    ...one,
    destinations: one.destinations.map((to) =>
      to.kind === "mailbox" ? { ...to, target: boxes.get(to.target) ?? to.target } : to,
    ),
  }));
}

/** Of every domain that whoever asks belongs to: those that an alias may name. */
async function mailboxesOfActor(world: World): Promise<Map<string, string>> {
  const domains = await domainsOf(world, world.actor);
  return addressBook(
    world,
    domains.map(({ id }) => id),
  );
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
  const [mailboxes, ownHosts] = await Promise.all([mailboxesOfActor(world), hostsHere(world.db)]);
  const read = importAliases(input.source, input.text, { domain: of.name, mailboxes, ownHosts });
  const current = await currentOf(world, of);
  const plan = diff(current, read.aliases, input.mode);
  const problems = [...read.problems, ...tooManyPatterns(current, plan)];
  return { plan, problems, unit: read.unit, ready: isReady(problems) };
}

/** Every message is held against all of them, so an import may not pass the bound that the form has. */
function tooManyPatterns(current: readonly Current[], { create, remove }: Plan<Current>): ImportProblem[] {
  const patterns = (all: readonly AliasDefinition[]): number =>
    all.filter(({ kind }) => kind === "wildcard" || kind === "regex").length;
  if (patterns(current) + patterns(create) - patterns(remove) <= limits.patternAliases) return [];
  const text = `A domain has at most ${limits.patternAliases} aliases that are wildcards or regular expressions.`;
  return [{ level: "error", code: "too-many-aliases", at: null, offset: null, text }];
}

/** All of it in one batch, or nothing. */
export async function applyImport(world: World, of: Domain, { plan, ready }: ImportPlan): Promise<void> {
  if (!ready) throw new Problem(422, "import-not-ready", "Put the mistakes right first; nothing was changed.");
  const created = plan.create.map((one) => ({ id: newId(world), one }));
  const changed = plan.change.map(({ from, to }) => ({ id: from.id, one: to }));
  const removed = plan.remove.map(({ id }) => id);
  const d1 = world.db.$client;
  const now = world.clock();
  const run = (text: string, rows: unknown[]) => d1.prepare(text).bind(of.id, now, JSON.stringify(rows));
  const writes = [
    run(statements.remove, removed),
    run(statements.clear, [...removed, ...changed.map(({ id }) => id)]),
    ...chunks(changed, perStatement).map((some) => run(statements.change, some.map(aliasRow))),
    ...chunks(created, perStatement).map((some) => run(statements.create, some.map(aliasRow))),
    ...chunks([...created, ...changed], perStatement).map((some) =>
      run(
        statements.aim,
        some.flatMap((one) => destinationRows(world, one)),
      ),
    ),
  ];
  const detail = { created: created.length, changed: changed.length, removed: removed.length };
  const subject = `${created.length + changed.length + removed.length} aliases`;
  const entry = { domain: of.id, act: "alias.imported", subject, detail } as const;
  await auditedRaw(world, entry, (log) => d1.batch([...writes, ...log]));
}

/** D1 takes values of up to 2 MB: so many rows stay well below. */
const perStatement = 500;

/**
 * Rows come as one JSON value, since D1 binds at most 100: ?1 the domain, ?2 now, ?3 the rows. (drizzle's batch takes no
 * raw statements with parameters.) The plus before a domain keeps SQLite from walking that domain's aliases and reading all of
 * the JSON for each.
 */
const statements = {
  remove: `delete from alias where +domain = ?1 and ?2 is not null and id in (select value from json_each(?3))`,
  clear: `delete from destination where ?2 is not null and alias in
    (select a.id from alias a join json_each(?3) n on n.value = a.id where +a.domain = ?1)`,
  change: `update alias set state = n.value ->> 3, disabled_reply = n.value ->> 4, note = n.value ->> 5, labels = n.value ->> 6,
    updated_at = ?2 from json_each(?3) n where alias.id = n.value ->> 0 and +alias.domain = ?1`,
  create: `insert into alias (id, domain, kind, pattern, state, disabled_reply, note, labels, created_at, updated_at)
    select value ->> 0, ?1, value ->> 1, value ->> 2, value ->> 3, value ->> 4, value ->> 5, value ->> 6, ?2, ?2
    from json_each(?3)`,
  aim: `insert into destination (id, alias, kind, target, route, position, created_at)
    select n.value ->> 0, a.id, n.value ->> 2, n.value ->> 3, n.value ->> 4, n.value ->> 5, ?2
    from json_each(?3) n join alias a on a.id = n.value ->> 1 and +a.domain = ?1`,
} as const;

type Numbered = { id: string; one: AliasDefinition };

function aliasRow({ id, one }: Numbered): unknown[] {
  const labels = JSON.stringify(one.labels ?? []);
  return [id, one.kind, one.pattern, one.state, one.disabledReply, one.note ?? "", labels];
}

function destinationRows(world: World, { id, one }: Numbered): unknown[][] {
  return one.destinations.map((to, at) => [newId(world), id, to.kind, to.target, routeText(to.route), at]);
}

function chunks<T>(all: readonly T[], size: number): T[][] {
  return Array.from({ length: Math.ceil(all.length / size) }, (_, i) => all.slice(i * size, (i + 1) * size));
}
