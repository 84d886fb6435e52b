/**
 * A recipient that was turned away at the node's door before any message was sent: its domain's people see that too, or a
 * misspelt alias would look as if nobody had written. Bounded by the limit on wrong guesses.
 */
import { type Reply, replyLine } from "../src/core/reply.ts";
import { type JournalRow, openJournal } from "./directory/journal.ts";
import type { LookedUp } from "./directory/routes.ts";
import { type Edge, logTrouble } from "./platform.ts";

export type TurnedAway = {
  found: LookedUp;
  node: string;
  sender: string;
  ip: string | null;
  outcome: JournalRow["outcome"];
  reason: string;
  reply: Reply;
};

/** After the answer; only for a domain that this node speaks for. */
export function noteTurnedAway(edge: Edge, { found, node, sender, ip, outcome, reason, reply }: TurnedAway): void {
  if (found.domain === null || found.domain.node !== node) return;
  const row: JournalRow = {
    ...{ id: edge.newId(), domain: found.domain.id, at: edge.clock(), entrance: "door", assertedBy: node },
    ...{ ip, helo: null, mailFrom: sender, recipient: found.recipient, author: "", size: 0 },
    ...{ proof: null, cloudflare: null, alias: null, outcome, reason, reply: replyLine(reply) },
    expiresAt: edge.clock() + edge.config.retentionMs,
  };
  edge.later(openJournal(edge, [row]).catch((error: unknown) => logTrouble("turned-away", error)));
}
