/** Answers of the hand-off listener: JSON, a problem (RFC 9457), or a stream. Nothing in them tells more than the caller knew. */
import type { ServerResponse } from "node:http";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import type { Refusal } from "../../core/contract/call.ts";

/** What it throws on the way cuts the connection. */
export type Streamed = { status: 200; stream: AsyncIterable<Uint8Array> };
export type Answer = { status: number; body: unknown; type: "application/json" | "application/problem+json" };

export function json(body: unknown): Answer {
  return { status: 200, body, type: "application/json" };
}

export function problem(status: number, title: string): Answer {
  return { status, body: { title, status }, type: "application/problem+json" };
}

/** 421 (RFC 9110 §15.5.20) tells the edge that it has the wrong node or path; all else about signatures is 401. */
export function refused(why: Refusal): Answer {
  return why === "misaddressed" ? problem(421, "misaddressed") : problem(401, why);
}

export async function send(response: ServerResponse, answer: Answer | Streamed): Promise<void> {
  if (response.headersSent || response.destroyed) return;
  if ("stream" in answer) return sendStream(response, answer);
  const { status, body, type } = answer;
  const text = JSON.stringify(body);
  response.writeHead(status, {
    "content-type": type,
    "content-length": Buffer.byteLength(text),
    "cache-control": "no-store",
  });
  response.end(text);
}

function sendStream(response: ServerResponse, { status, stream }: Streamed): Promise<void> {
  response.writeHead(status, { "content-type": "application/octet-stream", "cache-control": "no-store" });
  return pipeline(Readable.from(stream, { objectMode: false }), response);
}
