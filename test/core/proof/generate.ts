/** Messages, mutations and zones made by chance from a seed: the same seed makes the same cases in every run. */
import { concat, fromLatin1, latin1, utf8 } from "../../../src/core/bytes.ts";

export class Chance {
  private state: number;

  constructor(seed: number) {
    this.state = seed;
  }

  /** 0 to n − 1 (xorshift32). */
  below(n: number): number {
    let x = this.state | 0 || 1;
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    this.state = x;
    return (x >>> 0) % n;
  }

  pick<T>(list: readonly T[]): T {
    return list[this.below(list.length)] as T;
  }

  oneIn(n: number): boolean {
    return this.below(n) === 0;
  }
}

const subjects = ["hi   there", "folded\r\n subject \r\n\tmore", "ünïcode", "  "];
const bodies = [
  "Hello  world \t x\r\n\r\nbye \r\n\r\n\r\n",
  "",
  "\r\n\r\n",
  "no end",
  " \r\n\t\r\nx\r\n \r\n",
  `a\r\n${"Zm9v".repeat(400)}\r\n  b\t\tc \r\n`,
  "line\nbare lf\r\n tail \n\n",
  "cr\rin\r\n x \r",
];

export function makeMessage(chance: Chance): Uint8Array {
  const fields = [
    "From: A <a@example.test>",
    "To: b@example.test",
    `Subject: ${chance.pick(subjects)}`,
    "Date: Tue, 24 Nov 2026 05:00:00 +0000",
    "Message-ID: <1@example.test>",
    "X-Multi: one",
    "X-Multi: two",
  ];
  return utf8(`${fields.join("\r\n")}\r\n\r\n${chance.pick(bodies)}`);
}

export type Mutated = { raw: Uint8Array; what: string };
type Parts = { lines: string[]; body: string };
type Mutation = { what: string; on: (parts: Parts, chance: Chance) => void };

function lineOf({ lines }: Parts, chance: Chance): number {
  return chance.below(lines.length);
}

function signatureOf({ lines }: Parts, chance: Chance): number {
  const found = lines.flatMap((line, i) => (/^(dkim-signature|arc-)/i.test(line) ? [i] : []));
  return found.length === 0 ? -1 : chance.pick(found);
}

function edit(parts: Parts, at: number, change: (line: string) => string): void {
  const line = parts.lines[at];
  if (line !== undefined) parts.lines[at] = change(line);
}

const tags =
  "x=1|x=9999999999|t=abc|l=0|l=3|l=99999999|i=@example.test|i=a@sub.example.test|i=@evil.test|q=dns/foo|q=dns/txt|z=From:x|v=2|a=rsa-sha1|foo=bar||c=relaxed|h=from|t=5; x=4".split(
    "|",
  );
const added = [
  "From: evil@evil.test",
  "From: <a@example.test>, b@example.test",
  "X: y",
  "a line without a colon",
  "DKIM-Signature: v=1",
  "ARC-Seal: i=1",
];
const froms = [
  "From: a@example.test",
  "From: A <a@sub.example.test>",
  "From: a@example.test, b@evil.test",
  'From: "x" <a@other.test>',
  "From: group: a@example.test;",
  "From: <>",
  "From: a@EXAMPLE.TEST (c)",
];

const mutations: readonly Mutation[] = [
  { what: "nothing", on: () => undefined },
  { what: "field gone", on: (parts, chance) => void parts.lines.splice(lineOf(parts, chance), 1) },
  {
    what: "field twice",
    on: (parts, chance) => void parts.lines.splice(lineOf(parts, chance), 0, chance.pick(parts.lines)),
  },
  {
    what: "field moved",
    on: (parts, chance) => {
      const [line = ""] = parts.lines.splice(lineOf(parts, chance), 1);
      parts.lines.splice(chance.below(parts.lines.length + 1), 0, line);
    },
  },
  {
    what: "name in capitals",
    on: (parts, chance) =>
      edit(parts, lineOf(parts, chance), (line) => line.replace(/^[^:]+/, (name) => name.toUpperCase())),
  },
  {
    what: "space before the colon",
    on: (parts, chance) => edit(parts, lineOf(parts, chance), (line) => line.replace(":", " :")),
  },
  {
    what: "white space in a field",
    on: (parts, chance) =>
      edit(parts, lineOf(parts, chance), (line) =>
        line.replace(/ /, () => chance.pick(["  ", "\t", "\r\n ", "\r\n\t \t"])),
      ),
  },
  {
    what: "something behind the body",
    on: (parts, chance) => {
      parts.body += chance.pick(["\r\n", "x", "\r\n\r\n", " ", " \r\n", "\n"]);
    },
  },
  {
    what: "white space in the body",
    on: (parts, chance) => {
      parts.body = parts.body.replace(/ /, chance.pick(["", "  ", "\t"]));
    },
  },
  {
    what: "tag added",
    on: (parts, chance) =>
      edit(parts, signatureOf(parts, chance), (line) => `${line.replace(/;?\s*$/, "")}; ${chance.pick(tags)}`),
  },
  { what: "tag gone or twice", on: dropOrDouble },
  {
    what: "tag spelled otherwise",
    on: (parts, chance) =>
      edit(parts, signatureOf(parts, chance), (line) =>
        line.replace(
          /(;\s*)(\w)(=)/,
          (_, head: string, name: string, rest: string) =>
            head + chance.pick([` ${name}`, `${name} `, name.toUpperCase()]) + rest,
        ),
      ),
  },
  { what: "field added", on: (parts, chance) => void parts.lines.push(chance.pick(added)) },
  {
    what: "other From",
    on: (parts, chance) =>
      edit(
        parts,
        parts.lines.findIndex((line) => /^from:/i.test(line)),
        () => chance.pick(froms),
      ),
  },
];

function dropOrDouble(parts: Parts, chance: Chance): void {
  edit(parts, signatureOf(parts, chance), (line) => {
    const specs = line.split(";");
    const at = chance.below(specs.length);
    if (chance.oneIn(2)) specs.splice(at, 1);
    else specs.push(specs[at] ?? "");
    return specs.join(";");
  });
}

/** One change to the message, at the level of fields or of bytes. */
export function mutate(raw: Uint8Array, chance: Chance): Mutated {
  const kind = chance.below(mutations.length + 3);
  const mutation = mutations[kind];
  if (mutation) return { raw: onParts(raw, (parts) => mutation.on(parts, chance)), what: mutation.what };
  if (kind === mutations.length)
    return { raw: fromLatin1(latin1(raw).replaceAll("\r\n", "\n")), what: "bare LF everywhere" };
  if (kind === mutations.length + 1) return { raw: fromLatin1(latin1(raw).replace("\r\n", "\n")), what: "one bare LF" };
  const copy = new Uint8Array(raw);
  const at = chance.below(copy.length);
  copy[at] = chance.below(256);
  return { raw: copy, what: `byte ${at} changed` };
}

function onParts(raw: Uint8Array, change: (parts: Parts) => void): Uint8Array {
  const text = latin1(raw);
  const end = text.indexOf("\r\n\r\n");
  if (end < 0) return raw;
  const parts = { lines: text.slice(0, end).split(/\r\n(?![ \t])/), body: text.slice(end + 4) };
  change(parts);
  return fromLatin1(`${parts.lines.join("\r\n")}\r\n\r\n${parts.body}`);
}

export function above(field: string | Uint8Array, raw: Uint8Array): Uint8Array {
  return concat(typeof field === "string" ? fromLatin1(field) : field, raw);
}
