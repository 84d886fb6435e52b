/**
 * SMTP command arguments: paths and parameters (RFC 5321 §4.1.2, 6531 §3.3). Real senders leave spaces where none belong
 * and those are let pass; control characters, unbalanced quotes and over-long addresses are not.
 */
export type Path = { address: string; parameters: Map<string, string | null> };

/** Room for an SRS address around a full-length one; the contract's bound between the halves. */
const addressMax = 400;

/** A command line's verb, upper case, and what follows it. Null when it is not UTF-8 or holds control characters. */
export function parseCommand(line: Uint8Array): { verb: string; argument: string } | null {
  const text = decode(line);
  if (text === null || /[\x00-\x08\x0a-\x1f\x7f]/.test(text)) return null;
  const match = /^([A-Za-z]+)(?:[ \t]+(.*?))?[ \t]*$/.exec(text);
  return match ? { verb: (match[1] ?? "").toUpperCase(), argument: match[2] ?? "" } : null;
}

/** `FROM:<path> KEY=value …` or `TO:…`; null is a syntax error. The empty path is "". */
export function parsePath(argument: string, keyword: "FROM" | "TO"): Path | null {
  if (argument.slice(0, keyword.length + 1).toUpperCase() !== `${keyword}:`) return null;
  const rest = argument.slice(keyword.length + 1).trimStart();
  const end = rest.startsWith("<") ? closing(rest) : -1;
  if (end < 0) return null;
  const address = withoutRoute(rest.slice(1, end));
  const parameters = parseParameters(rest.slice(end + 1));
  return parameters !== null && (address === "" || isPlausible(address)) ? { address, parameters } : null;
}

export function needsUtf8(address: string): boolean {
  return /[^\x00-\x7f]/.test(address);
}

/** Where the `>` is that ends the path: one inside a quoted local part does not. */
function closing(text: string): number {
  let quoted = false;
  for (let at = 1; at < text.length; at++) {
    const character = text.charAt(at);
    if (character === "\\" && quoted) at++;
    else if (character === '"') quoted = !quoted;
    else if (character === ">" && !quoted) return at;
  }
  return -1;
}

// RFC 5321 §4.1.1.3 and appendix C: source routes are accepted and ignored.
function withoutRoute(path: string): string {
  return path.replace(/^@[^:"]*:/, "");
}

function isPlausible(address: string): boolean {
  if (address.length > addressMax) return false;
  if (/^postmaster$/i.test(address)) return true;
  const at = address.lastIndexOf("@");
  const local = address.slice(0, at);
  const domain = address.slice(at + 1);
  const localPart = /^(?:[^\s"(),:;<>@[\\\]]+|"(?:[^"\\]|\\.)*")$/;
  return at > 0 && localPart.test(local) && isDomain(domain);
}

function isDomain(domain: string): boolean {
  return (
    domain.length <= 255 && /^(?:[^\s"(),:;<>@[\\\].]+(?:\.[^\s"(),:;<>@[\\\].]+)*|\[[0-9A-Za-z:.]+\])$/.test(domain)
  );
}

function parseParameters(text: string): Map<string, string | null> | null {
  const parameters = new Map<string, string | null>();
  for (const word of text.split(/[ \t]+/)) {
    if (word === "") continue;
    const match = /^([A-Za-z0-9][A-Za-z0-9-]*)(?:=([^\s=]+))?$/.exec(word);
    const key = (match?.[1] ?? "").toUpperCase();
    if (!match || parameters.has(key)) return null;
    parameters.set(key, match[2] ?? null);
  }
  return parameters;
}

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

function decode(bytes: Uint8Array): string | null {
  try {
    return utf8.decode(bytes);
  } catch {
    return null;
  }
}
