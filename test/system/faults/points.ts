/** Where and how the edge is hurt. A point is named as `faulty.mjs` asks about it; `nth` counts how often it was passed. */
export type Fault = {
  name: string;
  at: RegExp;
  act: "kill" | "fail" | "lose" | "twice";
  hits: (nth: number) => boolean;
};
export type Skew = { name: string; skewMs: number };

const kill = (name: string, at: RegExp, nth = 3): Fault => ({ name, at, act: "kill", hits: (n) => n === nth });
/** Some fail and some don't, for as long as it lasts. */
const fail = (name: string, at: RegExp, hits = (n: number) => n % 3 !== 0): Fault => ({ name, at, act: "fail", hits });
/** A message needs several of these in a row to go well. */
const seldom = (n: number): boolean => n % 9 === 0;

/** kill -9 of workerd, and of all that it runs under. */
export const kills: readonly Fault[] = [
  kill("receive: journalled, nothing stored", /^receive: after D1 insert journal …/),
  kill("receive: before the sealed copy is stored", /^receive: before R2 put/),
  kill("receive: stored, nobody rung", /^receive: before bell/),
  kill("receive: rung, not noted in the journal", /^receive: before D1 insert journal_step …/),
  kill("receive: noted, the sender not told", /^receive: after D1 insert journal_step …/),
  kill("bell: copy read, node not called", /^bell: before node/),
  kill("bell: the node has it, the edge does not know", /^bell: after node/),
  kill("bell: kept until a backup has it, the spool's copy not deleted", /^bell: after R2 put/),
  kill("bell: the edge's copy deleted, journal not told", /^bell: after R2 delete/),
  kill("sweep: listed, nobody rung", /^sweep: after R2 list/, 1),
];

export const failures: readonly Fault[] = [
  fail("R2 put fails", /^receive: before R2 put/),
  fail("R2 put succeeds and says that it failed", /^receive: after R2 put/),
  fail("R2 get fails", /^bell: before R2 get/),
  fail("R2 put fails where a copy is kept until a backup has it", /^bell: before R2 put/),
  fail("that put succeeds and says that it failed", /^bell: after R2 put/),
  fail("R2 delete fails", /^bell: before R2 delete/),
  fail("R2 list fails", /^sweep: before R2 list/),
  fail("D1 busy while mail comes in", /^receive: before D1/, seldom),
  fail("D1 commits and says that it was busy", /^receive: after D1/, seldom),
  fail("D1 busy while mail is handed over", /^bell: (before|after) D1/),
  fail("the node is not to be reached", /^bell: before node/),
  fail("the node's answer is lost", /^bell: after node/),
  { name: "the Queue loses every bell", at: /before bell/, act: "lose", hits: () => true },
  { name: "the Queue rings twice and out of order", at: /before bell/, act: "twice", hits: () => true },
];

export const skews: readonly Skew[] = [
  { name: "the edge's clock is ten minutes ahead", skewMs: 600_000 },
  { name: "the edge's clock is ten minutes behind", skewMs: -600_000 },
];
