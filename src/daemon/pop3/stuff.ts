/** Dot-stuffing of a multi-line reply: a line that begins with "." gets one more, and the last line ends with CRLF. RFC 1939 §3. */
const LF = 10;
const DOT = 46;

export function stuffed(message: Uint8Array): Buffer {
  const bytes = Buffer.from(message.buffer, message.byteOffset, message.length);
  const dots = dottedLines(bytes);
  const tail = bytes.length === 0 || bytes[bytes.length - 1] === LF ? "" : "\r\n";
  if (dots.length === 0 && tail === "") return bytes;
  const whole = Buffer.allocUnsafe(bytes.length + dots.length + tail.length);
  let at = 0;
  let from = 0;
  for (const dot of dots) {
    at += bytes.copy(whole, at, from, dot);
    whole[at++] = DOT;
    from = dot;
  }
  at += bytes.copy(whole, at, from);
  whole.write(tail, at, "latin1");
  return whole;
}

function dottedLines(bytes: Buffer): number[] {
  const found: number[] = bytes[0] === DOT ? [0] : [];
  for (let at = bytes.indexOf("\n."); at >= 0; at = bytes.indexOf("\n.", at + 2)) found.push(at + 1);
  return found;
}
