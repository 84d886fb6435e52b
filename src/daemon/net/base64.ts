/** base64 from bytes to bytes: a password on its way through SASL never becomes a string. RFC 4648 §4, strict but for missing padding. */
const values = new Int16Array(256).fill(-1);
for (const [i, char] of [..."ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"].entries()) {
  values[char.charCodeAt(0)] = i;
}

/** null where the bytes are not base64. */
export function decodeBase64(text: Uint8Array): Buffer | null {
  let length = text.length;
  while (length > 0 && length > text.length - 2 && text[length - 1] === 0x3d) length--;
  const bytes = Buffer.alloc(Math.floor((length * 3) / 4));
  let held = 0;
  let bits = 0;
  let at = 0;
  for (let i = 0; i < length; i++) {
    const value = values[text[i] ?? 0] ?? -1;
    if (value < 0) return null;
    held = ((held << 6) | value) & 0xffff;
    bits += 6;
    if (bits >= 8) {
      bits -= 8;
      bytes[at++] = (held >> bits) & 0xff;
    }
  }
  return length % 4 === 1 ? null : bytes;
}
