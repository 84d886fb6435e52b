/** Content transfer encodings: RFC 2045 §6. Lenient, as mail needs: what can't be read is left out. */

/** Decoded bytes; null when the encoding is not known. */
export function decodeTransfer(bytes: Uint8Array, encoding: string): Uint8Array | null {
  const view = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  switch (encoding) {
    case "7bit":
    case "8bit":
    case "binary":
      return bytes;
    case "base64":
      return Buffer.from(view.toString("latin1"), "base64");
    case "quoted-printable":
      return decodeQuotedPrintable(view);
    default:
      return null;
  }
}

function decodeQuotedPrintable(bytes: Buffer): Uint8Array {
  const out = Buffer.alloc(bytes.length);
  let length = 0;
  for (let at = 0; at < bytes.length; at++) {
    const byte = bytes[at] ?? 0;
    if (byte !== 0x3d) {
      out[length++] = byte;
      continue;
    }
    const soft = softBreak(bytes, at + 1);
    if (soft > 0) {
      at += soft;
      continue;
    }
    const code = Number.parseInt(bytes.toString("latin1", at + 1, at + 3), 16);
    if (Number.isNaN(code) || !isHex(bytes[at + 1]) || !isHex(bytes[at + 2])) {
      out[length++] = byte;
      continue;
    }
    out[length++] = code;
    at += 2;
  }
  return out.subarray(0, length);
}

// Length of "white space, line end" after a "=", or 0.
function softBreak(bytes: Buffer, from: number): number {
  let at = from;
  while (bytes[at] === 0x20 || bytes[at] === 0x09) at++;
  if (bytes[at] === 0x0d && bytes[at + 1] === 0x0a) return at + 2 - from;
  if (bytes[at] === 0x0a) return at + 1 - from;
  return at >= bytes.length ? at - from : 0;
}

function isHex(byte: number | undefined): boolean {
  if (byte === undefined) return false;
  return (byte >= 0x30 && byte <= 0x39) || (byte >= 0x41 && byte <= 0x46) || (byte >= 0x61 && byte <= 0x66);
}
