/** Answers of the hand-off listener: JSON, or a problem (RFC 9457). Nothing in them tells more than the caller knew. */
import type { ServerResponse } from "node:http";
import type { Refusal } from "../../core/contract/call.ts";

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

export function send(response: ServerResponse, { status, body, type }: Answer): void {
  if (response.headersSent || response.destroyed) return;
  const text = JSON.stringify(body);
  response.writeHead(status, {
    "content-type": type,
    "content-length": Buffer.byteLength(text),
    "cache-control": "no-store",
  });
  response.end(text);
}
