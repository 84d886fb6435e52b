/** Nodes, for the operator; which of them a mailbox can live on, for everybody signed in. */
import { z } from "zod";
import { moveTroubles } from "../../directory/move-troubles.ts";
import { healthOf, troublesOf } from "../../directory/node-health.ts";
import { changeNode, enrolNode, type Node, nodeById, nodes } from "../../directory/nodes.ts";
import type { World } from "../../directory/open.ts";
import { notFound } from "../../directory/problem.ts";
import { inPages } from "../paging.ts";
import { operator, personal } from "../row.ts";
import { cursorQuery, nodeInput, nodeShape, page } from "../shapes.ts";

const tag = "Nodes";
const params = z.object({ node: z.string().min(1).max(64) });

async function nodeOr404(call: { world: World; params: { node: string } }): Promise<Node> {
  const found = await nodeById(call.world, call.params.node);
  if (found === null) throw notFound("node");
  return found;
}

async function shown(world: World, some: readonly Node[]) {
  const moving = await moveTroubles(world);
  return some.map((node) => ({ ...node, ...healthOf(node), troubles: troublesOf(node, world.clock(), moving) }));
}

async function shownOne(world: World, node: Node) {
  const [one] = await shown(world, [node]);
  if (one === undefined) throw notFound("node");
  return one;
}

export const nodeRows = [
  operator("nodes:read", {
    method: "GET",
    path: "/nodes",
    name: "nodes",
    tag,
    says: "All nodes",
    query: cursorQuery,
    answer: page(nodeShape),
    run: async (call) => inPages(await shown(call.world, await nodes(call.world)), (node) => node.id, call.query),
  }),
  operator(null, {
    method: "POST",
    path: "/nodes",
    name: "enrolNode",
    tag,
    says: "Enrol a node, or tell where it moved to",
    proof: true,
    body: nodeInput,
    answer: nodeShape,
    status: 201,
    run: async (call) => shownOne(call.world, await enrolNode(call.world, call.body)),
  }),
  operator("nodes:read", {
    method: "GET",
    path: "/nodes/:node",
    name: "node",
    tag,
    says: "One node",
    params,
    answer: nodeShape,
    run: async (call) => shownOne(call.world, await nodeOr404(call)),
  }),
  operator(null, {
    method: "PATCH",
    path: "/nodes/:node",
    name: "changeNode",
    tag,
    says: "Rename a node, drain it or take it out of service",
    proof: true,
    params,
    body: z.object({
      name: z.string().min(1).max(100).optional(),
      state: z.enum(["active", "draining", "gone"]).optional(),
    }),
    answer: nodeShape,
    run: async (call) => shownOne(call.world, await changeNode(call.world, await nodeOr404(call), call.body)),
  }),
  personal("mailboxes:read", {
    method: "GET",
    path: "/places",
    name: "places",
    tag,
    says: "Nodes that take new mailboxes",
    byDomain: true,
    query: cursorQuery,
    answer: page(z.object({ id: z.string(), name: z.string(), mxHost: z.string() })),
    async run(call) {
      const open = (await nodes(call.world)).filter((node) => node.state === "active");
      return inPages(open, (node) => node.id, call.query);
    },
  }),
];
