/**
 * Moves of mailboxes between nodes. A move is asked for once, and ends once: as moved, by a compare-and-set that changes the placement
 * in the same transaction, or as cancelled. Whichever is first makes the other impossible.
 */
import { and, desc, eq, sql } from "drizzle-orm";
import { audited } from "./audit.ts";
import { type Page, type PageQuery, pageBy } from "./keyset.ts";
import { type Mailbox, nextRevision } from "./mailboxes.ts";
import type { Node } from "./nodes.ts";
import { isUniqueViolation, newId, type World } from "./open.ts";
import { notFound, Problem } from "./problem.ts";
import { mailbox, mailboxMove } from "./schema.ts";

export type Move = typeof mailboxMove.$inferSelect;
export type MoveView = Move & { address: string };

/** Four heartbeats: a node that was not heard of for so long would let the mailbox wait. */
const seenWithinMs = 120_000;

export async function askMove(world: World, of: Mailbox, target: Node | null): Promise<MoveView> {
  if (target === null) throw new Problem(422, "no-such-node", "There is no such node.", { field: "node" });
  if (target.id === of.node)
    throw new Problem(422, "there-already", "The mailbox is on this node already.", { field: "node" });
  if (target.state !== "active" || world.clock() - (target.lastSeenAt ?? 0) > seenWithinMs)
    throw new Problem(422, "node-away", "This node takes no mailboxes now: it must be active and heard of lately.", {
      field: "node",
    });
  const row = { id: newId(world), mailbox: of.id, source: of.node, target: target.id, epoch: of.epoch };
  const detail = { from: of.node, to: target.id };
  try {
    const entry = { domain: of.domain, act: "move.asked", subject: of.address, detail } as const;
    const [[added]] = await audited(world, entry, [
      world.db
        .insert(mailboxMove)
        .values({ ...row, state: "asked", askedAt: world.clock() })
        .returning(),
    ]);
    if (added !== undefined) return { ...added, address: of.address };
  } catch (error) {
    if (!isUniqueViolation(error, "mailbox_move.mailbox")) throw error;
  }
  throw new Problem(409, "moves-already", "This mailbox is being moved already.", { field: "address" });
}

/** The latest first. */
export async function moves(world: World, most: number): Promise<MoveView[]> {
  const rows = await world.db
    .select({ move: mailboxMove, address: mailbox.address })
    .from(mailboxMove)
    .innerJoin(mailbox, eq(mailbox.id, mailboxMove.mailbox))
    .orderBy(desc(mailboxMove.id))
    .limit(most);
  return rows.map(({ move, address }) => ({ ...move, address }));
}

/** All of them, in pages. */
export async function movePage(world: World, query: PageQuery): Promise<Page<MoveView>> {
  const order = { by: [mailboxMove.id], of: ({ id }: MoveView) => [id], falling: true } as const;
  return pageBy(order, query, async ({ after, orderBy, limit }) => {
    const rows = await world.db
      .select({ move: mailboxMove, address: mailbox.address })
      .from(mailboxMove)
      .innerJoin(mailbox, eq(mailbox.id, mailboxMove.mailbox))
      .where(after)
      .orderBy(...orderBy)
      .limit(limit);
    return rows.map(({ move, address }) => ({ ...move, address }));
  });
}

export async function moveById(world: World, id: string): Promise<MoveView | null> {
  const [row] = await world.db
    .select({ move: mailboxMove, address: mailbox.address })
    .from(mailboxMove)
    .innerJoin(mailbox, eq(mailbox.id, mailboxMove.mailbox))
    .where(eq(mailboxMove.id, id))
    .limit(1);
  return row === undefined ? null : { ...row.move, address: row.address };
}

/** Is it on its way? */
export async function isMoving(world: World, mailboxId: string): Promise<boolean> {
  const [row] = await world.db
    .select({ id: mailboxMove.id })
    .from(mailboxMove)
    .where(and(eq(mailboxMove.mailbox, mailboxId), eq(mailboxMove.state, "asked")))
    .limit(1);
  return row !== undefined;
}

const isAsked = (id: string) => and(eq(mailboxMove.id, id), eq(mailboxMove.state, "asked"));

export async function cancelMove(world: World, of: MoveView): Promise<MoveView> {
  const entry = { domain: await domainOf(world, of), act: "move.cancelled", subject: of.address } as const;
  const [[ended]] = await audited(world, entry, [
    world.db.update(mailboxMove).set({ state: "cancelled", endedAt: world.clock() }).where(isAsked(of.id)).returning(),
  ]);
  if (ended === undefined) throw new Problem(409, "over", "This move is over already.");
  return { ...ended, address: of.address };
}

/**
 * All of it is at the target, verified; `since` an epoch that this directory never heard of, perhaps. Answers how the move stands now:
 * told twice, the answer is the same.
 */
export async function landMove(world: World, id: string, target: string, since = 0): Promise<MoveView | null> {
  const move = await moveById(world, id);
  if (move === null || move.target !== target) return null;
  const domain = await domainOf(world, move);
  const epoch = Math.max(move.epoch + 1, since);
  const asked = sql`exists (select 1 from mailbox_move v where v.id = ${id} and v.state = 'asked')`;
  const placed = sql`exists (select 1 from mailbox m where m.id = ${move.mailbox} and m.node = ${target} and m.epoch = ${epoch})`;
  const detail = { from: move.source, to: target };
  await audited(world, { domain, act: "mailbox.moved", subject: move.address, detail }, [
    world.db
      .update(mailbox)
      .set({ node: target, epoch, revision: nextRevision })
      .where(
        and(
          eq(mailbox.id, move.mailbox),
          eq(mailbox.node, move.source),
          eq(mailbox.epoch, move.epoch),
          eq(mailbox.state, "active"),
          asked,
        ),
      ),
    world.db
      .update(mailboxMove)
      .set({ state: "moved", endedAt: world.clock(), trouble: "" })
      .where(and(isAsked(id), placed)),
  ]);
  // Still asked: the mailbox is not where it was, so this copy of it is none.
  await cancelled(world, isAsked(id), "The mailbox was not at its old node any more.");
  return moveById(world, id);
}

export async function noteTrouble(world: World, id: string, target: string, trouble: string): Promise<void> {
  await world.db
    .update(mailboxMove)
    .set({ trouble, troubleAt: world.clock() })
    .where(and(isAsked(id), eq(mailboxMove.target, target)));
}

/** What a node that was put back from a copy has streamed before is not what it holds now. */
export async function cancelMovesFrom(world: World, source: string): Promise<void> {
  const asked = and(eq(mailboxMove.source, source), eq(mailboxMove.state, "asked"));
  await cancelled(world, asked, "The old node was put back from a copy. Ask for the move again.");
}

async function cancelled(world: World, which: ReturnType<typeof and>, trouble: string): Promise<void> {
  const at = world.clock();
  await world.db.update(mailboxMove).set({ state: "cancelled", endedAt: at, trouble, troubleAt: at }).where(which);
}

async function domainOf(world: World, of: Move): Promise<string> {
  const [row] = await world.db
    .select({ domain: mailbox.domain })
    .from(mailbox)
    .where(eq(mailbox.id, of.mailbox))
    .limit(1);
  if (row === undefined) throw notFound("mailbox");
  return row.domain;
}
