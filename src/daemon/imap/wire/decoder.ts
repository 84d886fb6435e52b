/**
 * A received command, read from left to right by methods that bear the names of RFC 9051 §9. Each either answers what it
 * read or throws `Bad`; none goes back further than one token. The bytes are not copied, and `secret()` never
 * makes a string of them.
 */
import { Bad } from "../answers.ts";
import { isAstringChar, isAtomChar, isDigit, isListChar } from "./bytes.ts";
import { type MessageSet, parseSet } from "./sets.ts";

/** Lines without their literal headers, each followed by its literal. */
export type Literal = { bytes: Buffer; binary: boolean };
export type Part = { line: Buffer; literal: Literal | null };

const SP = 0x20;
const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const LARGEST = 0xffffffff;
const LONGEST_FLAG = 255;

export class Decoder {
  readonly #parts: readonly Part[];
  #part = 0;
  #line: Buffer;
  #at = 0;

  constructor(parts: readonly Part[]) {
    this.#parts = parts;
    this.#line = parts[0]?.line ?? Buffer.alloc(0);
  }

  /** The next byte; -1 at the end of the line or before a literal. */
  peek(): number {
    return this.#line[this.#at] ?? -1;
  }

  is(char: string): boolean {
    return this.peek() === char.charCodeAt(0);
  }

  isLiteral(): boolean {
    return this.#at >= this.#line.length && this.#literal() !== null;
  }

  isEnd(): boolean {
    return this.#at >= this.#line.length && this.#literal() === null;
  }

  /** Takes `char` if it is next. */
  take(char: string): boolean {
    if (!this.is(char)) return false;
    this.#at++;
    return true;
  }

  expect(char: string): this {
    if (!this.take(char)) throw new Bad(`Expected ${char === " " ? "a space" : char}`);
    return this;
  }

  sp(): this {
    if (this.peek() !== SP) throw new Bad("Missing argument");
    this.#at++;
    return this;
  }

  end(): void {
    if (!this.isEnd()) throw new Bad("Unexpected text after the arguments");
  }

  atom(): string {
    return this.run(isAtomChar, "an atom");
  }

