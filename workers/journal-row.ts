/** The journal's row for one recipient: envelope and verdicts, never subject or body. */
import type { Proof } from "../src/core/proof/types.ts";
import { isTemporary, type Reply, replyFor, replyLine } from "../src/core/reply.ts";
import type { Verdict } from "../src/core/rules/decide.ts";
import type { JournalRow } from "./directory/journal.ts";
import type { Delivery, Incoming, OutcomeKind } from "./mail.ts";
import type { Message } from "./message.ts";
import type { Edge } from "./platform.ts";

/** RFC 5321 §4.2: what an entrance says where nothing stands against the message. */
export const accepted: Reply = { code: 250, enhanced: "2.0.0", text: "Accepted" };

/** The outcome that a verdict promises; only storage trouble can still change it. */
export function promised(verdict: Verdict): { kind: OutcomeKind; reason: string; reply: Reply } {
  if (verdict.kind === "accept") return { kind: "accepted", reason: "ok", reply: accepted };
  if (verdict.kind === "drop") return { kind: "accepted", reason: verdict.reason, reply: accepted };
  const reply = replyFor(verdict.reason, verdict.detail ?? undefined);
  return { kind: isTemporary(reply) ? "deferred" : "refused", reason: verdict.reason, reply };
}

export function journalRow(
  delivery: Delivery,
  mail: Incoming,
  message: Message,
  proof: Proof | null,
  edge: Edge,
): JournalRow {
  const { envelope } = mail;
  const { kind, reason, reply } = promised(delivery.verdict);
  const { match } = delivery.verdict;
  return {
    id: delivery.journal,
    domain: delivery.found.domain?.id ?? "",
    at: envelope.receivedAt,
    entrance: envelope.entrance,
    assertedBy: envelope.assertedBy,
    ip: envelope.ip,
    helo: envelope.helo,
    mailFrom: envelope.mailFrom,
    recipient: delivery.found.recipient,
    author: message.author,
    size: mail.raw.length,
    proof,
    cloudflare: mail.cloudflare,
    alias: match?.by === "alias" ? match.alias : null,
    outcome: kind,
    reason,
    reply: replyLine(reply),
    expiresAt: edge.clock() + edge.config.retentionMs,
  };
}
