/**
 * Secrets as people read them: Crockford's base32 in lower case (no i, l, o, u). Reading works on bytes, since a secret that
 * once was a string can't be wiped, and forgives case, white space, dashes, and o, i, l for 0 and 1.
 */
const alphabet = "0123456789abcdefghjkmnpqrstvwxyz";
const values = new Int8Array(128).fill(-1);
for (let i = 0; i < 32; i++) {
  values[alphabet.charCodeAt(i)] = i;
  values[alphabet.charAt(i).toUpperCase().charCodeAt(0)] = i;
}
for (const [letter, value] of [
  ["o", 0],
  ["O", 0],
  ["i", 1],
  ["I", 1],
  ["l", 1],
  ["L", 1],
] as const) {
  values[letter.charCodeAt(0)] = value;
}

/** Five bits a character, high bits first; the last character is filled with zero bits. */
export function base32(bytes: Uint8Array): string {
  let text = "";
  let held = 0;
  let bits = 0;
  for (const byte of bytes) {
    held = (held << 8) | byte;
    for (bits += 8; bits >= 5; bits -= 5) text += alphabet.charAt((held >> (bits - 5)) & 31);
    held &= 31;
  }
  return bits > 0 ? text + alphabet.charAt((held << (5 - bits)) & 31) : text;
}

/** The values (0 to 31) of a text's characters, separators skipped; null on any other character or more than `most`. */
export function quintets(text: Uint8Array, most: number): Uint8Array | null {
  const found = new Uint8Array(most);
  let count = 0;
  for (const byte of text) {
    if (byte === 0x2d || byte === 0x20) continue;
    const value = values[byte] ?? -1;
    if (value < 0 || count === most) return null;
    found[count++] = value;
  }
  return found.subarray(0, count);
}

/** Whole bytes of `quintets`; null where the filling bits are not zero. */
export function fromQuintets(quintets: Uint8Array): Uint8Array<ArrayBuffer> | null {
  // A buffer of its own: V8 keeps small arrays in its heap, and leaves a copy there when they are sent to another thread.
  const bytes = new Uint8Array(new ArrayBuffer(Math.floor((quintets.length * 5) / 8)));
  let held = 0;
  let bits = 0;
  let at = 0;
  for (const value of quintets) {
    held = ((held << 5) | value) & 0xfff;
    bits += 5;
    if (bits >= 8) {
      bits -= 8;
      bytes[at++] = (held >> bits) & 0xff;
    }
  }
  return (held & ((1 << bits) - 1)) === 0 ? bytes : null;
}

/** `quintets` as text again (selectors). */
export function spell(quintets: Uint8Array): string {
  let text = "";
  for (const value of quintets) text += alphabet.charAt(value);
  return text;
}

export function grouped(text: string, size: number): string {
  return text.match(new RegExp(`.{1,${size}}`, "g"))?.join("-") ?? "";
}
