/**
 * What an import would do, before it is done: aliases to create, to change, to leave alone and (where the file is the whole
 * truth) to remove. It is applied whole or not at all: a plan with errors is not `ready`.
 */
import { type AliasDefinition, definitionKey, destinationKey } from "./definition.ts";
import type { Problem } from "./problem.ts";

export type ChangedField = "state" | "reply" | "destinations" | "note" | "labels";
export type Plan<T extends AliasDefinition> = {
  create: AliasDefinition[];
  /** `to` is complete: what the file does not say (null note or labels) is taken from what is there. */
  change: { from: T; to: AliasDefinition; fields: ChangedField[] }[];
  unchanged: T[];
  remove: T[];
};

/** `replace`: the file is the whole truth, what it does not name goes. `add`: what it does not name stays. */
export type Mode = "add" | "replace";

/** `current` may carry more than a definition (its row's id): it comes back in the plan. */
export function diff<T extends AliasDefinition>(
  current: readonly T[],
  wanted: readonly AliasDefinition[],
  mode: Mode,
): Plan<T> {
  const known = new Map(current.map((one) => [definitionKey(one), one]));
  const plan: Plan<T> = { create: [], change: [], unchanged: [], remove: [] };
  for (const one of wanted) {
    const from = known.get(definitionKey(one));
    known.delete(definitionKey(one));
    if (from === undefined) plan.create.push({ ...one, note: one.note ?? "", labels: one.labels ?? [] });
    else addChange(plan, from, one);
  }
  (mode === "replace" ? plan.remove : plan.unchanged).push(...known.values());
  return plan;
}

/** May the plan be applied? A file with mistakes is put right first, so that nothing is left out unseen. */
export function isReady(problems: readonly Problem[]): boolean {
  return problems.every((problem) => problem.level === "notice");
}

export function isEmpty<T extends AliasDefinition>(plan: Plan<T>): boolean {
  return plan.create.length + plan.change.length + plan.remove.length === 0;
}

function addChange<T extends AliasDefinition>(plan: Plan<T>, from: T, wanted: AliasDefinition): void {
  const fields = changedFields(from, wanted);
  if (fields.length === 0) plan.unchanged.push(from);
  else
    plan.change.push({
      from,
      to: { ...wanted, note: wanted.note ?? from.note, labels: wanted.labels ?? from.labels },
      fields,
    });
}

function changedFields(from: AliasDefinition, to: AliasDefinition): ChangedField[] {
  const changed: Record<ChangedField, boolean> = {
    state: from.state !== to.state,
    // What an active alias would answer is no change that anybody meets.
    reply: to.state === "disabled" && from.disabledReply !== to.disabledReply,
    destinations: listText(from.destinations.map(destinationKey)) !== listText(to.destinations.map(destinationKey)),
    note: to.note !== null && (from.note ?? "").trim() !== to.note.trim(),
    labels: to.labels !== null && listText(from.labels ?? []) !== listText(to.labels),
  };
  return (Object.keys(changed) as ChangedField[]).filter((field) => changed[field]);
}

// Order says nothing: every destination gets its copy.
function listText(all: readonly string[]): string {
  return [...new Set(all)].sort().join("\n");
}
