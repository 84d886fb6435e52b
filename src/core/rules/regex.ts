/**
 * Regular expressions whose cost is linear in the text, whatever the pattern: a Thompson NFA run in lock step with capture
 * slots (R. Cox, "Regular Expression Matching: the Virtual Machine Approach", 2009). The syntax is JavaScript's without what
 * can't be run so: look-around and back-references are refused, with the reason. Case never matters: local parts are folded.
 */
import { type Node, parseRegex, type Test } from "./regex-syntax.ts";

export type Regex = {
  /** Groups of the leftmost match, the whole match first, `""` for one that took no part; null when there is none. */
  match(text: string): string[] | null;
};
export type Compiled = { ok: true; regex: Regex } | { ok: false; problem: string };

/** Instructions: `(a{50}){50}` would ask for 2,500. */
const maxProgram = 2000;

type Instruction =
  | { op: "take"; test: Test }
  | { op: "split"; first: number; second: number }
  | { op: "jump"; to: number }
  | { op: "save"; slot: number }
  | { op: "assert"; holds: (before: number | null, after: number | null) => boolean }
  | { op: "match" };

const cache = new Map<string, Compiled>();

/** Compiled once per isolate. `pattern` is the text between the slashes. */
export function compile(pattern: string): Compiled {
  const known = cache.get(pattern);
  if (known !== undefined) return known;
  if (cache.size >= 500) cache.clear();
  const fresh = build(pattern);
  cache.set(pattern, fresh);
  return fresh;
}

function build(pattern: string): Compiled {
  const parsed = parseRegex(pattern);
  if (!parsed.ok) return parsed;
  const program: Instruction[] = [];
  try {
    emit({ kind: "group", index: 0, body: parsed.node }, program);
  } catch (error) {
    if (error instanceof TooBig) return { ok: false, problem: "it unrolls into too many steps" };
    throw error;
  }
  program.push({ op: "match" });
  const anchored = isAnchored(parsed.node);
  return { ok: true, regex: { match: (text) => run(program, (parsed.groups + 1) * 2, anchored, text) } };
}

/** It can match at the start only: then later starts need not be tried. */
function isAnchored(node: Node): boolean {
  if (node.kind === "assert") return node.atStart;
  if (node.kind === "group") return isAnchored(node.body);
  if (node.kind === "either") return node.options.every(isAnchored);
  const [first] = node.kind === "sequence" ? node.parts : [];
  return first !== undefined && isAnchored(first);
}

class TooBig extends Error {}

function emit(node: Node, program: Instruction[]): void {
  if (program.length > maxProgram) throw new TooBig();
  switch (node.kind) {
    case "empty":
      return;
    case "take":
      program.push({ op: "take", test: node.test });
      return;
    case "assert":
      program.push({ op: "assert", holds: node.holds });
      return;
    case "sequence":
      for (const part of node.parts) emit(part, program);
      return;
    case "group":
      if (node.index !== null) program.push({ op: "save", slot: node.index * 2 });
      emit(node.body, program);
      if (node.index !== null) program.push({ op: "save", slot: node.index * 2 + 1 });
      return;
    case "either":
      emitEither(node.options, program);
      return;
    case "repeat":
      emitRepeat(node, program);
      return;
  }
}

function emitEither(options: Node[], program: Instruction[]): void {
  const ends: { op: "jump"; to: number }[] = [];
  for (const option of options.slice(0, -1)) {
    const split = { op: "split" as const, first: program.length + 1, second: 0 };
    program.push(split);
    emit(option, program);
    const end = { op: "jump" as const, to: 0 };
    program.push(end);
    ends.push(end);
    split.second = program.length;
  }
  const last = options.at(-1);
  if (last !== undefined) emit(last, program);
  for (const end of ends) end.to = program.length;
}