  /** One byte or more of a class. */
  run(is: (byte: number) => boolean, what: string): string {
    const from = this.#at;
    this.#skip(is);
    if (from === this.#at) throw new Bad(`Expected ${what}`);
    return this.#line.toString("utf8", from, this.#at);
  }

  /** True when the line goes on with `text`, in any case. Takes nothing. */
  lookingAt(text: string): boolean {
    return this.#line.toString("latin1", this.#at, this.#at + text.length).toUpperCase() === text;
  }

  /** An atom in upper case: names of commands, items, options. */
  word(): string {
    return this.atom().toUpperCase();
  }

  /** Takes the word if it is next, whole. */
  takeWord(word: string): boolean {
    const end = this.#at + word.length;
    if (end > this.#line.length || isAtomChar(this.#line[end] ?? SP)) return false;
    if (this.#line.toString("latin1", this.#at, end).toUpperCase() !== word) return false;
    this.#at = end;
    return true;
  }

  /** number = 32 bits, unsigned. */
  number(): number {
    return this.#digits(LARGEST);
  }

  nzNumber(): number {
    const value = this.number();
    if (value === 0) throw new Bad("Zero is not allowed here");
    return value;
  }

  /** number64 and mod-sequence values: 63 bits in RFC 9051 and 7162, 64 in RFC 4551. No count here comes near 2^53: larger ones stand for it. */
  number64(): number {
    return Math.min(this.#digits(2 ** 64), Number.MAX_SAFE_INTEGER);
  }

  /** astring: atom with "]", quoted or literal. */
  astring(): string {
    return this.#isString() ? this.string() : this.run(isAstringChar, "a string");
  }

  string(): string {
    return this.stringBytes().toString("utf8");
  }

  nstring(): Buffer | null {
    return this.takeWord("NIL") ? null : this.stringBytes(true);
  }

  astringBytes(): Buffer {
    if (this.#isString()) return this.stringBytes();
    const from = this.#at;
    this.#skip(isAstringChar);
    if (from === this.#at) throw new Bad("Expected a string");
    return this.#line.subarray(from, this.#at);
  }

  /** An astring for a password: a copy of its own, and what came over the wire is zeroed. */
  secret(): Buffer {
    const bytes = this.astringBytes();
    const secret = Buffer.from(bytes);
    bytes.fill(0);
    return secret;
  }

  /** quoted or literal. `binary`: literal8 is allowed too. */
  stringBytes(binary = false): Buffer {
    if (this.peek() === QUOTE) return this.#quoted();
    const literal = this.literal();
    if (literal.binary && !binary) throw new Bad("A binary literal is not allowed here");
    if (!binary && literal.bytes.includes(0)) throw new Bad("NUL is not allowed here");
    return literal.bytes;
  }

  literal(): Literal {
    const literal = this.isLiteral() ? this.#literal() : null;
    if (!literal) throw new Bad("Expected a string");
    this.#part++;
    this.#line = this.#parts[this.#part]?.line ?? Buffer.alloc(0);
    this.#at = 0;
    return literal;
  }

  /** The literals that came with the command so far. */
  held(): { count: number; bytes: number } {
    const literals = this.#parts.flatMap(({ literal }) => (literal ? [literal.bytes.length] : []));
    return { count: literals.length, bytes: literals.reduce((sum, n) => sum + n, 0) };
  }

  /** list-mailbox: wildcards allowed in an atom. */
  listMailbox(): string {
    return this.#isString() ? this.string() : this.run(isListChar, "a mailbox pattern");
  }

  /** "(" [item *(SP item)] ")" */
  list<T>(item: () => T, most = 1000): T[] {
    this.expect("(");
    const items: T[] = [];
    while (!this.take(")")) {
      if (items.length > 0) this.sp();
      items.push(item());
      if (items.length > most) throw new Bad("Too many list items");
    }
    return items;
  }

  /** flag = "\" atom / atom; never \Recent, which only the server gives. */
  flag(): string {
    const flag = this.take("\\") ? `\\${this.atom()}` : this.atom();
    if (flag.toLowerCase() === "\\recent") throw new Bad("\\Recent cannot be set");
    if (flag.length > LONGEST_FLAG) throw new Bad("Flag too long");
    return flag;
  }

  set(uid: boolean): MessageSet {
    const from = this.#at;
    this.#skip((byte) => isDigit(byte) || byte === 0x2a || byte === 0x2c || byte === 0x3a || byte === 0x24);
    return parseSet(this.#line.toString("latin1", from, this.#at), uid);
  }

  /** What stands before `until`, as text; for grammar too odd for a method here. */
  upTo(until: string, what = until): string {
    const end = this.#line.indexOf(until, this.#at);
    if (end < 0) throw new Bad(`Expected ${what}`);
    const text = this.#line.toString("latin1", this.#at, end);
    this.#at = end;
    return text;
  }

  /** The rest of the line as text (SASL's base64). */
  rest(): Buffer {
    const rest = this.#line.subarray(this.#at);
    this.#at = this.#line.length;
    return rest;
  }

  #isString(): boolean {
    return this.peek() === QUOTE || this.isLiteral();
  }

  #literal(): Literal | null {
    return this.#parts[this.#part]?.literal ?? null;
  }

  #skip(is: (byte: number) => boolean): void {
    while (this.#at < this.#line.length && is(this.#line[this.#at] ?? 0)) this.#at++;
  }

  #digits(largest: number): number {
    const from = this.#at;
    this.#skip(isDigit);
    const value = Number(this.#line.toString("latin1", from, this.#at));
    if (from === this.#at || this.#at - from > 20) throw new Bad("Expected a number");
    if (value > largest) throw new Bad("Number too large");
    return value;
  }

  #quoted(): Buffer {
    const from = ++this.#at;
    let escapes = 0;
    for (; ; this.#at++) {
      const byte = this.peek();
      if (byte === -1 || byte === 0) throw new Bad("Unterminated quoted string");
      if (byte === QUOTE) break;
      if (byte === BACKSLASH) {
        escapes++;
        this.#at++;
        if (this.peek() !== QUOTE && this.peek() !== BACKSLASH) throw new Bad("Wrong escape in a quoted string");
      }
    }
    const text = this.#line.subarray(from, this.#at++);
    return escapes === 0 ? text : unescaped(text, text.length - escapes);
  }
}

function unescaped(text: Buffer, length: number): Buffer {
  const plain = Buffer.alloc(length);
  for (let i = 0, at = 0; i < text.length; i++) {
    if (text[i] === BACKSLASH) i++;
    plain[at++] = text[i] ?? 0;
  }
  return plain;
}
