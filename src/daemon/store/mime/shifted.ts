/** Charsets of seven bits that switch between ASCII and a set of two bytes a character by marks in the text. */
import { TextDecoder } from "node:util";

const korean = new TextDecoder("euc-kr");
const chinese = new TextDecoder("gbk");
const [shiftOut, shiftIn, newline, tilde] = [0x0e, 0x0f, 0x0a, 0x7e];

/** ISO-2022-KR, RFC 1557: its header names the set, SO and SI switch; a line begins in ASCII. */
export function decodeIso2022Kr(bytes: Uint8Array): string {
  const out: number[] = [];
  let wide = false;
  for (let at = 0; at < bytes.length; at++) {
    const byte = bytes[at] ?? 0;
    if (byte === 0x1b && bytes[at + 1] === 0x24 && bytes[at + 2] === 0x29) at += 3;
    else if (byte === shiftOut) wide = true;
    else if (byte === shiftIn) wide = false;
    else {
      if (byte === newline) wide = false;
      out.push(wide && byte > 0x20 ? byte | 0x80 : byte);
    }
  }
  return korean.decode(Uint8Array.from(out));
}

/** HZ, RFC 1843: "~{" and "~}" switch, "~~" is a tilde, "~" at a line's end joins it to the next; a line begins in ASCII. */
export function decodeHz(bytes: Uint8Array): string {
  const out: number[] = [];
  let wide = false;
  for (let at = 0; at < bytes.length; at++) {
    const byte = bytes[at] ?? 0;
    if (byte === tilde && (!wide || bytes[at + 1] === 0x7d)) {
      const mark = bytes[++at];
      if (mark === 0x7b) wide = true;
      else if (mark === 0x7d) wide = false;
      else if (mark === tilde) out.push(tilde);
      else if (mark !== newline) out.push(tilde, ...(mark === undefined ? [] : [mark]));
    } else {
      if (byte === newline) wide = false;
      out.push(wide && byte > 0x20 ? byte | 0x80 : byte);
    }
  }
  return chinese.decode(Uint8Array.from(out));
}
