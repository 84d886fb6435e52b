/** Moving mailboxes between nodes; the operator's page. */
import { type Context, Hono } from "hono";
import { z } from "zod";
import { askFor, moveOr404, nudgeBoth } from "../../api/rows/moves.ts";
import { cancelMove, moves } from "../../directory/moves.ts";
import { nodes } from "../../directory/nodes.ts";
import { Problem } from "../../directory/problem.ts";
import type { App } from "../../sign-in/visitor.ts";
import type { Me } from "../act.tsx";
import { attempt, formOf, proved, signedIn } from "../guard.tsx";
import { MovesView } from "../moves-view.tsx";
import { page } from "../shell.tsx";

export const movePages = new Hono<App>();
const shown = 50;

movePages.get(
  "/moves",
  signedIn(async (c, me) => {
    onlyOperators(me);
    return movesPage(c, me, { address: c.req.query("address") ?? "", node: "" }, null);
  }),
);

movePages.post(
  "/moves",
  proved(async (c, me) => {
    onlyOperators(me);
    const typed = await formOf(c, me, z.object({ address: z.string().max(320), node: z.string().max(64) }));
    const tried = await attempt(() => askFor(c.get("world"), typed));
    if (!tried.ok) return movesPage(c, me, typed, tried.problem);
    nudgeBoth({ env: c.env, later: (work) => c.executionCtx.waitUntil(work) }, tried.value);
    return c.redirect("/moves?done=move-asked", 303);
  }),
);

movePages.post(
  "/moves/:move/cancel",
  proved(async (c, me) => {
    onlyOperators(me);
    await formOf(c, me, z.object({}));
    const world = c.get("world");
    const ended = await cancelMove(world, await moveOr404(world, c.req.param("move") ?? ""));
    nudgeBoth({ env: c.env, later: (work) => c.executionCtx.waitUntil(work) }, ended);
    return c.redirect("/moves?done=move-cancelled", 303);
  }),
);

function onlyOperators({ account }: Me): void {
  if (!account.operator) throw new Problem(404, "not-found", "There is no such page.");
}

async function movesPage(
  c: Context<App>,
  me: Me,
  typed: { address: string; node: string },
  problem: Problem | null,
): Promise<Response> {
  const world = c.get("world");
  const [latest, all] = [await moves(world, shown), await nodes(world)];
  const open = all.filter((node) => node.state === "active");
  const view = <MovesView {...{ me, typed, problem }} moves={latest} nodes={open} />;
  return page(c, me, { title: "Moves", at: "nodes", status: problem === null ? 200 : 422 }, view);
}
