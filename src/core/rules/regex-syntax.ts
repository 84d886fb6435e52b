/** The grammar of `regex.ts`: text to a tree, or the reason why not. One function per production. */
export type Test = (point: number) => boolean;
export type Node =
  | { kind: "empty" }
  | { kind: "take"; test: Test }
  | { kind: "assert"; atStart: boolean; holds: (before: number | null, after: number | null) => boolean }
  | { kind: "sequence"; parts: Node[] }
  | { kind: "either"; options: Node[] }
  | { kind: "group"; index: number | null; body: Node }
  | { kind: "repeat"; body: Node; min: number; max: number | null; lazy: boolean };
export type Parsed = { ok: true; node: Node; groups: number } | { ok: false; problem: string };

const maxLength = 256;
const maxRepeat = 100;
const maxDepth = 20;

class Problem extends Error {}

export function parseRegex(pattern: string): Parsed {
  if (pattern === "") return { ok: false, problem: "it is empty" };
  if (pattern.length > maxLength) return { ok: false, problem: `it is longer than ${maxLength} characters` };
  try {
    const reader = new Reader(pattern);
    const node = reader.either(0);
    reader.end();
    return { ok: true, node, groups: reader.groups };
  } catch (error) {
    if (error instanceof Problem) return { ok: false, problem: error.message };
    throw error;
  }
}

class Reader {
  groups = 0;
  readonly #chars: string[];
  #at = 0;

  constructor(pattern: string) {
    this.#chars = Array.from(pattern);
  }

