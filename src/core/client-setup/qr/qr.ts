/** A text as a QR code (ISO/IEC 18004), byte mode, error correction level M: the modules, or a drawing of them. */
import { utf8 } from "../../bytes.ts";
import { escapeXml } from "../xml.ts";
import { codewordsOf } from "./codewords.ts";
import { maskBest } from "./mask.ts";
import { type Matrix, patterns, place } from "./matrix.ts";
import { versionFor } from "./tables.ts";

/** Null when the text is longer than 412 bytes of UTF-8. */
export function qrCode(text: string): Matrix | null {
  const bytes = utf8(text);
  const version = versionFor(bytes.length);
  if (version === null) return null;
  const matrix = patterns(version);
  place(matrix, codewordsOf(bytes, version));
  return maskBest(matrix);
}

/** Four modules of light border are part of the symbol (§9.1). */
const quiet = 4;

/** Black on white whatever the page's colours are: many readers can't read the inverse. `label` is for those who can't see it. */
export function qrSvg(matrix: Matrix, label: string): string {
  const side = matrix.size + 2 * quiet;
  return (
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${side} ${side}" shape-rendering="crispEdges" role="img">` +
    `<title>${escapeXml(label)}</title><path fill="#fff" d="M0 0h${side}v${side}h-${side}z"/>` +
    `<path d="${path(matrix)}"/></svg>`
  );
}

/** One rectangle for each run of dark modules in a row. */
function path(matrix: Matrix): string {
  const parts: string[] = [];
  for (let y = 0; y < matrix.size; y++) {
    for (let x = 0; x < matrix.size; x++) {
      const from = x;
      while (x < matrix.size && matrix.dark(x, y)) x++;
      if (x > from) parts.push(`M${from + quiet} ${y + quiet}h${x - from}v1h-${x - from}z`);
    }
  }
  return parts.join("");
}
