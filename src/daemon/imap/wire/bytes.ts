/** Character classes of RFC 9051 §9, one table look-up each. */
const ATOM = 1;
const ASTRING = 2;
const LIST = 4;
const TAG = 8;

const classes = new Uint8Array(256);
for (let c = 0x21; c < 0x7f; c++) {
  const char = String.fromCharCode(c);
  // atom-specials = "(" / ")" / "{" / SP / CTL / list-wildcards / quoted-specials / resp-specials
  const isAtom = !'(){%*"\\]'.includes(char);
  classes[c] =
    (isAtom ? ATOM : 0) |
    (isAtom || char === "]" ? ASTRING : 0) |
    (isAtom || "]%*".includes(char) ? LIST : 0) |
    ((isAtom || char === "]") && char !== "+" ? TAG : 0);
}
// Clients that never enabled UTF-8 still send raw 8-bit names; inside an atom they can mean nothing else.
for (let c = 0x80; c < 0x100; c++) classes[c] = ASTRING | LIST;

const has = (kind: number) => (byte: number) => ((classes[byte] ?? 0) & kind) !== 0;
export const isAtomChar = has(ATOM);
export const isAstringChar = has(ASTRING);
export const isListChar = has(LIST);
export const isTagChar = has(TAG);

export const isDigit = (byte: number): boolean => byte >= 0x30 && byte <= 0x39;
