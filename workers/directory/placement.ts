/** Where a mailbox lives: asked at every hand-off, so that mail follows a move and stops at a deletion. */
import { eq } from "drizzle-orm";
import type { Directory } from "./open.ts";
import { mailbox, node } from "./schema.ts";

export type NodeRef = { id: string; origin: string };
export type Placement = { node: NodeRef; epoch: number };

export async function nodeRef(db: Directory, id: string): Promise<NodeRef | null> {
  const [row] = await db.select({ id: node.id, origin: node.origin }).from(node).where(eq(node.id, id)).limit(1);
  return row ?? null;
}

/** Null for a mailbox that the directory knows nothing of, which is not the same as one that its owner deleted. */
export async function placementOf(db: Directory, mailboxId: string): Promise<Placement | "deleted" | null> {
  const [row] = await db
    .select({ id: node.id, origin: node.origin, epoch: mailbox.epoch, state: mailbox.state })
    .from(mailbox)
    .innerJoin(node, eq(node.id, mailbox.node))
    .where(eq(mailbox.id, mailboxId))
    .limit(1);
  if (row === undefined) return null;
  return row.state === "deleted" ? "deleted" : { node: { id: row.id, origin: row.origin }, epoch: row.epoch };
}
