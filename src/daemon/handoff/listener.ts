/**
 * The node's end of the hand-off: an HTTP request handler for `nodePaths`. Who calls is known before the body is read; what is
 * answered 2xx is durable. A retry keeps its id and gets `duplicate`. DESIGN.md, Hand-off.
 */
import type { IncomingMessage, RequestListener } from "node:http";
import { utf8Decode } from "../../core/bytes.ts";
import { checkCall, type Manifest } from "../../core/contract/call.ts";
import { mailboxUpdateSchema, nodePaths } from "../../core/contract/handoff.ts";
import type { MailboxRecord } from "../../core/contract/mailbox.ts";
import { limits } from "../../core/limits.ts";
import type { Clock, Crypto } from "../../core/ports.ts";
import type { Acceptance } from "../store/intake.ts";
import type { Leave } from "../store/moving/moves.ts";
import { type Answer, json, problem, refused, type Streamed, send } from "./answer.ts";
import { readBody, readPieces, Unreadable } from "./body.ts";

export type HandoffDeps = {
  /** This node's id: the audience of calls to it. */
  node: string;
  /** The edge's Ed25519 public key, 32 bytes. */
  edgeKey: Uint8Array;
  crypto: Crypto;
  clock: Clock;
  store: {
    acceptSealed(arrival: Arrival & { bytes: Uint8Array }): Promise<Acceptance>;
    acceptStream(arrival: Arrival & { size: number; pieces: AsyncIterable<Uint8Array> }): Promise<Acceptance>;
    applyMailbox(record: MailboxRecord): Promise<number | null>;
    holds(mailbox: string, epoch: number): boolean;
    moves: { leave(asked: { mailbox: string; epoch: number; move: string }): Promise<Leave> };
  };
  /** The edge has news: the next heartbeat is due now. */
  onBeat?: () => void;
  /** Takes a relay job over; durable when it resolves. An id seen before is no error. */
  onRelay(manifest: Manifest, sealed: Uint8Array): Promise<void>;
  /** The status that a call was answered with. */
  onAnswer?: (status: number) => void;
  /** One line for the log: no address, no secret. */
  log?: (line: string) => void;
};

/** Sealing adds a header, tags, an envelope and at most 12 % of padding. */
const mostSealed = Math.ceil(limits.messageBytes * 1.13) + 256 * 1024;

type Arrival = { mailbox: string; epoch: number; id: string };

/** Bodies above this go to the disk as they come. */
const streamedFrom = 1024 * 1024;

type Route = {
  most: number;
  /** May answer before the body is read. */
  early?: (deps: HandoffDeps, manifest: Manifest) => Answer | null;
  take: (deps: HandoffDeps, manifest: Manifest, body: Uint8Array) => Promise<Answer | Streamed>;
  /** The same of a large body. */
  stream?: (deps: HandoffDeps, manifest: Manifest, pieces: AsyncIterable<Uint8Array>) => Promise<Answer>;
};

const routes: Record<string, Route> = {
  [nodePaths.message]: { most: mostSealed, early: goneEarly, take: takeMessage, stream: streamMessage },
  [nodePaths.mailbox]: { most: limits.callBytes, take: takeMailbox },
  [nodePaths.relay]: { most: mostSealed, take: takeRelay },
  [nodePaths.leave]: { most: 1024, take: letGo },
  [nodePaths.beat]: { most: 1024, take: beatNow },
  [nodePaths.hello]: { most: 1024, take: async ({ node, clock }) => json({ node, time: clock() }) },
};

export function handoffListener(deps: HandoffDeps): RequestListener {
  return (request, response) => {
    answer(deps, request)
      .catch((cause: unknown) => {
        deps.log?.(`hand-off: ${cause instanceof Error ? `${cause.message} ${cause.cause ?? ""}` : "failed"}`);
        return problem(503, "trouble on this node, try again");
      })
      .then((given) => {
        deps.onAnswer?.(given.status);
        const sent = send(response, given);
        discard(request);
        return sent;
      })
      .catch(() => request.destroy());
  };
}

