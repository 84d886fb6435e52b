/**
 * Cloudflare's Email Worker event into `receive()`. The event knows no client IP and no HELO: they come from the header block
 * that Cloudflare's MX put on top of the raw message, and only from there, since a sender can write the like further down.
 * Accepted: return. Refused: `setReject` (the platform puts `555 5.7.1` before the text). Deferred: throw, which is the platform's way to say 4xx.
 */

import { loopMark } from "../src/core/contract/trace.ts";
import { limits } from "../src/core/limits.ts";
import { cloudflareBlock } from "../src/core/proof/cloudflare.ts";
import { replyFor } from "../src/core/reply.ts";
import type { Incoming } from "./mail.ts";
import type { Edge } from "./platform.ts";
import { receive } from "./receive.ts";

export class Deferred extends Error {}

export async function takeEmail(message: ForwardableEmailMessage, edge: Edge): Promise<void> {
  if (message.rawSize > limits.messageBytes) return message.setReject(replyFor("too-big").text);
  const { outcomes } = await receive(await incoming(message, edge), edge);
  const [outcome] = outcomes;
  if (outcome?.kind === "refused") return message.setReject(outcome.reply.text);
  if (outcome?.kind !== "accepted") throw new Deferred(outcome?.reason ?? "edge-trouble");
}

async function incoming(message: ForwardableEmailMessage, edge: Edge): Promise<Incoming> {
  const raw = await readWhole(message.raw, message.rawSize);
  const block = cloudflareBlock(raw);
  return {
    envelope: {
      entrance: "cloudflare",
      assertedBy: null,
      mailFrom: message.from === "<>" ? "" : message.from,
      ip: block?.ip ?? null,
      helo: block?.helo ?? null,
      tls: null,
      smtputf8: false, // Cloudflare takes no EAI local parts
      receivedAt: edge.clock(),
      vouched: false,
    },
    recipients: [message.to],
    raw,
    below: block === null ? raw : raw.subarray(block.end),
    cloudflare: block?.results ?? null,
    forward: async (address, forwardedFor) => {
      await message.forward(address, new Headers([markPair(forwardedFor)]));
    },
  };
}

/** The loop mark as name and value; only X- fields survive Cloudflare's forward(). */
function markPair(forwardedFor: string): [string, string] {
  const line = loopMark(forwardedFor);
  const colon = line.indexOf(":");
  return [line.slice(0, colon), line.slice(colon + 1).trim()];
}

/** Into one buffer of the size told; `raw` can be read once only. */
async function readWhole(stream: ReadableStream<Uint8Array>, size: number): Promise<Uint8Array> {
  const whole = new Uint8Array(size);
  let at = 0;
  for await (const chunk of stream) {
    whole.set(chunk.subarray(0, size - at), at);
    at = Math.min(size, at + chunk.length);
  }
  return whole.subarray(0, at);
}
