/**
 * How texts are compared in SEARCH: without regard to case, accents and compatibility forms (close to RFC 5051), nor to what is not
 * seen. Accents are those of Latin, Greek and Cyrillic letters, and the points of Hebrew and Arabic; other marks make other letters
 * (が is not か, हि is not ह), and syllables of Hangul stay whole (가 is not in 각).
 */
export function fold(text: string): string {
  if (/^[\x00-\x7f]*$/.test(text)) return text.toLowerCase();
  return text.toLowerCase().normalize("NFKD").replace(accents, "").normalize("NFC").toLowerCase();
}

/** Code points: accents of Latin, Greek and Cyrillic; points of Hebrew; of Arabic; what is not seen (hyphens, joiners, directions, variants). */
const dropped = [
  "300-36f 483-487 1ab0-1aff 1dc0-1dff 20d0-20f0 fe20-fe2f",
  "591-5bd 5bf-5bf 5c1-5c2 5c4-5c5 5c7-5c7",
  "610-61a 64b-65f 670-670 6d6-6dc 6df-6e4 6e7-6e8 6ea-6ed",
  "ad-ad 61c-61c 200b-200f 2060-2064 fe00-fe0f feff-feff",
].join(" ");
const accents = new RegExp(`[${dropped.replace(/[0-9a-f]+/g, "\\u{$&}").replaceAll(" ", "")}]+`, "gu");

/** White space counts as one space: a phrase is found across a line end. */
export function foldText(text: string): string {
  return fold(text).replace(/\s+/g, " ");
}
