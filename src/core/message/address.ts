/**
 * Address lists as RFC 5322 §3.4 and its obsolete forms write them, with RFC 6532 characters: groups, comments, quoted
 * local parts, domain literals, source routes, the empty path. Linear in the input, no recursion; what can't be read is
 * said, never guessed over: a list that is not `ok` may still carry the addresses that were seen in it.
 */
import { limits } from "../limits.ts";

export type Address = {
  /** Display name as written, quotes and comments resolved; empty when there is none. */
  name: string;
  /** Quoting removed. */
  local: string;
  /** As written, white space and comments removed; empty for the empty path `<>`. */
  domain: string;
};
export type AddressList = { ok: boolean; addresses: Address[] };

/** `apart`: white space or a comment stands before it. */
type Token = { kind: "atom" | "quoted" | "literal" | "special"; text: string; apart: boolean };

/** `text` is unfolded or folded header text. Never throws. */
export function parseAddressList(text: string): AddressList {
  const tokens = tokenize(text);
  if (tokens === null) return { ok: false, addresses: [] };
  return new Reader(tokens).list();
}

function tokenize(text: string): Token[] | null {
  const tokens: Token[] = [];
  let at = 0;
  let end = 0; // of the token before
  while (at < text.length) {
    const c = text.charAt(at);
    const apart = at > end;
    const count = tokens.length;
    if (c === " " || c === "\t" || c === "\r" || c === "\n") at++;
    else if (c === "(") at = endOfComment(text, at);
    else if (c === '"') at = quoted(text, at, '"', apart, tokens);
    else if (c === "[") at = quoted(text, at, "]", apart, tokens);
    else if (specials.has(c)) {
      tokens.push({ kind: "special", text: c, apart });
      at++;
    } else at = atom(text, at, apart, tokens);
    if (at < 0) return null;
    if (tokens.length > count) end = at;
  }
  return tokens;
}

const specials = new Set('()<>[]:;@\\,."');

function atom(text: string, start: number, apart: boolean, tokens: Token[]): number {
  let at = start;
  while (at < text.length && !specials.has(text.charAt(at)) && !/[ \t\r\n]/.test(text.charAt(at))) at++;
  tokens.push({ kind: "atom", text: text.slice(start, at), apart });
  return at;
}

// Comments nest without bound in the grammar: a counter, not a stack, so that a million "(" cost a million steps.
function endOfComment(text: string, start: number): number {
  let depth = 0;
  for (let at = start; at < text.length; at++) {
    const c = text.charAt(at);
    if (c === "\\") at++;
    else if (c === "(") depth++;
    else if (c === ")" && --depth === 0) return at + 1;
  }
  return -1;
}

function quoted(text: string, start: number, close: string, apart: boolean, tokens: Token[]): number {
  const kind = close === "]" ? "literal" : "quoted";
  const parts: string[] = [];
  let from = start + 1;
  for (let at = from; at < text.length; at++) {
    const c = text.charAt(at);
    if (c === close) {
      parts.push(text.slice(from, at));
      const inside = parts.join("").replace(/\r?\n/g, "");
      tokens.push({ kind, text: kind === "literal" ? `[${inside}]` : inside, apart });
      return at + 1;
    }
    if (c === "\\") {
      parts.push(text.slice(from, at));
      from = at + 1;
      at++;
    }
  }
  return -1;
}

class Reader {
  private at = 0;
  private ok = true;
  private inGroup = false;
  private readonly addresses: Address[] = [];
  private readonly tokens: readonly Token[];

  constructor(tokens: readonly Token[]) {
    this.tokens = tokens;
  }

  list(): AddressList {
    while (this.at < this.tokens.length && this.addresses.length < limits.proof.addresses) {
      if (this.take(",")) continue; // obs-addr-list: empty elements
      if (this.inGroup && this.take(";")) this.inGroup = false;
      else this.element();
    }
    if (this.at < this.tokens.length || this.inGroup) this.ok = false;
    return { ok: this.ok, addresses: this.addresses };
  }

