/**
 * Strings as the server writes them. A piece of a response is a latin-1 string, one character a byte, as `Channel` sends it; so UTF-8
 * text is spelled out byte by byte first. RFC 9051 §4.3, §9.
 */
/** UTF-8 text → one character a byte. */
export function wireText(text: string): string {
  return isAscii(text) ? text : Buffer.from(text, "utf8").toString("latin1");
}

export function isAscii(text: string): boolean {
  return /^[\x00-\x7f]*$/.test(text);
}

/** quoted where it may be (printable ASCII, or UTF-8 when the client enabled it), else a literal. */
export function writeString(text: string, utf8: boolean): string {
  if (!/[\x00\r\n]/.test(text) && text.length < 4096 && (utf8 || isAscii(text))) return quoted(wireText(text));
  const bytes = wireText(text);
  return `{${bytes.length}}\r\n${bytes}`;
}

/** Bytes as a quoted string or a literal. */
export function writeBytes(bytes: Uint8Array): string {
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString("latin1");
  return /^[\x20-\x7e]{0,1024}$/.test(text) ? quoted(text) : `{${bytes.length}}\r\n${text}`;
}

export function quoted(text: string): string {
  return `"${text.replace(/["\\]/g, "\\$&")}"`;
}

/** An astring: bare when it is an atom. */
export function writeAstring(text: string): string {
  return /^[A-Za-z0-9_.:/@+$&=-]+$/.test(text) ? text : writeString(text, false);
}

/** Human-readable text of a response: one line of printable ASCII. */
export function plain(text: string): string {
  return text.replace(/[^\x20-\x7e]/g, "?");
}
