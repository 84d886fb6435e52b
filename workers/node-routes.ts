/** The HTTP that nodes speak to the edge: each path is a row, each call is signed and checked before its body is believed. */
import { Hono } from "hono";
import { z } from "zod";
import { utf8Decode } from "../src/core/bytes.ts";
import { edgePaths, heartbeatSchema, outboundResultsSchema, rcptQuestionSchema } from "../src/core/contract/handoff.ts";
import { moveNewsSchema } from "../src/core/contract/move.ts";
import { admitNode } from "./call.ts";
import { mailboxFor } from "./directory/node-mailbox.ts";
import { heartbeat } from "./heartbeat.ts";
import { answerRcpt, ingest, readIngest } from "./ingest.ts";
import { hearOfMove } from "./moves.ts";
import { type Edge, logTrouble, openEdge } from "./platform.ts";
import { noteOrigin } from "./post.ts";
import { takeResults } from "./results.ts";

/** `read` throws on a body that is not what it should be: 400. What `answer` throws is our trouble: 503. */
type Row<T> = {
  path: string;
  read(body: Uint8Array): T;
  answer(edge: Edge, node: string, asked: T): Promise<object>;
};

const json =
  <T>(schema: z.ZodType<T>) =>
  (body: Uint8Array): T =>
    schema.parse(JSON.parse(utf8Decode(body)));

const askSchema = z.strictObject({ address: z.string().max(400) });

export function nodeRoutes(): Hono<{ Bindings: Env }> {
  const app = new Hono<{ Bindings: Env }>();
  mount(app, { path: edgePaths.rcpt, read: json(rcptQuestionSchema), answer: answerRcpt });
  mount(app, { path: edgePaths.ingest, read: readIngest, answer: ingest });
  mount(app, { path: edgePaths.heartbeat, read: json(heartbeatSchema), answer: heartbeat });
  mount(app, { path: edgePaths.mailbox, read: json(askSchema), answer: mailboxFor });
  mount(app, { path: edgePaths.results, read: json(outboundResultsSchema), answer: takeResults });
  mount(app, { path: edgePaths.move, read: json(moveNewsSchema), answer: hearOfMove });
  return app;
}

function mount<T>(app: Hono<{ Bindings: Env }>, row: Row<T>): void {
  app.post(row.path, async (c) => {
    const edge = openEdge(c.env, c.executionCtx);
    const call = await admitNode(edge, c.req.raw);
    if (!call.ok) return problem(call.status, call.why);
    const asked = readOrNull(() => row.read(call.body));
    if (asked === null) return problem(400, "bad-body");
    if (row.path === edgePaths.heartbeat) edge.later(noteOrigin(edge, c.req.url));
    try {
      return c.json(await row.answer(edge, call.node, asked));
    } catch (error) {
      logTrouble(row.path, error);
      return problem(503, "trouble");
    }
  });
}

function readOrNull<T>(read: () => T): T | null {
  try {
    return read();
  } catch {
    return null;
  }
}

function problem(status: number, title: string): Response {
  return Response.json({ title, status }, { status, headers: { "content-type": "application/problem+json" } });
}