  /** Reads to the next comma or semicolon outside an angle address: a mailbox, or the head of a group. */
  private element(): void {
    const words: Token[] = [];
    for (;;) {
      const token = this.tokens[this.at];
      if (token === undefined || isSpecial(token, ",") || (this.inGroup && isSpecial(token, ";"))) {
        this.bare(words);
        return;
      }
      if (isSpecial(token, "<")) {
        this.angle(words);
        return;
      }
      if (isSpecial(token, ":") && !this.inGroup) {
        if (words.length === 0 || !words.every(isWord)) this.ok = false;
        this.at++;
        this.inGroup = true;
        return;
      }
      words.push(token);
      this.at++;
    }
  }

  private bare(words: Token[]): void {
    const address = addrSpec(words);
    if (address) this.addresses.push({ name: "", ...address });
    else this.ok = false;
  }

  private angle(words: Token[]): void {
    this.at++;
    const inside: Token[] = [];
    for (
      let token = this.tokens[this.at];
      token !== undefined && !isSpecial(token, ">");
      token = this.tokens[this.at]
    ) {
      inside.push(token);
      this.at++;
    }
    if (!this.take(">")) this.ok = false;
    const address = inside.length === 0 ? { local: "", domain: "" } : addrSpec(withoutRoute(inside));
    if (address) this.addresses.push({ name: phrase(words), ...address });
    else this.ok = false;
    this.afterAngle();
  }

  // After ">" only a separator may come. `<a@x> <b@y>` shows one author to one reader and another to the next.
  private afterAngle(): void {
    const next = this.tokens[this.at];
    if (next === undefined || isSpecial(next, ",") || (this.inGroup && isSpecial(next, ";"))) return;
    this.ok = false;
  }

  private take(special: string): boolean {
    const token = this.tokens[this.at];
    if (token === undefined || !isSpecial(token, special)) return false;
    this.at++;
    return true;
  }
}

function isSpecial(token: Token, text: string): boolean {
  return token.kind === "special" && token.text === text;
}

// An unquoted "@" or "." in a display name is common (`bob@x via list <list@y>`); the angle address is what counts.
function isWord(token: Token): boolean {
  return token.kind === "atom" || token.kind === "quoted" || isSpecial(token, ".");
}

function phrase(words: readonly Token[]): string {
  let text = "";
  for (const { text: word, apart } of words) text += apart && text !== "" ? ` ${word}` : word;
  return text;
}

/** obs-route: `@a,@b:user@domain` (RFC 5322 §4.4) is the address after the colon. */
function withoutRoute(tokens: Token[]): Token[] {
  const first = tokens[0];
  const colon = first && isSpecial(first, "@") ? tokens.findIndex((token) => isSpecial(token, ":")) : -1;
  return colon < 0 ? tokens : tokens.slice(colon + 1);
}

function addrSpec(tokens: readonly Token[]): { local: string; domain: string } | null {
  const at = tokens.findIndex((token) => isSpecial(token, "@"));
  if (at < 1) return null;
  const local = dotted(tokens.slice(0, at), true);
  const domain = dotted(tokens.slice(at + 1), false);
  return local === null || domain === null ? null : { local, domain };
}

/** Words with single dots between them, or one domain literal. */
function dotted(tokens: readonly Token[], isLocal: boolean): string | null {
  if (!isLocal && tokens.length === 1 && tokens[0]?.kind === "literal") return tokens[0].text;
  const allowed = (token: Token) => token.kind === "atom" || (isLocal && token.kind === "quoted");
  const fits = tokens.every((token, i) => (i % 2 === 0 ? allowed(token) : isSpecial(token, ".")));
  return fits && tokens.length % 2 === 1 ? tokens.map(({ text }) => text).join("") : null;
}
