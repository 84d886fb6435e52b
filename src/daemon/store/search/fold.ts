/** How texts are compared in SEARCH: without regard to case, accents and compatibility forms (close to RFC 5051). */
export function fold(text: string): string {
  if (/^[\x00-\x7f]*$/.test(text)) return text.toLowerCase();
  return text
    .toLowerCase()
    .normalize("NFKD")
    .replace(/\p{M}+/gu, "")
    .toLowerCase();
}

/** White space counts as one space: a phrase is found across a line end. */
export function foldText(text: string): string {
  return fold(text).replace(/\s+/g, " ");
}
