/** Where a mailbox lives: asked at every hand-off, so that mail follows a move and stops at a deletion. */
import { eq } from "drizzle-orm";
import { coverOf } from "./nodes.ts";
import type { Directory } from "./open.ts";
import { mailbox, node } from "./schema.ts";

/** `isCopied`: copies of it are made. */
export type NodeRef = { id: string; origin: string; isCopied: boolean };
export type Placement = { node: NodeRef; epoch: number };

const nodeColumns = { id: node.id, origin: node.origin, facts: node.facts };

function refOf({ id, origin, facts }: Pick<typeof node.$inferSelect, "id" | "origin" | "facts">): NodeRef {
  return { id, origin, isCopied: coverOf({ facts }) !== null };
}

export async function nodeRef(db: Directory, id: string): Promise<NodeRef | null> {
  const [row] = await db.select(nodeColumns).from(node).where(eq(node.id, id)).limit(1);
  return row === undefined ? null : refOf(row);
}

/** Null for a mailbox that the directory knows nothing of, which is not the same as one that its owner deleted. */
export async function placementOf(db: Directory, mailboxId: string): Promise<Placement | "deleted" | null> {
  const [row] = await db
    .select({ ...nodeColumns, epoch: mailbox.epoch, state: mailbox.state })
    .from(mailbox)
    .innerJoin(node, eq(node.id, mailbox.node))
    .where(eq(mailbox.id, mailboxId))
    .limit(1);
  if (row === undefined) return null;
  return row.state === "deleted" ? "deleted" : { node: refOf(row), epoch: row.epoch };
}
