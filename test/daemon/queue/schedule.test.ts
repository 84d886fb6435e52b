import fc from "fast-check";
import { expect, it } from "vitest";
import { Schedule, scheduleRules, type Waiting } from "../../../src/daemon/queue/schedule.ts";

const minute = 60_000;
let now = 0;
const make = (rules: Partial<typeof scheduleRules> = {}) =>
  new Schedule(
    { ...scheduleRules, ...rules },
    () => now,
    () => 0,
  );
const job = (id: string, more: Partial<Waiting> = {}): Waiting => ({
  id,
  host: "a.test",
  size: 100,
  nextAt: 0,
  attempts: 0,
  deadline: 1e12,
  delayTold: false,
  ...more,
});

function takeAll(schedule: Schedule): string[] {
  const ids: string[] = [];
  for (let one = schedule.take(); one !== null; one = schedule.take()) ids.push(one.id);
  return ids;
}

it("lets few go to one host, and hosts take turns", () => {
  now = 0;
  const schedule = make({ perHost: 2 });
  for (let i = 0; i < 4; i++) schedule.add(job(`a${i}`));
  for (let i = 0; i < 4; i++) schedule.add(job(`b${i}`, { host: "b.test" }));
  expect(takeAll(schedule)).toEqual(["a0", "b0", "a1", "b1"]);
  schedule.finish(job("a0"));
  expect(takeAll(schedule)).toEqual(["a2"]);
});

it("bounds what runs in all, by number and by bytes; a giant goes alone", () => {
  now = 0;
  const few = make({ inAll: 3 });
  for (let i = 0; i < 9; i++) few.add(job(`h${i}`, { host: `h${i}.test` }));
  expect(takeAll(few).length).toBe(3);
  const narrow = make({ bytes: 250 });
  for (let i = 0; i < 4; i++) narrow.add(job(`s${i}`, { host: `s${i}.test` }));
  narrow.add(job("giant", { host: "g.test", size: 1000 }));
  expect(takeAll(narrow)).toEqual(["s0", "s1"]);
  narrow.finish(job("s0", { host: "s0.test" }));
  narrow.finish(job("s1", { host: "s1.test" }));
  expect(takeAll(narrow)).toEqual(["s2", "s3"]);
  narrow.finish(job("s2", { host: "s2.test" }));
  expect(takeAll(narrow)).toEqual([]);
  narrow.finish(job("s3", { host: "s3.test" }));
  expect(takeAll(narrow)).toEqual(["giant"]);
});

it("waits longer after each failure, and never past the deadline for the last try", () => {
  now = 0;
  const schedule = make();
  schedule.add(job("x", { deadline: 10 * minute }));
  const waits: number[] = [];
  for (let i = 0; i < 4; i++) {
    const one = schedule.take();
    if (one === null) throw new Error("nothing due");
    const again = schedule.retry(one, false);
    waits.push((again.nextAt - now) / minute);
    now = again.nextAt;
  }
  expect(waits).toEqual([1, 5, 4, 1]);
});

it("rests a host that is down as a whole, feels it out with one job, then lets all go", () => {
  now = 0;
  const schedule = make({ perHost: 3 });
  for (let i = 0; i < 5; i++) schedule.add(job(`j${i}`));
  const first = [schedule.take(), schedule.take(), schedule.take()].filter((one) => one !== null);
  for (const one of first) schedule.retry(one, true);
  expect(schedule.take()).toBe(null);
  expect(schedule.wakeAt()).toBe(minute);
  now = minute;
  const probe = schedule.take();
  expect(probe?.id).toBe("j3");
  expect(schedule.take()).toBe(null);
  if (probe) schedule.retry(probe, true);
  expect(schedule.wakeAt()).toBe(6 * minute);
  now = 6 * minute;
  const second = schedule.take();
  expect(schedule.take()).toBe(null);
  if (second) schedule.finish(second);
  expect(takeAll(schedule).length).toBe(3);
});

it("never loses a job, never runs one twice at a time, never exceeds a bound", () => {
  const step = fc.record({ what: fc.constantFrom("add", "take", "finish", "retry", "down", "wait"), n: fc.nat(9) });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 120 }), (steps) => {
      now = 0;
      const schedule = make({ perHost: 2, inAll: 5 });
      const running: Waiting[] = [];
      let alive = 0;
      for (const [i, { what, n }] of steps.entries()) {
        if (what === "add") {
          schedule.add(job(`j${i}`, { host: `h${n % 3}.test`, nextAt: now }));
          alive++;
        } else if (what === "wait") now += n * minute;
        else if (what === "take") {
          const one = schedule.take();
          if (one === null) continue;
          expect(one.nextAt).toBeLessThanOrEqual(now);
          expect(running.some(({ id }) => id === one.id)).toBe(false);
          running.push(one);
          expect(running.length).toBeLessThanOrEqual(5);
          expect(running.filter(({ host }) => host === one.host).length).toBeLessThanOrEqual(2);
        } else {
          const [one] = running.splice(n % Math.max(1, running.length), 1);
          if (one === undefined) continue;
          if (what === "finish") {
            schedule.finish(one);
            alive--;
          } else schedule.retry(one, what === "down");
        }
        expect(schedule.size).toBe(alive);
      }
      // Everything comes out in the end.
      for (const one of running) schedule.finish(one);
      alive -= running.length;
      for (let turns = 0; alive > 0 && turns < 1000; turns++) {
        now += 10 * minute;
        for (let one = schedule.take(); one !== null; one = schedule.take()) {
          schedule.finish(one);
          alive--;
        }
      }
      expect(alive).toBe(0);
    }),
  );
});
