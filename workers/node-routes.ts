/** The HTTP that nodes speak to the edge: each path is a row, each call is signed and checked before its body is believed. */
import { Hono } from "hono";
import { z } from "zod";
import { utf8Decode } from "../src/core/bytes.ts";
import { edgePaths, heartbeatSchema, outboundResultsSchema } from "../src/core/contract/handoff.ts";
import { admitNode } from "./call.ts";
import { mailboxFor } from "./directory/node-mailbox.ts";
import { heartbeat } from "./heartbeat.ts";
import { answerRcpt, ingest } from "./ingest.ts";
import { type Edge, logTrouble, openEdge } from "./platform.ts";
import { takeResults } from "./results.ts";

type Answer = (edge: Edge, node: string, body: Uint8Array) => Promise<unknown>;

const rows: Record<string, Answer> = {
  [edgePaths.rcpt]: (edge, node, body) => answerRcpt(edge, node, json(body)),
  [edgePaths.ingest]: ingest,
  [edgePaths.heartbeat]: (edge, node, body) => heartbeat(edge, node, heartbeatSchema.parse(json(body))),
  [edgePaths.mailbox]: (edge, node, body) => mailboxFor(edge, node, askSchema.parse(json(body)).address),
  [edgePaths.results]: (edge, node, body) => takeResults(edge, node, outboundResultsSchema.parse(json(body))),
};
const askSchema = z.strictObject({ address: z.string().max(400) });

export function nodeRoutes(): Hono<{ Bindings: Env }> {
  const app = new Hono<{ Bindings: Env }>();
  for (const [path, answer] of Object.entries(rows)) {
    app.post(path, async (c) => {
      const edge = openEdge(c.env, c.executionCtx);
      const call = await admitNode(edge, c.req.raw);
      if (!call.ok) return problem(call.status, call.why);
      try {
        return c.json((await answer(edge, call.node, call.body)) ?? {});
      } catch (error) {
        if (isMalformed(error)) return problem(400, "bad-body");
        logTrouble(path, error);
        return problem(503, "trouble");
      }
    });
  }
  return app;
}

function json(body: Uint8Array): unknown {
  return JSON.parse(utf8Decode(body));
}

/** What `unframe`, `JSON.parse`, UTF-8 decoding and the schemas throw on a body that is not what it should be. */
function isMalformed(error: unknown): boolean {
  return (
    error instanceof z.ZodError ||
    error instanceof SyntaxError ||
    error instanceof RangeError ||
    error instanceof TypeError
  );
}

function problem(status: number, title: string): Response {
  return Response.json({ title, status }, { status, headers: { "content-type": "application/problem+json" } });
}
