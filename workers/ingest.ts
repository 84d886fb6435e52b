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
  rcptQuestionSchema,
} from "../src/core/contract/handoff.ts";
import { type Reason, replyFor } from "../src/core/reply.ts";
import { resolve } from "../src/core/rules/aliases.ts";
import { decide } from "../src/core/rules/decide.ts";
import { lookUp } from "./directory/routes.ts";
import { promised } from "./journal-row.ts";
import type { Edge } from "./platform.ts";
import { receive } from "./receive.ts";

/** Throws `ZodError` on a question that is none. */
export async function answerRcpt(edge: Edge, node: string, question: unknown): Promise<RcptAnswer> {
  const { recipient } = rcptQuestionSchema.parse(question);
  const [found] = await lookUp(edge.env.DIRECTORY, [recipient]);
  if (found === undefined || found.domain === null || found.domain.node !== node) return refusal("domain-not-here");
  const route = resolve(found.address, found.candidates);
  const { kind, reply } = promised(decide({ route, trouble: null, size: 0, proof: null }));
  return kind === "accepted" ? { kind: "ok" } : { kind: kind === "refused" ? "refuse" : "defer", ...reply };
}

function refusal(reason: Reason): RcptAnswer {
  return { kind: "refuse", ...replyFor(reason) };
}

/** Throws on a body that is not an envelope and a message; the node then answers its client 451. */
export async function ingest(edge: Edge, node: string, body: Uint8Array): Promise<IngestAnswer> {
  const { head, bytes } = unframe(body);
  const envelope = ingestEnvelopeSchema.parse(head);
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
      },
      recipients: envelope.recipients,
      raw: bytes,
      below: bytes, // the door puts nothing on top
      cloudflare: null,
      forward: null,
    },
    edge,
  );
  const outcomes = receipt.outcomes.map(({ recipient, kind, reply }) => ({ recipient, kind, ...reply }));
  return { outcomes, dmarcPassed: receipt.dmarcPassed };
}

const ipSchema = z.union([z.ipv4(), z.ipv6()]);

/** A text that is no address would be worse than none: SPF then says "not-evaluated". */
function ipOf({ ip }: IngestEnvelope): string | null {
  return ipSchema.safeParse(ip).success ? ip : null;
}
