/** A JSON head and raw bytes in one body: `u32be length ‖ JSON ‖ bytes`. Used inside ingest calls and sealed relay jobs. */
import { concat, readU32be, u32be, utf8, utf8Decode } from "../bytes.ts";
import { limits } from "../limits.ts";

export function frame(head: unknown, bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  const json = utf8(JSON.stringify(head));
  return concat(u32be(json.length), json, bytes);
}

/** Throws `RangeError` on a frame that is cut or over-long, `SyntaxError` on a head that is not JSON. The bytes are a view, not a copy. */
export function unframe(body: Uint8Array): { head: unknown; bytes: Uint8Array } {
  if (body.length < 4) throw new RangeError("frame is cut");
  const length = readU32be(body, 0);
  if (length > limits.callBytes || 4 + length > body.length) throw new RangeError("frame is cut");
  const head: unknown = JSON.parse(utf8Decode(body.subarray(4, 4 + length)));
  return { head, bytes: body.subarray(4 + length) };
}
