/**
 * Body canonicalisation, RFC 6376 §3.4.3 and §3.4.4, at about the price of hashing the body: what needs no change is handed
 * on as views of the message, and one pass serves every signature that shares a canonicalisation.
 *
 * CRLF ends a line. Where a body has bare LFs, `lf` makes them line ends too, hashed as CRLF, as relays that mend them do.
 */
import { isLineEnd, lastContent, Relaxed, type Sink } from "./relaxed.ts";

export type Canon = "simple" | "relaxed";

const CR = 13;
const LF = 10;
const SP = 32;
const TAB = 9;
const crlf = Uint8Array.of(CR, LF);

/** Feeds the canonical form of `body` to `sink`, in order. A chunk is valid only during the call. */
export function canonicalBody(canon: Canon, body: Uint8Array, lf: boolean, sink: Sink): void {
  const end = lastContent(body, canon === "relaxed", lf);
  if (lf) mended(body.subarray(0, end), canon === "relaxed", sink);
  else if (canon === "relaxed") new Relaxed(body.subarray(0, end), sink).run();
  else if (end > 0) sink(body.subarray(0, end));
  // §3.4.4: an empty body stays empty; §3.4.3: in simple it is one CRLF.
  if (end > 0 || canon === "simple") sink(crlf);
}

/** True when some LF has no CR before it. */
export function hasBareLf(body: Uint8Array): boolean {
  for (let at = body.indexOf(LF); at >= 0; at = body.indexOf(LF, at + 1)) if (body[at - 1] !== CR) return true;
  return false;
}

const bufferBytes = 16 * 1024;

/** Byte by byte, for the rare body with bare LFs. */
function mended(body: Uint8Array, relaxed: boolean, sink: Sink): void {
  const out = new Uint8Array(bufferBytes);
  let used = 0;
  for (let at = 0; at < body.length; ) {
    const byte = body[at] ?? 0;
    if (used > bufferBytes - 4) {
      sink(out.subarray(0, used));
      used = 0;
    }
    if (isLineEnd(body, at, true)) {
      out[used++] = CR;
      out[used++] = LF;
      at += byte === CR ? 2 : 1;
    } else if (relaxed && (byte === SP || byte === TAB)) {
      while (body[at] === SP || body[at] === TAB) at++;
      if (!isLineEnd(body, at, true)) out[used++] = SP;
    } else {
      out[used++] = byte;
      at++;
    }
  }
  if (used > 0) sink(out.subarray(0, used));
}
