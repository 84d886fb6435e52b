/**
 * Bytes of any charset to text. Node carries full ICU, so WHATWG's names and legacy encodings are all there; the names that
 * mail uses beside them are mapped. Unknown charsets and undeclared 8-bit text are tried as UTF-8, then read as windows-1252.
 */
import { TextDecoder } from "node:util";

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
  ["us-ascii", "utf-8"],
  ["ascii", "utf-8"],
  ["utf8mb4", "utf-8"],
]);
const strict = new TextDecoder("utf-8", { fatal: true });
const western = new TextDecoder("windows-1252");
const decoders = new Map<string, TextDecoder | null>();

export function decodeCharset(bytes: Uint8Array, charset: string): string {
  const name = charset.trim().toLowerCase().replace(/^"|"$/g, "");
  const known = aliases.get(name) ?? name;
  if (known === "utf-7") return decodeUtf7(bytes);
  if (known === "utf-8") return decodeUnknown(bytes);
  return decoderOf(known)?.decode(bytes) ?? decodeUnknown(bytes);
}

/** UTF-8 where it is, else windows-1252. */
export function decodeUnknown(bytes: Uint8Array): string {
  try {
    return strict.decode(bytes);
  } catch {
    return western.decode(bytes);
  }
}

function decoderOf(name: string): TextDecoder | null {
  const had = decoders.get(name);
  if (had !== undefined) return had;
  let decoder: TextDecoder | null = null;
  try {
    decoder = new TextDecoder(name);
  } catch {
    // not a name that ICU knows
  }
  // A sender chooses the name: don't let it grow this map for ever.
  if (decoders.size < 200) decoders.set(name, decoder);
  return decoder;
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
