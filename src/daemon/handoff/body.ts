/**
 * Reading a signed call's body: bounded by its manifest, hashed as it comes, never believed before the hash is right. A message is
 * given on in pieces while it comes; what all calls together hold in memory is bounded too.
 */
import { createHash } from "node:crypto";
import type { IncomingMessage } from "node:http";
import type { Manifest } from "../../core/contract/call.ts";

const mostInFlight = 192 * 1024 * 1024;
let inFlight = 0;

export type Read = { ok: true; bytes: Uint8Array<ArrayBuffer> } | { ok: false; why: "mismatch" | "busy" | "cut" };

export async function readBody(request: IncomingMessage, manifest: Manifest): Promise<Read> {
  const { size } = manifest;
  if (inFlight + size > mostInFlight) return { ok: false, why: "busy" };
  inFlight += size;
  try {
    return await readInto(new Uint8Array(size), request, manifest);
  } finally {
    inFlight -= size;
  }
}

/** Whoever took pieces of it has to forget them. */
export class Unreadable extends Error {
  readonly why: "mismatch" | "busy" | "cut";

  constructor(why: Unreadable["why"]) {
    super("the body can't be read, or is not what was signed");
    this.why = why;
  }
}

const pieceBytes = 1024 * 1024;

/** Pieces of a megabyte, to be taken one at a time; the last comes only if all together are what was signed, else `Unreadable`. */
export async function* readPieces(request: IncomingMessage, manifest: Manifest): AsyncGenerator<Uint8Array> {
  // One is being filled, one is on its way to the disk.
  const held = 2 * pieceBytes;
  if (inFlight + held > mostInFlight) throw new Unreadable("busy");
  inFlight += held;
  try {
    yield* cutInPieces(request, manifest);
  } finally {
    inFlight -= held;
  }
}

async function* cutInPieces(request: IncomingMessage, { size, sha256 }: Manifest): AsyncGenerator<Uint8Array> {
  const hash = createHash("sha256");
  let [left, filled] = [size, 0];
  let piece = new Uint8Array(Math.min(pieceBytes, left));
  for await (const chunk of untilCut(request)) {
    if (chunk.length > left) throw new Unreadable("mismatch");
    hash.update(chunk);
    for (let at = 0; at < chunk.length; ) {
      if (filled === piece.length) {
        yield piece;
        [piece, filled] = [new Uint8Array(Math.min(pieceBytes, left)), 0];
      }
      const taken = chunk.subarray(at, at + piece.length - filled);
      piece.set(taken, filled);
      at += taken.length;
      filled += taken.length;
      left -= taken.length;
    }
  }
  if (left > 0 || hash.digest("hex") !== sha256) throw new Unreadable("mismatch");
  yield piece;
}

async function* untilCut(request: IncomingMessage): AsyncGenerator<Uint8Array> {
  try {
    // Whoever stops reading still has an answer to give.
    yield* request.iterator({ destroyOnReturn: false }) as AsyncIterable<Uint8Array>;
  } catch {
    throw new Unreadable("cut");
  }
}

async function readInto(bytes: Uint8Array<ArrayBuffer>, request: IncomingMessage, manifest: Manifest): Promise<Read> {
  const hash = createHash("sha256");
  let at = 0;
  try {
    for await (const chunk of request as AsyncIterable<Uint8Array>) {
      if (at + chunk.length > bytes.length) return { ok: false, why: "mismatch" };
      bytes.set(chunk, at);
      hash.update(chunk);
      at += chunk.length;
    }
  } catch {
    return { ok: false, why: "cut" };
  }
  const whole = at === bytes.length && hash.digest("hex") === manifest.sha256;
  return whole ? { ok: true, bytes } : { ok: false, why: "mismatch" };
}
