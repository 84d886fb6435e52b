/** Nodes: the machines that keep mail. The operator enrols them; pages show how they fare. */
import { asc, eq } from "drizzle-orm";
import { isUniqueViolation, type World } from "./open.ts";
import { Problem } from "./problem.ts";
import { node } from "./schema.ts";

export type Node = typeof node.$inferSelect;
export type NewNode = Pick<Node, "id" | "name" | "origin" | "mxHost" | "publicKey">;

export async function nodes(world: World): Promise<Node[]> {
  return world.db.select().from(node).orderBy(asc(node.name));
}

export async function nodeById(world: World, id: string): Promise<Node | null> {
  const [row] = await world.db.select().from(node).where(eq(node.id, id)).limit(1);
  return row ?? null;
}

export async function addNode(world: World, input: NewNode): Promise<Node> {
  const row = { ...input, state: "active" as const, createdAt: world.clock() };
  try {
    const [added] = await world.db.insert(node).values(row).returning();
    if (added !== undefined) return added;
  } catch (error) {
    if (!isUniqueViolation(error)) throw error;
  }
  throw new Problem(409, "node-exists", "A node with this id is enrolled.", { field: "id" });
}

/** A node that moved: new origin, name or MX host. Its key stays; a new key is a new node. */
export async function changeNode(
  world: World,
  id: string,
  change: Partial<Pick<Node, "name" | "origin" | "mxHost" | "state">>,
): Promise<Node | null> {
  const [row] = await world.db.update(node).set(change).where(eq(node.id, id)).returning();
  return row ?? null;
}
