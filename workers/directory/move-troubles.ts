/** What of moves an operator should look into, told of both nodes that it is about. */
import { and, desc, eq, ne } from "drizzle-orm";
import type { Trouble } from "./node-health.ts";
import type { World } from "./open.ts";
import { mailbox, mailboxMove } from "./schema.ts";

/** More of one kind would say no more. */
const most = 20;

type Told = { nodes: [string, string]; trouble: Trouble };

/** By the node's id. */
export async function moveTroubles(world: World): Promise<Map<string, Trouble[]>> {
  const [stuck, lost] = await Promise.all([stuckMoves(world), aheadOfUs(world)]);
  const told = [...stuck.map(stuckTold), ...lost.map(lostTold)];
  const byNode = new Map<string, Trouble[]>();
  for (const { nodes, trouble } of told) for (const id of nodes) byNode.set(id, [...(byNode.get(id) ?? []), trouble]);
  return byNode;
}

function stuckMoves(world: World) {
  const { source, target, trouble, troubleAt } = mailboxMove;
  return world.db
    .select({ source, target, trouble, troubleAt, address: mailbox.address })
    .from(mailboxMove)
    .innerJoin(mailbox, eq(mailbox.id, mailboxMove.mailbox))
    .where(and(eq(mailboxMove.state, "asked"), ne(trouble, "")))
    .orderBy(desc(mailboxMove.id))
    .limit(most);
}

function stuckTold({
  source,
  target,
  trouble,
  troubleAt,
  address,
}: Awaited<ReturnType<typeof stuckMoves>>[number]): Told {
  const says = `${address} can't move from ${source} to ${target} yet: ${trouble}. Last tried`;
  return { nodes: [source, target], trouble: { tone: "warn", says, since: troubleAt } };
}

type Ahead = { holder: string; address: string; placed: string };

/** What heartbeats said that nodes hold by a later epoch, where the directory still says otherwise. */
const ahead = `select n.id as holder, m.address, m.node as placed from node n
  join json_each(n.facts, '$.ahead') h
  join mailbox m on m.id = h.value ->> 'id' and m.node <> n.id and m.epoch <= h.value ->> 'epoch'
  where m.state = 'active' limit ?1`;

async function aheadOfUs(world: World): Promise<Ahead[]> {
  return (await world.db.$client.prepare(ahead).bind(most).all<Ahead>()).results;
}

function lostTold({ holder, address, placed }: Ahead): Told {
  const says =
    `${address} lives at ${holder}, by a move that this directory does not know of: it says ${placed}, and was put back to a time ` +
    `before. Its mail waits here until you ask for the move again: postern mailbox move ${address} ${holder} --edge URL --email YOU`;
  return { nodes: [holder, placed], trouble: { tone: "fail", says, since: null } };
}
