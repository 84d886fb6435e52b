/** Allow and deny lists (F10) of a domain, an alias or an account; what they mean is `core/rules/senders.ts`. */
import { and, asc, eq } from "drizzle-orm";
import { parseNetwork } from "../../src/core/rules/network.ts";
import { foldAddress, foldDomain } from "./address.ts";
import { audited } from "./audit.ts";
import { type Page, type PageQuery, pageBy } from "./keyset.ts";
import { isUniqueViolation, newId, type World } from "./open.ts";
import { notFound, Problem } from "./problem.ts";
import { senderRule } from "./schema.ts";

export type SenderRule = typeof senderRule.$inferSelect;
export type NewSenderRule = { act: SenderRule["act"]; value: string; answer: SenderRule["answer"] };

/** Whose list it is: an account's, a domain's or an alias's id; and the domain in whose log changes are written, if any. */
export type ListOf = { id: string; domain: string | null };

const mostRules = 500;

export async function senderRulesOf(world: World, scope: string): Promise<SenderRule[]> {
  return world.db
    .select()
    .from(senderRule)
    .where(eq(senderRule.scope, scope))
    .orderBy(asc(senderRule.act), asc(senderRule.value))
    .limit(mostRules);
}

/** In the order that they were written. */
export async function senderRulePage(world: World, scope: string, query: PageQuery): Promise<Page<SenderRule>> {
  const order = { by: [senderRule.id], of: ({ id }: SenderRule) => [id] };
  return pageBy(order, query, ({ after, orderBy, limit }) =>
    world.db
      .select()
      .from(senderRule)
      .where(and(eq(senderRule.scope, scope), after))
      .orderBy(...orderBy)
      .limit(limit),
  );
}

export async function addSenderRule(world: World, list: ListOf, input: NewSenderRule): Promise<SenderRule> {
  if ((await senderRulesOf(world, list.id)).length >= mostRules)
    throw new Problem(409, "too-many-rules", `A list has at most ${mostRules} entries.`);
  const read = readSender(input.value);
  if (read === null)
    throw new Problem(
      422,
      "bad-sender",
      "Write an address, a domain, a last label such as .xyz, or a network such as 192.0.2.0/24.",
      {
        field: "value",
      },
    );
  const row = {
    id: newId(world),
    scope: list.id,
    act: input.act,
    answer: input.answer,
    ...read,
    createdAt: world.clock(),
  };
  try {
    const entry = { domain: list.domain, act: "rule.added", subject: row.value, detail: { act: row.act } } as const;
    await audited(world, entry, [world.db.insert(senderRule).values(row)]);
  } catch (error) {
    if (isUniqueViolation(error))
      throw new Problem(409, "rule-exists", "This is on the list already.", { field: "value" });
    throw error;
  }
  return row;
}

export async function removeSenderRule(world: World, list: ListOf, id: string): Promise<void> {
  const here = and(eq(senderRule.id, id), eq(senderRule.scope, list.id));
  const [found] = await world.db.select({ value: senderRule.value }).from(senderRule).where(here).limit(1);
  if (found === undefined) throw notFound("rule");
  await audited(world, { domain: list.domain, act: "rule.removed", subject: found.value }, [
    world.db.delete(senderRule).where(here),
  ]);
}

/** What somebody wrote, as what it most likely means; folded as `senders.ts` compares. */
export function readSender(text: string): { match: SenderRule["match"]; value: string } | null {
  const trimmed = text.trim().toLowerCase();
  if (parseNetwork(trimmed) !== null) return { match: "cidr", value: trimmed };
  if (/^\.[a-z0-9-]{2,63}$/.test(trimmed)) return { match: "tld", value: trimmed.slice(1) };
  if (trimmed.includes("@") && !trimmed.startsWith("@")) {
    const address = foldAddress(trimmed);
    return address && { match: "address", value: `${address.local}@${address.domain}` };
  }
  const domain = foldDomain(trimmed.replace(/^[@.*]+/, ""));
  return domain === null ? null : { match: "domain", value: domain };
}
