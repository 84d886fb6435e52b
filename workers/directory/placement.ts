/** Where a mailbox lives: asked at every hand-off, so that mail follows a move and stops at a deletion. */
import { and, eq } from "drizzle-orm";
import type { Directory } from "./open.ts";
import { mailbox, node } from "./schema.ts";

export type NodeRef = { id: string; origin: string };
export type Placement = { node: NodeRef; epoch: number };

export async function nodeRef(db: Directory, id: string): Promise<NodeRef | null> {
  const [row] = await db.select({ id: node.id, origin: node.origin }).from(node).where(eq(node.id, id)).limit(1);
  return row ?? null;
}

/** Null for a mailbox that is deleted or was never here. */
export async function placementOf(db: Directory, mailboxId: string): Promise<Placement | null> {
  const [row] = await db
    .select({ id: node.id, origin: node.origin, epoch: mailbox.epoch })
    .from(mailbox)
    .innerJoin(node, eq(node.id, mailbox.node))
    .where(and(eq(mailbox.id, mailboxId), eq(mailbox.state, "active")))
    .limit(1);
  return row === undefined ? null : { node: { id: row.id, origin: row.origin }, epoch: row.epoch };
}
