/**
 * What the SMTP door needs of the rest of the node. The door carries no rules (DESIGN.md, decision 5): the edge answers
 * for recipients and messages, the relay queue recognises the bounces that come back to addresses it rewrote.
 */
import type { z } from "zod";
import type { IngestAnswer, IngestEnvelope, RcptAnswer, rcptQuestionSchema } from "../../core/contract/handoff.ts";

export type RcptQuestion = z.infer<typeof rcptQuestionSchema>;

/** The edge, over signed calls. Both reject when it can't be reached or answers nonsense; the door then says 451. */
export type EdgePort = {
  rcpt(question: RcptQuestion): Promise<RcptAnswer>;
  ingest(envelope: IngestEnvelope, raw: Uint8Array): Promise<IngestAnswer>;
};

/** The relay queue, as the door sees it. */
export type BouncePort = {
  /** Is this one of our SRS addresses: genuine, expired or forged; null when it isn't of that form at all. */
  recognise(recipient: string): "ours" | "expired" | "forged" | null;
  /** Sends a bounce on to the author it belongs to; durable before it resolves. */
  returnToAuthor(bounce: { recipient: string; raw: Uint8Array; smtputf8: boolean }): Promise<void>;
  /** A delivery status notification about recipients refused after DATA; durable before it resolves. */
  notifyAuthor(failure: FailedDelivery): Promise<void>;
};

export type FailedDelivery = {
  author: string;
  raw: Uint8Array;
  receivedAt: number;
  smtputf8: boolean;
  refused: readonly { recipient: string; code: number; enhanced: string; text: string }[];
};
