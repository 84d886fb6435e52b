/** Moves of mailboxes between nodes, for the operator. */
import { z } from "zod";
import { mailboxAddress, mailboxByAddress } from "../../directory/mailboxes.ts";
import { askMove, cancelMove, type MoveView, moveById, movePage } from "../../directory/moves.ts";
import { nodeById } from "../../directory/nodes.ts";
import type { World } from "../../directory/open.ts";
import { notFound } from "../../directory/problem.ts";
import { nudge } from "../../moves.ts";
import { openEdge } from "../../platform.ts";
import { type Call, operator } from "../row.ts";
import { cursorQuery, id, moveInput, moveShape, page } from "../shapes.ts";

const tag = "Nodes";
const params = z.object({ move: id });

/** Both nodes hear of it at once where they can be reached, else within half a minute. */
export function nudgeBoth(call: Pick<Call, "env" | "later">, { source, target }: MoveView): void {
  const edge = openEdge(call.env, { waitUntil: call.later });
  for (const node of [source, target]) edge.later(nudge(edge, node));
}

export async function askFor(world: World, input: z.output<typeof moveInput>): Promise<MoveView> {
  const box = await mailboxByAddress(world, mailboxAddress(input.address).address);
  if (box === null) throw notFound("mailbox");
  return askMove(world, box, await nodeById(world, input.node));
}

export async function moveOr404(world: World, id: string): Promise<MoveView> {
  const found = await moveById(world, id);
  if (found === null) throw notFound("move");
  return found;
}

export const moveRows = [
  operator("nodes:read", {
    method: "GET",
    path: "/moves",
    name: "moves",
    tag,
    says: "Moves of mailboxes between nodes, the latest first",
    query: cursorQuery,
    answer: page(moveShape),
    run: (call) => movePage(call.world, call.query),
  }),
  operator(null, {
    method: "POST",
    path: "/moves",
    name: "askMove",
    tag,
    says: "Move a mailbox to another node: its mail, its flags and all that waits for it. Nobody can log in to it meanwhile",
    body: moveInput,
    answer: moveShape,
    status: 201,
    proof: true,
    async run(call) {
      const move = await askFor(call.world, call.body);
      nudgeBoth(call, move);
      return move;
    },
  }),
  operator("nodes:read", {
    method: "GET",
    path: "/moves/:move",
    name: "move",
    tag,
    says: "One move: how it stands, and what went wrong last",
    params,
    answer: moveShape,
    run: async (call) => moveOr404(call.world, call.params.move),
  }),
  operator(null, {
    method: "POST",
    path: "/moves/:move/cancel",
    name: "cancelMove",
    tag,
    says: "Cancel a move that is not over: the mailbox stays where it is",
    params,
    answer: moveShape,
    proof: true,
    async run(call) {
      const move = await cancelMove(call.world, await moveOr404(call.world, call.params.move));
      nudgeBoth(call, move);
      return move;
    },
  }),
];