function emitRepeat(node: Extract<Node, { kind: "repeat" }>, program: Instruction[]): void {
  for (let i = 0; i < node.min; i++) emit(node.body, program);
  if (node.max === null) {
    emitStar(node, program);
    return;
  }
  const skips: Extract<Instruction, { op: "split" }>[] = [];
  for (let i = node.min; i < node.max; i++) {
    const split = { op: "split" as const, first: program.length + 1, second: program.length + 1 };
    program.push(split);
    skips.push(split);
    emit(node.body, program);
  }
  for (const skip of skips) {
    if (node.lazy) skip.first = program.length;
    else skip.second = program.length;
  }
}

function emitStar(node: Extract<Node, { kind: "repeat" }>, program: Instruction[]): void {
  const split = { op: "split" as const, first: program.length + 1, second: program.length + 1 };
  const back = program.length;
  program.push(split);
  emit(node.body, program);
  program.push({ op: "jump", to: back });
  if (node.lazy) split.first = program.length;
  else split.second = program.length;
}

type Thread = { at: number; slots: readonly number[] };

/** Which instructions were reached at this position: stamps instead of a fresh array for every character. */
class Reached {
  readonly #stamps: Uint32Array;
  #now = 0;

  constructor(size: number) {
    this.#stamps = new Uint32Array(size);
  }

  next(): void {
    this.#now++;
  }

  /** True for the first to come here. */
  claim(at: number): boolean {
    if (this.#stamps[at] === this.#now) return false;
    this.#stamps[at] = this.#now;
    return true;
  }
}

/** All threads advance together, best first; a thread that reaches an instruction after a better one is dropped. */
function run(program: readonly Instruction[], slotCount: number, anchored: boolean, text: string): string[] | null {
  const chars = Array.from(text);
  const points = chars.map((char) => char.codePointAt(0) ?? 0);
  const reached = new Reached(program.length);
  const none: readonly number[] = new Array(slotCount).fill(-1);
  let best: readonly number[] | null = null;
  let threads: Thread[] = [];
  for (let i = 0; i <= points.length; i++) {
    const now: Thread[] = [];
    reached.next();
    const around = [points[i - 1] ?? null, points[i] ?? null] as const;
    for (const thread of threads) follow(program, thread, i, around, reached, now);
    const starts = best === null && (i === 0 || !anchored);
    if (starts) follow(program, { at: 0, slots: none }, i, around, reached, now);
    threads = [];
    for (const { at, slots } of now) {
      const instruction = program[at];
      if (instruction?.op === "match") {
        best = slots;
        break; // what follows is worse
      }
      const point = points[i];
      if (instruction?.op === "take" && point !== undefined && instruction.test(point))
        threads.push({ at: at + 1, slots });
    }
    if (threads.length === 0 && (best !== null || anchored)) break;
  }
  return best === null ? null : groupsOf(best, chars);
}

/** Follows what costs no character, depth first in order of preference; an explicit stack, so depth is no matter. */
function follow(
  program: readonly Instruction[],
  start: Thread,
  position: number,
  [before, after]: readonly [number | null, number | null],
  reached: Reached,
  into: Thread[],
): void {
  const stack: Thread[] = [start];
  for (let thread = stack.pop(); thread !== undefined; thread = stack.pop()) {
    const { at, slots } = thread;
    const instruction = program[at];
    if (instruction === undefined || !reached.claim(at)) continue;
    if (instruction.op === "jump") stack.push({ at: instruction.to, slots });
    else if (instruction.op === "split")
      stack.push({ at: instruction.second, slots }, { at: instruction.first, slots });
    else if (instruction.op === "save") stack.push({ at: at + 1, slots: slots.with(instruction.slot, position) });
    else if (instruction.op !== "assert") into.push(thread);
    else if (instruction.holds(before, after)) stack.push({ at: at + 1, slots });
  }
}

function groupsOf(slots: readonly number[], chars: readonly string[]): string[] {
  const groups: string[] = [];
  for (let i = 0; i + 1 < slots.length; i += 2) {
    const from = slots[i] ?? -1;
    const to = slots[i + 1] ?? -1;
    groups.push(from < 0 || to < 0 ? "" : chars.slice(from, to).join(""));
  }
  return groups;
}
