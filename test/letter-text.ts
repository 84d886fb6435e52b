/** The text of a letter of ours, in whichever of its two encodings. */
export function letterText(raw: string): string {
  const end = raw.indexOf("\r\n\r\n");
  const body = raw.slice(end + 4);
  const isBase64 = /^Content-Transfer-Encoding: base64\r?$/im.test(raw.slice(0, end));
  return isBase64 ? Buffer.from(body, "base64").toString() : body;
}
