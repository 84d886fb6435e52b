/** IMAP's strings, rendered once at filing: RFC 9051 §4.3. Text is one character per byte; the result too. */

/** NIL, a quoted string, or a literal where bytes above 127 or line ends make quoting impossible. NUL is dropped: no IMAP string may hold one. */
export function nstring(text: string | null): string {
  return text === null ? "NIL" : string(text);
}

export function string(text: string): string {
  if (/^[\x20-\x7e\t]*$/.test(text) && text.length < 4096) return `"${text.replace(/["\\]/g, "\\$&")}"`;
  const bytes = text.replaceAll("\0", "");
  return `{${bytes.length}}\r\n${bytes}`;
}
