/**
 * If-Match on a change (RFC 9110 §13.1.1): compared with what the GET of the same path answers now. An operation that no GET
 * shows has nothing to compare with and says so, rather than change something on a condition that nobody checked.
 */
import { and, eq, lt } from "drizzle-orm";
import type { Context } from "hono";
import { underWay } from "../directory/held.ts";
import { newId } from "../directory/open.ts";
import { Problem } from "../directory/problem.ts";
import { idempotency } from "../directory/schema.ts";
import { digest } from "../sign-in/secret.ts";
import type { App } from "../sign-in/visitor.ts";
import { etagOf, matchesTag } from "./etag.ts";
import type { AnyCall, Row } from "./row.ts";

/** A change takes far less; past this its Worker is gone, or its change is refused. */
const heldMs = 30_000;

export async function ifMatching<T>(
  c: Context<App>,
  row: Row,
  rows: readonly Row[],
  call: AnyCall,
  work: () => Promise<T>,
): Promise<T> {
  const wanted = c.req.header("if-match");
  if (wanted === undefined || row.method === "GET") return work();
  // A list has as many versions as it has pages.
  const reader = rows.find((other) => other.method === "GET" && other.path === row.path && other.query === undefined);
  if (reader?.answer === undefined)
    throw new Problem(412, "no-version", "This can't be changed on a condition: it has no ETag to compare with.");
  const { answer } = reader;
  return alone(call, c.req.path, async () => {
    const now = await etagOf(JSON.stringify(answer.parse(await reader.run(call))));
    if (!matchesTag(wanted, now)) throw changed();
    return work();
  });
}

/** Two edits of one version in the same moment: the second would find the tag it wants too, and undo the first unseen. */
async function alone<T>(call: AnyCall, path: string, work: () => Promise<T>): Promise<T> {
  const { world } = call;
  const id = await digest(`if-match\0${path}`);
  const holder = newId(world);
  const now = world.clock();
  const row = { id, request: "", holder, status: underWay, answer: "", expiresAt: now + heldMs };
  const [, held] = await world.db.batch([
    world.db.delete(idempotency).where(and(eq(idempotency.id, id), lt(idempotency.expiresAt, now))),
    world.db.insert(idempotency).values(row).onConflictDoNothing().returning({ id: idempotency.id }),
  ]);
  if (held.length === 0) throw changed();
  call.world = { ...world, held: [...(world.held ?? []), { id, holder }] };
  try {
    return await work();
  } finally {
    await world.db.delete(idempotency).where(and(eq(idempotency.id, id), eq(idempotency.holder, holder)));
  }
}

function changed(): Problem {
  return new Problem(412, "changed-meanwhile", "Somebody changed this since you read it. Read it again.");
}
