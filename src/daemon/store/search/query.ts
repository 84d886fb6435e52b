/**
 * A query as a test of candidates, cheap parts first. RFC 9051 §6.4.4, RFC 5032. Answers every query; what stored columns decide is
 * mostly asked in SQL instead (`condition.ts`).
 */
import { emailId, threadId } from "../fetching.ts";
import { bitOf } from "../flags.ts";
import type { Query, UidRanges } from "../types.ts";
import type { Candidate } from "./candidate.ts";
import { foldText } from "./fold.ts";

/** `cost`: 0 the entry alone, 1 stored words, 2 those that the index points at, or headers, 3 bodies. */
export type Test = { cost: number; holds: (one: Candidate) => boolean };

const day = 86_400_000;

/** A test of message ids for a folded text: false where the text certainly is not in the message. */
export type MayHold = (text: string) => (message: number) => boolean;

export function compile(query: Query, now: number, mayHold: MayHold): Test {
  switch (query.kind) {
    case "all":
      return test(0, () => true);
    case "uids":
      return test(0, ({ uid }) => isIn(query.ranges, uid));
    case "flag":
      return flagTest(query.flag, query.set);
    case "modseq":
      return test(0, ({ modseq }) => modseq >= query.atLeast);
    case "size":
      return test(0, ({ size }) => (query.compare === "larger" ? size > query.bytes : size < query.bytes));
    case "age":
      return ageTest(query.compare, now - query.seconds * 1000);
    case "date":
      return dateTest(query);
    case "id":
      return idTest(query.which, query.id);
    case "subject":
    case "address":
      return verified(wordsTest(query.field, foldText(query.text)), foldText(query.text), mayHold);
    case "header":
      return verified(headerTest(query.name.toLowerCase(), foldText(query.text)), foldText(query.text), mayHold);
    case "text":
    case "body":
      return verified(textTest(query.kind, foldText(query.text)), foldText(query.text), mayHold);
    case "not": {
      const inner = compile(query.of, now, mayHold);
      return test(inner.cost, (one) => !inner.holds(one));
    }
    default:
      return combined(
        query.kind,
        query.of.map((one) => compile(one, now, mayHold)),
      );
  }
}

/** The index says where to look; what it points at is looked at. */
function verified({ cost, holds }: Test, text: string, mayHold: MayHold): Test {
  const may = mayHold(text);
  return test(Math.max(cost, 2), (one) => may(one.message) && holds(one));
}

function test(cost: number, holds: (one: Candidate) => boolean): Test {
  return { cost, holds };
}

function combined(kind: "and" | "or", tests: Test[]): Test {
  tests.sort((a, b) => a.cost - b.cost);
  const cost = Math.max(0, ...tests.map((one) => one.cost));
  return kind === "and"
    ? test(cost, (one) => tests.every(({ holds }) => holds(one)))
    : test(cost, (one) => tests.some(({ holds }) => holds(one)));
}

/** A saved result may have thousands of ranges: they are ascending, so halving finds the one. */
export function isIn(ranges: UidRanges, uid: number): boolean {
  let low = 0;
  let high = ranges.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((ranges[middle]?.[1] ?? 0) < uid) low = middle + 1;
    else high = middle;
  }
  return uid >= (ranges[low]?.[0] ?? Number.POSITIVE_INFINITY);
}

function flagTest(flag: string, set: boolean): Test {
  const bit = bitOf(flag);
  if (bit !== null) return test(0, ({ flags }) => ((flags & bit) !== 0) === set);
  const wanted = ` ${flag.toLowerCase()} `;
  return test(0, ({ keywords }) => keywords.toLowerCase().includes(wanted) === set);
}

// RFC 5032 §4.3: at the exact second counts as younger and as older.
function ageTest(compare: "older" | "younger", edge: number): Test {
  return test(0, ({ internalDate }) => (compare === "older" ? internalDate <= edge : internalDate >= edge));
}

function dateTest({ which, compare, day: wanted }: Extract<Query, { kind: "date" }>): Test {
  const dayOf = {
    internal: (one: Candidate) => Math.floor(one.internalDate / day),
    saved: (one: Candidate) => Math.floor(one.savedAt / day),
    // A message without a usable Date: counts by its arrival, as SORT counts it (RFC 5256 §2.2).
    sent: (one: Candidate) => one.words.sent_day ?? Math.floor(one.internalDate / day),
  }[which];
  const cost = which === "sent" ? 1 : 0;
  if (compare === "before") return test(cost, (one) => dayOf(one) < wanted);
  return compare === "on" ? test(cost, (one) => dayOf(one) === wanted) : test(cost, (one) => dayOf(one) >= wanted);
}

function idTest(which: "email" | "thread", id: string): Test {
  if (which === "email") return test(0, ({ message }) => emailId(message) === id);
  return test(2, (one) => threadId(one.facts.thread || one.message) === id);
}

function wordsTest(field: "from" | "to" | "cc" | "bcc" | "subject", text: string): Test {
  const column = ({ from: "from_", to: "to_", cc: "cc", bcc: "bcc", subject: "subject" } as const)[field];
  return test(1, ({ words }) => foldText(words[column]).includes(text));
}

function headerTest(name: string, text: string): Test {
  // An empty text asks whether the field is there, which stored words can't tell from an empty one.
  if (name === "subject" && text !== "") return wordsTest("subject", text);
  return test(2, ({ fields }) => fields.some(([field, value]) => field === name && value.includes(text)));
}

function textTest(kind: "text" | "body", text: string): Test {
  if (kind === "body") return test(3, (one) => one.bodyText.includes(text));
  return test(3, (one) => inHeader(one, text) || one.bodyText.includes(text) || one.partText.includes(text));
}

function inHeader({ fields }: Candidate, text: string): boolean {
  return fields.some(([name, value]) => value.includes(text) || `${name}: ${value}`.includes(text));
}
