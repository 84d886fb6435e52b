/**
 * Bytes of any charset to text. Node carries full ICU, so WHATWG's names and legacy encodings are all there; the names that
 * mail uses beside them are mapped, and iconv-lite knows those of DOS, old Macs and UTF-32. Unknown charsets and undeclared 8-bit
 * text are tried as UTF-8, then read as windows-1252.
 */
import { TextDecoder } from "node:util";
import iconv from "iconv-lite";
import { decodeHz, decodeIso2022Kr } from "./shifted.ts";

const aliases = new Map([
  ["utf7", "utf-7"],
  ["unicode-1-1-utf-7", "utf-7"],
  ["cp1252", "windows-1252"],
  ["ansi_x3.4-1968", "us-ascii"],
  ["iso-2022-jp-1", "iso-2022-jp"],
  ["iso-2022-jp-2", "iso-2022-jp"],
  ["iso-2022-jp-ms", "iso-2022-jp"],
  ["cp932", "shift_jis"],
  ["cp936", "gbk"],
  ["cp949", "euc-kr"],
  ["cp950", "big5"],
  ["ks_c_5601-1987", "euc-kr"],
  ["gb2312", "gbk"],
  ["x-gbk", "gbk"],
  ["x-user-defined", "windows-1252"],
  ["8bit", "utf-8"],
  ["unknown", "utf-8"],
  ["unknown-8bit", "utf-8"],
  ["x-unknown", "utf-8"],
  ["default", "utf-8"],
  ["hz", "hz-gb-2312"],
  ["csiso2022kr", "iso-2022-kr"],
  ["eucjp-ms", "euc-jp"],
  ["uhc", "euc-kr"],
  ["us-ascii", "utf-8"],
  ["ascii", "utf-8"],
  ["utf8mb4", "utf-8"],
]);
const strict = new TextDecoder("utf-8", { fatal: true });
const western = new TextDecoder("windows-1252");
type Decode = (bytes: Uint8Array) => string;
const decoders = new Map<string, Decode | null>([
  ["utf-7", decodeUtf7],
  ["utf-8", decodeUnknown],
  ["utf-16", decodeUtf16],
  ["iso-2022-kr", decodeIso2022Kr],
  ["hz-gb-2312", decodeHz],
  // To iconv-lite these are charsets.
  ["base64", null],
  ["hex", null],
]);

export function decodeCharset(bytes: Uint8Array, charset: string): string {
  const name = charset.trim().toLowerCase().replace(/^"|"$/g, "");
  const known = aliases.get(name) ?? name;
  return decoderOf(known)?.(bytes) ?? decodeUnknown(bytes);
}

/** UTF-8 where it is, else windows-1252. */
export function decodeUnknown(bytes: Uint8Array): string {
  try {
    return strict.decode(bytes);
  } catch {
    return western.decode(bytes);
  }
}

function decoderOf(name: string): Decode | null {
  const had = decoders.get(name);
  if (had !== undefined) return had;
  const decode = fromIcu(name) ?? fromIconv(name);
  // A sender chooses the name: don't let it grow this map for ever.
  if (decoders.size < 200) decoders.set(name, decode);
  return decode;
}

function fromIcu(name: string): Decode | null {
  try {
    const decoder = new TextDecoder(name);
    return (bytes) => decoder.decode(bytes);
  } catch {
    return null; // not a name that ICU knows
  }
}

function fromIconv(name: string): Decode | null {
  if (!iconv.encodingExists(name)) return null;
  return (bytes) => iconv.decode(bytes, name);
}

// RFC 2781 §4.3: its first character says which end comes first.
function decodeUtf16(bytes: Uint8Array): string {
  const big = bytes[0] === 0xfe && bytes[1] === 0xff;
  return new TextDecoder(big ? "utf-16be" : "utf-16le").decode(bytes);
}

// RFC 2152. Not in ICU's WHATWG set, still met in old mail.
function decodeUtf7(bytes: Uint8Array): string {
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("latin1");
  return text.replace(/\+([A-Za-z0-9+/]*)-?/g, (_, code: string) => {
    if (code === "") return "+";
    const units = Buffer.from(code, "base64");
    return units
      .subarray(0, units.length & ~1)
      .swap16()
      .toString("utf16le");
  });
}
