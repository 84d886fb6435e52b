/**
 * Macro strings and domain-specs, RFC 7208 §7. Reading and expanding are apart: a record's syntax is judged as a whole
 * before anything of it is looked up (§4.6), and expansion can't fail any more.
 */
export type Part =
  | { text: string }
  | { letter: string; escape: boolean; keep: number; reverse: boolean; delimiters: string };
export type MacroString = readonly Part[];

/** Values of the macro letters; `p` costs DNS questions and is asked for only when it is used. */
export type MacroValues = {
  s: string;
  l: string;
  o: string;
  d: string;
  i: string;
  h: string;
  v: string;
  c: string;
  r: string;
  t: string;
  p: () => Promise<string>;
};

const macro = /%(?:\{([slodiphvcrt])(\d*)(r?)([.\-+,/_=]*)\}|([%_-]))/iy;

/** Null on a syntax error. The letters c, r and t stand in explanations only (§7.2). */
export function parseMacroString(text: string, inExplanation = false): MacroString | null {
  const parts: Part[] = [];
  const literals = inExplanation ? /[\x20-\x24\x26-\x7e]+/y : /[\x21-\x24\x26-\x7e]+/y;
  for (let at = 0; at < text.length; ) {
    const token = take(literals, text, at) ?? take(macro, text, at);
    const part = token && (token[0].startsWith("%") ? readMacro(token, inExplanation) : { text: token[0] });
    if (!token || !part) return null;
    parts.push(part);
    at += token[0].length;
  }
  return parts;
}

function take(pattern: RegExp, text: string, at: number): RegExpExecArray | null {
  pattern.lastIndex = at;
  return pattern.exec(text);
}

function readMacro(token: RegExpExecArray, inExplanation: boolean): Part | null {
  const [, letter, digits = "", reverse = "", delimiters = "", literal] = token;
  if (letter === undefined) return { text: literal === "_" ? " " : literal === "-" ? "%20" : "%" };
  const lower = letter.toLowerCase();
  if (!inExplanation && "crt".includes(lower)) return null;
  const keep = digits === "" ? Number.POSITIVE_INFINITY : Number(digits);
  if (keep === 0) return null; // §7.3: the DIGIT transformer MUST NOT be zero
  return { letter: lower, escape: letter !== lower, keep, reverse: reverse !== "", delimiters: delimiters || "." };
}

/** A macro-string that ends in a macro or in a top label, RFC 7208 §7.1. */
export function parseDomainSpec(text: string): MacroString | null {
  const parts = parseMacroString(text);
  const last = parts?.at(-1);
  if (!parts || last === undefined) return null;
  if (text.endsWith("}") && "letter" in last) return parts;
  // "%%", "%_" and "%-" are macro-expands too, so they may end one.
  if (/%[%_-]$/.test(text) && !/%%[_-]$/.test(text)) return parts;
  return endsInTopLabel(text) ? parts : null;
}

function endsInTopLabel(text: string): boolean {
  const label = /\.([^.]+)\.?$/.exec(text)?.[1];
  if (label === undefined) return false;
  return /^[A-Za-z0-9]*[A-Za-z][A-Za-z0-9]*$/.test(label) || /^[A-Za-z0-9]+-[A-Za-z0-9-]*[A-Za-z0-9]$/.test(label);
}

export async function expand(parts: MacroString, values: MacroValues): Promise<string> {
  const pieces: string[] = [];
  for (const part of parts) pieces.push("text" in part ? part.text : await value(part, values));
  return pieces.join("");
}

async function value(part: Exclude<Part, { text: string }>, values: MacroValues): Promise<string> {
  const letter = part.letter as keyof MacroValues;
  const whole = letter === "p" ? await values.p() : values[letter];
  const labels = splitOn(whole, part.delimiters);
  if (part.reverse) labels.reverse();
  const kept = labels.slice(-Math.min(part.keep, labels.length)).join(".");
  return part.escape ? urlEscape(kept) : kept;
}

function splitOn(text: string, delimiters: string): string[] {
  const labels: string[] = [];
  let label = "";
  for (const c of text) {
    if (delimiters.includes(c)) {
      labels.push(label);
      label = "";
    } else label += c;
  }
  labels.push(label);
  return labels;
}

// RFC 3986 §2.3: everything but the unreserved characters; local parts come as bytes-as-latin1 or Unicode.
function urlEscape(text: string): string {
  let escaped = "";
  for (const byte of new TextEncoder().encode(text)) {
    const c = String.fromCharCode(byte);
    escaped += /[A-Za-z0-9._~-]/.test(c) ? c : `%${byte.toString(16).toUpperCase().padStart(2, "0")}`;
  }
  return escaped;
}

/** §7.3: a name over 253 characters loses whole labels on the left. */
export function fitName(name: string): string {
  let fit = name.endsWith(".") ? name.slice(0, -1) : name;
  while (fit.length > 253) {
    const dot = fit.indexOf(".");
    if (dot < 0) break;
    fit = fit.slice(dot + 1);
  }
  return fit;
}
