/** Calls from the node to the edge, signed with the node's identity: `edgePaths` of `contract/handoff.ts`. */
import type { z } from "zod";
import { utf8 } from "../../core/bytes.ts";
import { type Identity, signCall } from "../../core/contract/call.ts";
import { frame } from "../../core/contract/frame.ts";
import {
  edgePaths,
  type Heartbeat,
  type HeartbeatAnswer,
  heartbeatAnswerSchema,
  type IngestAnswer,
  type IngestEnvelope,
  ingestAnswerSchema,
  mailboxAnswerSchema,
  type OutboundResults,
  type RcptAnswer,
  rcptAnswerSchema,
  type rcptQuestionSchema,
} from "../../core/contract/handoff.ts";
import type { MailboxRecord } from "../../core/contract/mailbox.ts";
import { type MoveAnswer, type MoveNews, moveAnswerSchema } from "../../core/contract/move.ts";
import type { Clock, Crypto, Random } from "../../core/ports.ts";
import { ulid } from "../../core/ulid.ts";

/** The edge could not be reached (status 0), refused, or answered nonsense. Always worth trying again. */
export class EdgeTrouble extends Error {
  readonly status: number;

  constructor(status: number, what: string, cause?: unknown) {
    super(`edge: ${what}`, { cause });
    this.name = "EdgeTrouble";
    this.status = status;
  }
}

export type EdgeOptions = {
  /** `https://host`, or http on loopback. */
  origin: string;
  /** Name: this node's id. */
  identity: Identity;
  crypto: Crypto;
  clock: Clock;
  random: Random;
  /** ms for one call. */
  timeoutMs?: number;
};

const mostAnswer = 8 * 1024 * 1024;

export class EdgeClient {
  readonly #options: Required<EdgeOptions>;

  constructor(options: EdgeOptions) {
    this.#options = { timeoutMs: 30_000, ...options };
  }

  async rcpt(question: z.infer<typeof rcptQuestionSchema>): Promise<RcptAnswer> {
    return this.#ask(edgePaths.rcpt, json(question), rcptAnswerSchema);
  }

  /** `raw` is what DATA gave. The edge recognises a message that comes again. */
  async ingest(envelope: IngestEnvelope, raw: Uint8Array): Promise<IngestAnswer> {
    return this.#ask(edgePaths.ingest, frame(envelope, raw), ingestAnswerSchema, 120_000);
  }

  async heartbeat(beat: Heartbeat): Promise<HeartbeatAnswer> {
    return this.#ask(edgePaths.heartbeat, json(beat), heartbeatAnswerSchema);
  }

  /** The record of an address placed on this node; null when there is none. A login may be waiting for it. */
  async mailbox(address: string): Promise<MailboxRecord | null> {
    const { mailbox } = await this.#ask(edgePaths.mailbox, json({ address }), mailboxAnswerSchema, 5000);
    return mailbox;
  }

  /** How a move stands to which this node is the new one. */
  async move(news: MoveNews): Promise<MoveAnswer> {
    return this.#ask(edgePaths.move, json(news), moveAnswerSchema);
  }

  async results(results: OutboundResults): Promise<void> {
    await this.#call(edgePaths.results, json(results), this.#options.timeoutMs);
  }

  async #ask<T>(
    path: string,
    body: Uint8Array<ArrayBuffer>,
    schema: z.ZodType<T>,
    timeoutMs = this.#options.timeoutMs,
  ): Promise<T> {
    const text = await this.#call(path, body, timeoutMs);
    try {
      return schema.parse(JSON.parse(text));
    } catch (cause) {
      throw new EdgeTrouble(200, `${path} answered nonsense`, cause);
    }
  }

  async #call(path: string, body: Uint8Array<ArrayBuffer>, timeoutMs: number): Promise<string> {
    const { origin, identity, crypto, clock, random } = this.#options;
    const id = ulid(clock, random);
    const headers = await signCall({ audience: "edge", method: "POST", path, id }, body, identity, clock(), crypto);
    let response: Response;
    let text: string;
    try {
      const signal = AbortSignal.timeout(timeoutMs);
      // A redirect would carry a signed call to somebody else.
      response = await fetch(new URL(path, origin), { method: "POST", headers, body, signal, redirect: "error" });
      text = await bounded(response);
    } catch (cause) {
      throw new EdgeTrouble(0, `${path} can't be reached`, cause);
    }
    if (!response.ok) throw new EdgeTrouble(response.status, `${path} answered ${response.status}`);
    return text;
  }
}

async function bounded(response: Response): Promise<string> {
  const parts: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of response.body ?? []) {
    length += chunk.length;
    if (length > mostAnswer) throw new Error("answer too long");
    parts.push(chunk);
  }
  return Buffer.concat(parts).toString("utf8");
}

function json(value: unknown): Uint8Array<ArrayBuffer> {
  return utf8(JSON.stringify(value));
}
