/**
 * A node's SMTP door: each RCPT asks here, each DATA is put through the same `receive()` as Cloudflare's. The door carries no
 * rules of its own. A node speaks only for domains assigned to it.
 */
import { z } from "zod";
import { unframe } from "../src/core/contract/frame.ts";
import {
  type IngestAnswer,
  type IngestEnvelope,
  ingestEnvelopeSchema,
  type RcptAnswer,
  type rcptQuestionSchema,
} from "../src/core/contract/handoff.ts";
import { replyFor } from "../src/core/reply.ts";
import { decide } from "../src/core/rules/decide.ts";
import { senderOf } from "../src/core/rules/senders.ts";
import { promised } from "./journal-row.ts";
import type { Edge } from "./platform.ts";
import { guessesTooMuch } from "./rate.ts";
import { receive } from "./receive.ts";
import { routeOf, rulingOf } from "./route.ts";
import { noteTurnedAway } from "./turned-away.ts";
import { whereTo } from "./where-to.ts";

type RcptQuestion = z.infer<typeof rcptQuestionSchema>;

/** What can be said before DATA: by the envelope alone. An IP that guesses at addresses is told nothing any more. */
export async function answerRcpt(edge: Edge, node: string, question: RcptQuestion): Promise<RcptAnswer> {
  const sender = senderOf(question.sender, "", question.ip);
  const [found] = await whereTo(edge, [question.recipient], sender, node);
  if (found === undefined) return { kind: "defer", ...replyFor("edge-trouble") };
  const route = routeOf(found, node);
  const verdict = decide({
    route,
    trouble: null,
    provenOnly: false,
    vacation: null,
    sender: rulingOf(found, route, sender),
    size: 0,
    proof: null,
  });
  const { kind, reason, reply } = promised(verdict);
  if (kind === "accepted") return { kind: "ok" };
  if (await guessesTooMuch(edge, question.ip)) return { kind: "defer", ...replyFor("rate-limited") };
  noteTurnedAway(edge, { found, node, sender: question.sender, ip: ipOf(question), outcome: kind, reason, reply });
  return { kind: kind === "refused" ? "refuse" : "defer", ...reply };
}

export type Ingested = { envelope: IngestEnvelope; raw: Uint8Array };

/** Throws on a body that is not an envelope and a message. */
export function readIngest(body: Uint8Array): Ingested {
  const { head, bytes } = unframe(body);
  return { envelope: ingestEnvelopeSchema.parse(head), raw: bytes };
}

export async function ingest(edge: Edge, node: string, { envelope, raw }: Ingested): Promise<IngestAnswer> {
  const receipt = await receive(
    {
      envelope: {
        entrance: "door",
        assertedBy: node,
        mailFrom: envelope.mailFrom,
        ip: ipOf(envelope),
        helo: envelope.helo === "" ? null : envelope.helo,
        tls: envelope.tls,
        smtputf8: envelope.smtputf8,
        receivedAt: envelope.receivedAt,
        vouched: envelope.vouched ?? false,
      },
      recipients: envelope.recipients,
      raw,
      below: raw, // the door puts nothing on top
      cloudflare: null,
      forward: null,
    },
    edge,
  );
  const outcomes = receipt.outcomes.map(({ recipient, kind, reply }) => ({ recipient, kind, ...reply }));
  return { outcomes, pathProven: receipt.pathProven };
}

const ipSchema = z.union([z.ipv4(), z.ipv6()]);

/** A text that is no address would be worse than none: SPF then says "not-evaluated". */
function ipOf({ ip }: Pick<IngestEnvelope, "ip">): string | null {
  return ipSchema.safeParse(ip).success ? ip : null;
}
