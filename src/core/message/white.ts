/**
 * White space by loops. A regular expression like `/[ \t]+$/` takes quadratic time on a long run that is not at the end, and
 * a megabyte of spaces in a Subject costs its sender nothing.
 */
const isWhite = (code: number) => code === 32 || code === 9 || code === 13 || code === 10;

/** SP, TAB, CR and LF off both ends; nothing else, unlike `String.prototype.trim`. */
export function trimWhite(text: string): string {
  let start = 0;
  while (start < text.length && isWhite(text.charCodeAt(start))) start++;
  return text.slice(start, start + trimEnd(text.slice(start)).length);
}

export function trimEnd(text: string): string {
  let end = text.length;
  while (end > 0 && isWhite(text.charCodeAt(end - 1))) end--;
  return text.slice(0, end);
}
