/** Automatic answers of aliases, as their owners write them; when one is sent is `core/rules/vacation.ts`. */
import { eq } from "drizzle-orm";
import { audited } from "./audit.ts";
import type { World } from "./open.ts";
import { Problem } from "./problem.ts";
import { vacation, vacationSent } from "./schema.ts";

export type VacationRow = typeof vacation.$inferSelect;
export type VacationInput = Omit<VacationRow, "alias">;
type Answering = { id: string; domain: string; pattern: string };

export async function vacationOf(world: World, alias: string): Promise<VacationRow | null> {
  const [row] = await world.db.select().from(vacation).where(eq(vacation.alias, alias)).limit(1);
  return row ?? null;
}

/** A new text is news to everybody: whoever had the old one may get it too. */
export async function setVacation(world: World, of: Answering, input: VacationInput): Promise<VacationRow> {
  if (input.startsAt !== null && input.endsAt !== null && input.endsAt <= input.startsAt)
    throw new Problem(422, "bad-dates", "It ends before it begins.", { field: "endsAt" });
  const row = { alias: of.id, ...input };
  await audited(world, { domain: of.domain, act: "vacation.set", subject: of.pattern }, [
    world.db.delete(vacationSent).where(eq(vacationSent.alias, of.id)),
    world.db.insert(vacation).values(row).onConflictDoUpdate({ target: vacation.alias, set: input }),
  ]);
  return row;
}

export async function removeVacation(world: World, of: Answering): Promise<void> {
  await audited(world, { domain: of.domain, act: "vacation.removed", subject: of.pattern }, [
    world.db.delete(vacation).where(eq(vacation.alias, of.id)),
  ]);
}
