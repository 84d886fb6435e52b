/**
 * A rule record's value as items, in the syntax of Forward Email's TXT records: `dest`, `alias:dest`, `/regex/flags:dest`,
 * each with up to three `!` before it, with commas between. Positions are kept, meaning is `read.ts`. Linear, never throws.
 */
export type Item = {
  /** Characters before it in the record. */
  offset: number;
  text: string;
  /** `!` in front: 1 drops (250), 2 defers (421), 3 refuses (550); more mean nothing. */
  bangs: number;
  /** Local part or slashed regular expression; null for the catch-all. */
  alias: string | null;
  destination: string | null;
};

export function* scanItems(value: string, from: number): Generator<Item> {
  for (let at = from; at < value.length; ) {
    if (/[,\s]/.test(value.charAt(at))) at++;
    else {
      const item = itemAt(value, at);
      yield item;
      at += Math.max(1, item.text.length);
    }
  }
}

function itemAt(value: string, offset: number): Item {
  let at = offset;
  while (value[at] === "!") at++;
  const bangs = at - offset;
  const regexEnd = value[at] === "/" ? endOfRegex(value, at) : null;
  const end = upTo(",", value, regexEnd ?? at);
  const text = value.slice(offset, end);
  const head = regexEnd === null ? null : value.slice(at, regexEnd);
  const rest = value.slice(regexEnd ?? at, end).trim();
  return {
    offset,
    text,
    bangs,
    ...(head === null ? split(rest, bangs) : { alias: head, destination: afterColon(rest) }),
  };
}

/**
 * Where `/…/flags` ends: the first slash, not escaped and not in a character class, behind which come letters and then a
 * colon, a comma or the end. Slashes before it belong to the pattern, as commas and colons do.
 */
function endOfRegex(value: string, start: number): number | null {
  let inClass = false;
  for (let at = start + 1; at < value.length; at++) {
    const char = value.charAt(at);
    if (char === "\\") at++;
    else if (char === "[") inClass = true;
    else if (char === "]") inClass = false;
    else if (char === "/" && !inClass) {
      const end = endOfFlags(value, at + 1);
      if (end !== null) return end;
    }
  }
  return null;
}

// At most eight letters are looked at, so that `/////aaaa…` stays linear.
function endOfFlags(value: string, at: number): number | null {
  const flags = /^[a-z]{0,8}(?=\s*(?:[:,]|$))/.exec(value.slice(at, at + 12));
  return flags === null ? null : at + flags[0].length;
}

function split(text: string, bangs: number): Pick<Item, "alias" | "destination"> {
  if (/^https?:\/\//i.test(text)) return { alias: null, destination: text };
  const colon = text.indexOf(":");
  if (colon >= 0 && !isPort(text, colon, bangs))
    return { alias: text.slice(0, colon).trim(), destination: text.slice(colon + 1).trim() || null };
  return bangs > 0 ? { alias: text, destination: null } : { alias: null, destination: text };
}

// `user@host:2525` for the catch-all: no destination is a bare number.
function isPort(text: string, colon: number, bangs: number): boolean {
  return bangs === 0 && /^\d{1,5}$/.test(text.slice(colon + 1));
}

function afterColon(rest: string): string | null {
  return rest.startsWith(":") ? rest.slice(1).trim() || null : null;
}

function upTo(mark: string, value: string, from: number): number {
  const at = value.indexOf(mark, from);
  return at < 0 ? value.length : at;
}
