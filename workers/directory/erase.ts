/**
 * Deleting a mailbox, at the edge's end: aliases stop first, then the wrapped keys go, and what is left is a tombstone that tells
 * the node to erase. Without a slot nobody can derive the mail's key any more, so what backups still hold is noise (crypto-shredding).
 */
import { and, asc, eq, exists, inArray, ne, not, sql } from "drizzle-orm";
import { audited } from "./audit.ts";
import { type Mailbox, nextRevision } from "./mailboxes.ts";
import type { World } from "./open.ts";
import { Problem } from "./problem.ts";
import { alias, destination, domain, keyslot, mailbox, mailboxMove } from "./schema.ts";

/** D1's own history ("Time Travel") reaches 30 days back; a node's backups are to be kept no longer. */
const historyMs = 30 * 86_400_000;

/** When the last copy of the wrapped keys and of the sealed mail has expired too, UTC ms. */
export function copiesGoneAt(now: number): number {
  return now + historyMs;
}

/** An alias that files into the mailbox. `only`: nothing else is left of it then, so it is switched off. */
export type Pointing = { id: string; domain: string; pattern: string; domainName: string; only: boolean };

const elsewhere = (world: World, mailboxId: string) =>
  exists(
    world.db
      .select({ id: destination.id })
      .from(destination)
      .where(and(eq(destination.alias, alias.id), ne(destination.target, mailboxId))),
  );

export async function aliasesTo(world: World, mailboxId: string): Promise<Pointing[]> {
  const rows = await world.db
    .selectDistinct({
      id: alias.id,
      domain: alias.domain,
      pattern: alias.pattern,
      domainName: domain.name,
      others: sql<number>`${elsewhere(world, mailboxId)}`,
    })
    .from(destination)
    .innerJoin(alias, eq(alias.id, destination.alias))
    .innerJoin(domain, eq(domain.id, alias.domain))
    .where(and(eq(destination.kind, "mailbox"), eq(destination.target, mailboxId)))
    .orderBy(asc(domain.name), asc(alias.pattern));
  return rows.map(({ others, ...one }) => ({ ...one, only: !others }));
}

/** Its owner types the address: a click on the wrong row deletes nothing. */
export function checkTyped(of: Mailbox, typed: string): void {
  if (typed.trim().toLowerCase() !== of.address)
    throw new Problem(422, "not-confirmed", `Type ${of.address} to delete it.`, { field: "address" });
}

export async function eraseMailbox(world: World, of: Mailbox): Promise<void> {
  const pointing = world.db
    .select({ alias: destination.alias })
    .from(destination)
    .where(and(eq(destination.kind, "mailbox"), eq(destination.target, of.id)));
  await audited(world, { domain: of.domain, act: "mailbox.removed", subject: of.address }, [
    world.db
      .update(alias)
      .set({ state: "disabled", updatedAt: world.clock() })
      .where(and(inArray(alias.id, pointing), not(elsewhere(world, of.id)))),
    world.db.delete(destination).where(and(eq(destination.kind, "mailbox"), eq(destination.target, of.id))),
    world.db.delete(keyslot).where(eq(keyslot.mailbox, of.id)),
    world.db
      .update(mailboxMove)
      .set({ state: "cancelled", endedAt: world.clock(), trouble: "The mailbox was deleted." })
      .where(and(eq(mailboxMove.mailbox, of.id), eq(mailboxMove.state, "asked"))),
    world.db
      .update(mailbox)
      .set({
        state: "deleted",
        address: graveOf(of.id),
        previous: [],
        usedBytes: 0,
        waiting: 0,
        revision: nextRevision,
      })
      .where(eq(mailbox.id, of.id)),
  ]);
}

/** The tombstone's name, which leaves the address free; `invalid` is nobody's (RFC 6761 §6.4). */
function graveOf(mailboxId: string): string {
  return `${mailboxId.toLowerCase()}@deleted.invalid`;
}
