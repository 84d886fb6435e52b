/**
 * Folder names between wire and port. Before UTF-8 is switched on they are modified UTF-7 (RFC 9051 appendix A.1), then
 * plain UTF-8; inside they are NFC text with `/` between levels, and INBOX in any spelling is INBOX.
 */
import { Bad, No } from "./answers.ts";
import type { Modes } from "./modes.ts";
import type { Decoder } from "./wire/decoder.ts";
import { isAscii, quoted, wireText, writeAstring } from "./wire/text.ts";
import { decodeUtf7, encodeUtf7 } from "./wire/utf7.ts";

export const DELIMITER = "/";
const MOST_BYTES = 1000;
const MOST_LEVELS = 30;

export function readMailbox(d: Decoder, modes: Modes): string {
  return decodeName(d.astring(), modes);
}

/** A name as it counts, and as it was asked for. */
export type Named = { name: string; asked: string };

export function readNamed(d: Decoder, modes: Modes): Named {
  const text = d.astring();
  return { name: decodeName(text, modes), asked: spelled(text, modes) };
}

/** RFC 9051 §6.3.9.7: rev2 clients are told when a name is another than they spelled. With the space before it, or nothing. */
export function oldName({ name, asked }: Named, modes: Modes): string {
  return modes.rev2 && asked !== name ? ` ("OLDNAME" (${writeMailbox(asked, modes)}))` : "";
}

export function decodeName(text: string, modes: Modes): string {
  return canonical(spelled(text, modes).normalize("NFC"));
}

function spelled(text: string, modes: Modes): string {
  // Some clients send raw UTF-8 without asking; such a name cannot be modified UTF-7.
  return modes.rev2 || modes.utf8 || !isAscii(text) ? text : decodeUtf7(text);
}

function canonical(name: string): string {
  const [top = "", ...rest] = name.split(DELIMITER);
  return top.toUpperCase() === "INBOX" ? ["INBOX", ...rest].join(DELIMITER) : name;
}

export function writeMailbox(name: string, modes: Modes): string {
  if (modes.rev2 || modes.utf8) return isAscii(name) ? writeAstring(name) : quoted(wireText(name));
  return writeAstring(encodeUtf7(name));
}

/** RFC 9051 §6.3.4: a trailing delimiter only announces that names will follow below. */
export function withoutTail(name: string): string {
  return name.endsWith(DELIMITER) ? name.slice(0, -1) : name;
}

export function mayBeNamed(name: string): boolean {
  try {
    return newName(name) !== "";
  } catch {
    return false;
  }
}

/** A name that may be made. RFC 9051 §5.1: no control characters; wildcards would make LIST ambiguous. */
export function newName(name: string): string {
  const trimmed = withoutTail(name);
  const levels = trimmed.split(DELIMITER);
  if (levels.length > MOST_LEVELS || Buffer.byteLength(trimmed) > MOST_BYTES) throw new No("CANNOT", "Name too long");
  if (levels.some((level) => level === "")) throw new No("CANNOT", "Empty level in the name");
  if (/[\x00-\x1f\x7f-\x9f\u2028\u2029%*]/.test(trimmed)) throw new No("CANNOT", "Character not allowed in a name");
  if (/[\ud800-\udfff]/u.test(trimmed) || trimmed.includes("\ufffd")) throw new Bad("Name is not valid UTF-8");
  return trimmed;
}