  end(): void {
    if (this.#peek() !== undefined) throw new Problem("it has a ) too many");
  }

  /** alternatives = sequence *("|" sequence) */
  either(depth: number): Node {
    if (depth > maxDepth) throw new Problem("it is nested too deep");
    const options = [this.#sequence(depth)];
    while (this.#eat("|")) options.push(this.#sequence(depth));
    return options.length === 1 && options[0] !== undefined ? options[0] : { kind: "either", options };
  }

  #sequence(depth: number): Node {
    const parts: Node[] = [];
    for (let next = this.#peek(); next !== undefined && next !== "|" && next !== ")"; next = this.#peek())
      parts.push(this.#repeated(depth));
    return parts.length === 0 ? { kind: "empty" } : { kind: "sequence", parts };
  }

  /** repeated = atom ["*" / "+" / "?" / "{m,n}"] ["?"] */
  #repeated(depth: number): Node {
    const body = this.#atom(depth);
    const times = this.#times();
    if (times === null) return body;
    if (body.kind === "assert") throw new Problem("it repeats an anchor");
    const lazy = this.#eat("?");
    if (this.#times() !== null) throw new Problem("it repeats a repetition");
    return { kind: "repeat", body, ...times, lazy };
  }

  #times(): { min: number; max: number | null } | null {
    if (this.#eat("*")) return { min: 0, max: null };
    if (this.#eat("+")) return { min: 1, max: null };
    if (this.#eat("?")) return { min: 0, max: 1 };
    const braces = this.#braces();
    if (braces === null) return null;
    this.#at += braces[0].length;
    const min = Number(braces[1]);
    const max = braces[2] === undefined ? min : braces[3] === "" ? null : Number(braces[3]);
    if (min > maxRepeat || (max ?? 0) > maxRepeat) throw new Problem(`it repeats more than ${maxRepeat} times`);
    if (max !== null && max < min) throw new Problem("it has a {range} that runs backwards");
    return { min, max };
  }

  /** `{3}`, `{3,}`, `{3,5}`; any other brace is a character. */
  #braces(): RegExpExecArray | null {
    return /^\{(\d{1,3})(,(\d{0,3}))?\}/.exec(this.#chars.slice(this.#at, this.#at + 9).join(""));
  }

  #atom(depth: number): Node {
    if (this.#braces() !== null) throw new Problem("it repeats nothing");
    const char = this.#next();
    if (char === "(") return this.#group(depth);
    if (char === "[") return { kind: "take", test: this.#set() };
    if (char === ".") return { kind: "take", test: () => true };
    if (char === "^") return assertion((before) => before === null, true);
    if (char === "$") return assertion((_, after) => after === null);
    if (char === "*" || char === "+" || char === "?") throw new Problem("it repeats nothing");
    return char === "\\" ? this.#escape() : { kind: "take", test: same(char) };
  }

  #group(depth: number): Node {
    let index: number | null = null;
    if (this.#eat("?")) this.#groupKind();
    else index = ++this.groups;
    if (this.groups > 9) throw new Problem("it has more than nine groups");
    const body = this.either(depth + 1);
    if (!this.#eat(")")) throw new Problem("it lacks a )");
    return { kind: "group", index, body };
  }

  #groupKind(): void {
    if (this.#eat(":")) return;
    throw new Problem(
      "look-around and named groups can't be run in linear time or are not offered here: use (…) or (?:…)",
    );
  }

  #escape(): Node {
    const char = this.#next();
    if (/[1-9k]/.test(char)) throw new Problem("it uses a back-reference, which can't be run in linear time");
    if (char === "b") return assertion((before, after) => isWord(before) !== isWord(after));
    if (char === "B") return assertion((before, after) => isWord(before) === isWord(after));
    return { kind: "take", test: escaped(char) };
  }

  /** set = "[" ["^"] 1*(char / char "-" char / escape) "]" */
  #set(): Test {
    const not = this.#eat("^");
    const tests: Test[] = [];
    while (!this.#eat("]")) {
      const from = this.#next();
      if (from === "\\") tests.push(escaped(this.#next()));
      else if (this.#peek() === "-" && this.#peek(1) !== "]") tests.push(this.#range(from));
      else tests.push(same(from));
    }
    return (point) => tests.some((test) => test(point)) !== not;
  }

  #range(from: string): Test {
    this.#next();
    const to = this.#next();
    if (to === "\\") throw new Problem("it has a range that ends in an escape");
    const [low, high] = [from.codePointAt(0) ?? 0, to.codePointAt(0) ?? 0];
    if (low > high) throw new Problem("it has a [range] that runs backwards");
    // The text is folded, the range is not: [0-Z] holds no underscore, [A-z] does.
    const within = (point: number): boolean => point >= low && point <= high;
    return (point) => within(point) || within(upper(point));
  }

  #peek(ahead = 0): string | undefined {
    return this.#chars[this.#at + ahead];
  }

  #next(): string {
    const char = this.#chars[this.#at++];
    if (char === undefined) throw new Problem("it ends too early");
    return char;
  }

  #eat(char: string): boolean {
    if (this.#peek() !== char) return false;
    this.#at++;
    return true;
  }
}

function assertion(holds: Extract<Node, { kind: "assert" }>["holds"], atStart = false): Node {
  return { kind: "assert", atStart, holds };
}

function escaped(char: string): Test {
  if (char === "d") return isDigit;
  if (char === "D") return (point) => !isDigit(point);
  if (char === "w") return isWord;
  if (char === "W") return (point) => !isWord(point);
  if (char === "s") return isSpace;
  if (char === "S") return (point) => !isSpace(point);
  if (/[A-Za-z0-9]/.test(char)) throw new Problem(`it has an escape that is not offered here: \\${char}`);
  return same(char);
}

function same(char: string): Test {
  const wanted = lower(char);
  return (point) => point === wanted;
}

function lower(char: string): number {
  return char.toLowerCase().codePointAt(0) ?? 0;
}

function upper(point: number): number {
  const [only = "", ...more] = String.fromCodePoint(point).toUpperCase(); // ß becomes two letters: it has none of its own
  return more.length === 0 ? (only.codePointAt(0) ?? point) : point;
}

function isDigit(point: number): boolean {
  return point >= 0x30 && point <= 0x39;
}

function isWord(point: number | null): boolean {
  if (point === null) return false;
  return isDigit(point) || (point >= 0x61 && point <= 0x7a) || (point >= 0x41 && point <= 0x5a) || point === 0x5f;
}

function isSpace(point: number): boolean {
  return point === 0x20 || (point >= 9 && point <= 13) || point === 0xa0;
}
