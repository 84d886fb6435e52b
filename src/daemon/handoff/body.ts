/**
 * Reading a signed call's body: bounded by its manifest, hashed as it comes, never believed before the hash is right. What all calls
 * together hold in memory is bounded too.
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
