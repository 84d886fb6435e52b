/**
 * Mail that no node took for five days: kept, sealed, shown and told to the domain's owner once; then tried only by hand
 * (`by-hand.ts`).
 */
import { addSteps, stepsKnown, stepWithDomain } from "./directory/journal.ts";
import { tellOwner } from "./directory/owners.ts";
import type { Edge } from "./platform.ts";
import { placeOf, type SpoolFacts } from "./spool.ts";
import { dayOf } from "./transit.ts";

export type Parked = { key: string; facts: SpoolFacts };

/** How many are journalled in one go; the next sweep goes on. */
const perRound = 100;

/** Journals and tells what has not been yet. */
export async function park(edge: Edge, all: readonly Parked[]): Promise<void> {
  const known = await stepsKnown(edge.db, all.map(stepId));
  const fresh = all.filter((one) => !known.has(stepId(one))).slice(0, perRound);
  if (fresh.length === 0) return;
  const detail = "five days without the node taking it; kept, and can be tried by hand";
  const steps = fresh.map((one) => {
    const { key, facts } = one;
    const target = placeOf(key) ?? key;
    return { id: stepId(one), journal: facts.journal, kind: "parked", target, ok: false, detail };
  });
  await addSteps(edge, steps);
  const domains = new Set<string>();
  for (const one of fresh) {
    const step = await stepWithDomain(edge.db, stepId(one));
    if (step === null || domains.has(step.domain)) continue;
    domains.add(step.domain);
    await tell(edge, step.domain, step.target);
  }
}

const stepId = ({ key }: Parked): string => `parked:${key}`;

/** Once a day for a domain, however much is parked: the notice's id says so. */
async function tell(edge: Edge, domain: string, target: string): Promise<void> {
  await tellOwner(edge, domain, {
    id: `parked-${domain}-${dayOf(edge.clock())}`,
    subject: "Mail is waiting that could not be handed over",
    text: `For five days mail for ${target}, and perhaps more, could not be handed to its node.\nIt is kept, sealed, and can be tried again by hand from the activity page.\n`,
  });
}