async function answer(deps: HandoffDeps, request: IncomingMessage): Promise<Answer | Streamed> {
  const path = request.url ?? "";
  const route = Object.hasOwn(routes, path) ? routes[path] : undefined;
  if (!route) return problem(404, "no such path");
  if (request.method !== "POST") return problem(405, "POST only");
  const asked = { method: request.method, path, header: (name: string) => headerOf(request, name) };
  const expect = { audience: deps.node, publicKeyOf: (sender: string) => (sender === "edge" ? deps.edgeKey : null) };
  const check = await checkCall(asked, expect, deps.clock(), deps.crypto);
  if (!check.ok) return refused(check.why);
  const { manifest } = check;
  if (manifest.size > route.most) return problem(413, "too large");
  const early = route.early?.(deps, manifest);
  if (early) return early;
  if (route.stream && manifest.size > streamedFrom)
    return streamed(route.stream(deps, manifest, readPieces(request, manifest)));
  const body = await readBody(request, manifest);
  return body.ok ? route.take(deps, manifest, body.bytes) : unread(body.why);
}

async function streamed(answer: Promise<Answer>): Promise<Answer> {
  try {
    return await answer;
  } catch (cause) {
    if (cause instanceof Unreadable) return unread(cause.why);
    throw cause;
  }
}

function unread(why: Unreadable["why"]): Answer {
  return why === "busy" ? problem(503, "busy") : problem(400, "the body is not what was signed");
}

// A header that comes twice could be read differently by two readers: as good as absent.
function headerOf(request: IncomingMessage, name: string): string | null {
  const values = request.headersDistinct[name];
  return values?.length === 1 ? (values[0] ?? null) : null;
}

function goneEarly({ store }: HandoffDeps, { mailbox, epoch }: Manifest): Answer | null {
  if (mailbox === undefined || epoch === undefined) return problem(400, "a message is for a mailbox");
  return store.holds(mailbox, epoch) ? null : problem(410, "no such mailbox here");
}

async function takeMessage({ store }: HandoffDeps, manifest: Manifest, bytes: Uint8Array): Promise<Answer> {
  return answerTo(await store.acceptSealed({ ...arrivalOf(manifest), bytes }));
}

async function streamMessage(
  { store }: HandoffDeps,
  manifest: Manifest,
  pieces: AsyncIterable<Uint8Array>,
): Promise<Answer> {
  return answerTo(await store.acceptStream({ ...arrivalOf(manifest), size: manifest.size, pieces }));
}

function arrivalOf({ mailbox = "", epoch = 0, id }: Manifest): Arrival {
  return { mailbox, epoch, id };
}

function answerTo(accepted: Acceptance): Answer {
  switch (accepted) {
    case "gone":
      return problem(410, "no such mailbox here");
    case "full":
      return problem(507, "the mailbox is full");
    case "later":
      return problem(503, "the mailbox is not known so yet");
    default:
      return json({ status: accepted });
  }
}

async function takeMailbox({ store }: HandoffDeps, _: Manifest, body: Uint8Array): Promise<Answer> {
  const update = parseUpdate(body);
  if (update === null) return problem(400, "not a mailbox record");
  const applied = await store.applyMailbox(update);
  return applied === null ? problem(410, "the mailbox has moved to another node") : json({ applied });
}

/** Sent by the node that the mailbox moves to, signed by the edge for this one. */
async function letGo({ store }: HandoffDeps, { mailbox, epoch, id }: Manifest): Promise<Answer | Streamed> {
  if (mailbox === undefined || epoch === undefined) return problem(400, "a move is of a mailbox");
  const left = await store.moves.leave({ mailbox, epoch, move: id });
  if (left.ok) return { status: 200, stream: left.stream };
  return left.why === "gone" ? problem(410, "no such mailbox here") : problem(503, "the mailbox is not known so");
}

async function beatNow({ onBeat }: HandoffDeps): Promise<Answer> {
  onBeat?.();
  return json({});
}

function parseUpdate(body: Uint8Array): MailboxRecord | null {
  try {
    const parsed = mailboxUpdateSchema.safeParse(JSON.parse(utf8Decode(body)));
    return parsed.success ? parsed.data.mailbox : null;
  } catch {
    return null;
  }
}

async function takeRelay({ onRelay }: HandoffDeps, manifest: Manifest, body: Uint8Array): Promise<Answer> {
  await onRelay(manifest, body);
  return json({ status: "stored" });
}

// What a refused caller still sends is read away, so that it sees the answer; a long body is cut instead.
function discard(request: IncomingMessage): void {
  if (request.complete || request.destroyed) return;
  let left = 1024 * 1024;
  request.on("data", (chunk: Uint8Array) => {
    left -= chunk.length;
    if (left < 0) request.destroy();
  });
  request.on("error", () => undefined);
  request.resume();
}
