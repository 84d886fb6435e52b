/** Nodes: the machines that keep mail. The operator enrols them; pages show how they fare. */
import { asc, eq } from "drizzle-orm";
import { type Cover, coverSchema, type SpoolState, spoolStateSchema } from "../../src/core/contract/handoff.ts";
import type { World } from "./open.ts";
import { Problem } from "./problem.ts";
import { node } from "./schema.ts";

export type Node = typeof node.$inferSelect;
export type NewNode = Pick<Node, "id" | "name" | "origin" | "mxHost" | "publicKey">;

/** What waited at the edge for a node when that was last looked through; null before that. */
export function spoolOf({ facts }: Pick<Node, "facts">): SpoolState | null {
  const parsed = spoolStateSchema.safeParse(facts?.["spool"]);
  return parsed.success ? parsed.data : null;
}

/** How far copies of a node reach; null where none are made. */
export function coverOf({ facts }: Pick<Node, "facts">): Cover | null {
  const parsed = coverSchema.safeParse(facts?.["backup"]);
  return parsed.success ? parsed.data : null;
}

export async function nodes(world: World): Promise<Node[]> {
  return world.db.select().from(node).orderBy(asc(node.name));
}

/** Where domains that are served here point their MX. */
export async function mailHosts(world: World): Promise<string[]> {
  const rows = await world.db
    .select({ host: node.mxHost })
    .from(node)
    .where(eq(node.state, "active"))
    .orderBy(asc(node.mxHost));
  return rows.map(({ host }) => host);
}

export async function nodeById(world: World, id: string): Promise<Node | null> {
  const [row] = await world.db.select().from(node).where(eq(node.id, id)).limit(1);
  return row ?? null;
}

/** Enrols a node, or tells where an enrolled one moved to. The key says who it is: another key is another node. */
export async function enrolNode(world: World, input: NewNode): Promise<Node> {
  const { id, publicKey, ...place } = input;
  const [row] = await world.db
    .insert(node)
    .values({ ...input, state: "active", createdAt: world.clock() })
    .onConflictDoUpdate({ target: node.id, set: place, setWhere: eq(node.publicKey, publicKey) })
    .returning();
  if (row !== undefined) return row;
  throw new Problem(409, "node-exists", `Another node is enrolled as ${id}.`, { field: "id" });
}

export type NodeChange = { name?: string | undefined; state?: Node["state"] | undefined };

/** Drain it, or take it out of service. */
export async function changeNode(world: World, of: Node, change: NodeChange): Promise<Node> {
  const { name = of.name, state = of.state } = change;
  await world.db.update(node).set({ name, state }).where(eq(node.id, of.id));
  return { ...of, name, state };
}
