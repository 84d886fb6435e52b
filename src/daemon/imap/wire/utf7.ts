/**
 * Modified UTF-7 of mailbox names (RFC 3501 §5.1.3; RFC 9051 appendix A for rev1 clients). Decoding is forgiving: a name that
 * is not valid stands for itself, so that it can still be deleted.
 */
export function encodeUtf7(name: string): string {
  return name.replace(/&|[^\x20-\x7e]+/g, (run) =>
    run === "&" ? "&-" : `&${utf16(run).toString("base64").replace(/=+$/, "").replaceAll("/", ",")}-`,
  );
}

export function decodeUtf7(text: string): string {
  return text.replace(/&([A-Za-z0-9+,]*)-/g, (whole, base64: string) => {
    if (base64 === "") return "&";
    const bytes = Buffer.from(base64.replaceAll(",", "/"), "base64");
    const text = bytes.length % 2 === 0 ? bytes.swap16().toString("utf16le") : "";
    // Two spellings of one name would be two names to a client: only the one that we would write is decoded.
    return encodeUtf7(text) === whole ? text : whole;
  });
}

function utf16(text: string): Buffer {
  return Buffer.from(text, "utf16le").swap16();
}
