/** Which destinations still wait for their owner's yes, to be shown beside them; `core/rules/standing.ts` is what decides. */
import { and, eq, inArray, isNotNull } from "drizzle-orm";
import { consentOf } from "../../src/core/rules/standing.ts";
import type { Alias } from "./aliases.ts";
import type { World } from "./open.ts";
import { account, domain, membership, verifiedAddress } from "./schema.ts";

/** Addresses without consent; none where an operator is among the domain's people, who answers for them. */
export async function withoutConsent(world: World, domainId: string, rows: readonly Alias[]): Promise<Set<string>> {
  const wanted = new Set(rows.flatMap((row) => row.destinations.flatMap((to) => consentOf(to) ?? [])));
  if (wanted.size === 0) return wanted;
  const people = world.db.select({ id: membership.account }).from(membership).where(eq(membership.domain, domainId));
  const [operators, own, said] = await world.db.batch([
    world.db
      .select({ id: account.id })
      .from(account)
      .where(and(eq(account.operator, true), inArray(account.id, people)))
      .limit(1),
    world.db
      .selectDistinct({ name: domain.name })
      .from(domain)
      .innerJoin(membership, eq(membership.domain, domain.id))
      .where(inArray(membership.account, people)),
    world.db
      .select({ address: verifiedAddress.address })
      .from(verifiedAddress)
      .where(and(isNotNull(verifiedAddress.verifiedAt), inArray(verifiedAddress.account, people))),
  ]);
  if (operators.length > 0) return new Set();
  const ours = new Set(own.map(({ name }) => name));
  const yes = new Set(said.map(({ address }) => address));
  return new Set([...wanted].filter((one) => !yes.has(one) && !ours.has(one.slice(one.lastIndexOf("@") + 1))));
}
