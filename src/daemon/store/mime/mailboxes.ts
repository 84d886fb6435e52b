/**
 * Address lists as ENVELOPE shows them: (name adl mailbox host), with groups (RFC 9051 §7.5.2). Unlike `core/message/address.ts`,
 * which refuses what two readers may understand differently, this shows whatever can be shown. Text is one character per byte.
 */
export type Mailbox =
  | { kind: "mailbox"; name: string | null; local: string; host: string }
  | { kind: "group"; name: string }
  | { kind: "end" };

const mostAddresses = 2000;

export function readMailboxes(text: string): Mailbox[] {
  const list: Mailbox[] = [];
  let words: Word[] = [];
  let angle: Word[] | null = null;
  let inGroup = false;
  const finish = () => {
    const one = mailboxOf(words, angle);
    if (one) list.push(one);
    words = [];
    angle = null;
  };
  for (const word of wordsOf(text)) {
    if (list.length >= mostAddresses) break;
    if (word.kind !== "special") (inAngle(angle) ? angle : words)?.push(word);
    else if (word.text === "<") angle = angle ?? [];
    else if (word.text === ">") angle?.push(closed);
    else if (word.text === "," && !isRoute(angle)) finish();
    else if (word.text === ":" && !inGroup && angle === null) {
      list.push({ kind: "group", name: phrase(words) ?? "" });
      words = [];
      inGroup = true;
    } else if (word.text === ";" && inGroup) {
      finish();
      list.push({ kind: "end" });
      inGroup = false;
    } else (inAngle(angle) ? angle : words)?.push(word);
  }
  finish();
  if (inGroup) list.push({ kind: "end" });
  return list;
}

type Word = { kind: "atom" | "quoted" | "special" | "comment"; text: string; spaced: boolean };
const closed: Word = { kind: "special", text: ">", spaced: false };

function inAngle(angle: Word[] | null): boolean {
  return angle !== null && angle.at(-1) !== closed;
}

/** `<@a,@b:user@host>`: the commas of a source route part no addresses (RFC 5322 §4.4). */
function isRoute(angle: Word[] | null): boolean {
  return angle !== null && inAngle(angle) && angle[0]?.text === "@" && angle[0].kind === "special";
}

function mailboxOf(words: Word[], angle: Word[] | null): Mailbox | null {
  if (angle) {
    const inside = angle.filter((word) => word !== closed && word.kind !== "comment");
    const route = inside[0]?.text === "@" ? inside.findIndex((word) => word.text === ":") : -1;
    return address(phrase(words), route < 0 ? inside : inside.slice(route + 1));
  }
  const spec = words.filter((word) => word.kind !== "comment");
  if (spec.length === 0) return null;
  // RFC 822's `user@host (Name)`.
  const comment = words.find((word) => word.kind === "comment")?.text;
  return address(comment ?? null, spec);
}

function address(name: string | null, spec: Word[]): Mailbox | null {
  const at = spec.findLastIndex((word) => word.kind === "special" && word.text === "@");
  const text = (part: Word[]) => part.map((word) => word.text).join("");
  if (at < 0 && spec.length === 0 && name === null) return null;
  return {
    kind: "mailbox",
    name,
    local: text(at < 0 ? spec : spec.slice(0, at)),
    host: at < 0 ? "" : text(spec.slice(at + 1)),
  };
}

function phrase(words: Word[]): string | null {
  let text = "";
  for (const word of words) {
    if (word.kind === "comment") continue;
    text += word.spaced && text !== "" ? ` ${word.text}` : word.text;
  }
  if (text !== "") return text;
  return words.find((word) => word.kind === "comment")?.text ?? null;
}

function* wordsOf(text: string): Generator<Word> {
  let spaced = false;
  for (let at = 0; at < text.length; ) {
    const c = text.charAt(at);
    if (/\s/.test(c)) {
      spaced = true;
      at++;
      continue;
    }
    const [word, next] = wordAt(text, at, c);
    yield { ...word, spaced };
    spaced = false;
    at = next;
  }
}

function wordAt(text: string, at: number, c: string): [Omit<Word, "spaced">, number] {
  if (c === '"') {
    const end = endOf(text, at, '"');
    return [{ kind: "quoted", text: unquote(text.slice(at + 1, end)) }, end + 1];
  }
  if (c === "(") {
    const end = endOfComment(text, at);
    return [{ kind: "comment", text: unquote(text.slice(at + 1, end)).trim() }, end + 1];
  }
  if (c === "[") {
    const end = endOf(text, at, "]");
    return [{ kind: "atom", text: text.slice(at, end + 1) }, end + 1];
  }
  if ('<>,:;@."'.includes(c)) return [{ kind: "special", text: c }, at + 1];
  let end = at + 1;
  while (end < text.length && !'<>,:;@."(['.includes(text.charAt(end)) && !/\s/.test(text.charAt(end))) end++;
  return [{ kind: "atom", text: text.slice(at, end) }, end];
}

function endOf(text: string, start: number, close: string): number {
  for (let at = start + 1; at < text.length; at++) {
    if (text.charAt(at) === "\\") at++;
    else if (text.charAt(at) === close) return at;
  }
  return text.length;
}

function endOfComment(text: string, start: number): number {
  let depth = 0;
  for (let at = start; at < text.length; at++) {
    const c = text.charAt(at);
    if (c === "\\") at++;
    else if (c === "(") depth++;
    else if (c === ")" && --depth === 0) return at;
  }
  return text.length;
}

function unquote(text: string): string {
  return text.replace(/\\(.)/gs, "$1");
}
