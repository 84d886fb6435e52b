// How far copies reach: what a node tells the edge before and after copies, restores, and a disk that begins empty.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { CopiesTold, coverOf, noCover, noteRestored, writeMark } from "../../../src/daemon/store/backed-up.ts";

let room: string;
let now = 1000;
beforeEach(() => {
  room = mkdtempSync(join(tmpdir(), "postern-backed-up-"));
  now = 1000;
});
afterEach(() => rmSync(room, { recursive: true }));

const mark = () => join(room, "mark.json");
const told = (name: string | null = mark()) => new CopiesTold(room, name, () => now);

it("without copies it says nothing, and lives", () => {
  expect(told(null).said()).toEqual({});
  told(null).isHeard();
  expect(coverOf(room)).toEqual({ since: 1000, until: 1000 });
});

it("a copy reaches as far as the last beat before it, since the folder was new", () => {
  expect(coverOf(room)).toEqual(noCover);
  expect(told().said()).toEqual({ backup: noCover });
  expect(coverOf(room)).toEqual(noCover);
  told().isHeard();
  now = 2000;
  told().isHeard();
  now = 3000;
  expect(coverOf(room)).toEqual({ since: 1000, until: 2000 });
  writeMark(mark(), coverOf(room));
  expect(told().said()).toEqual({ backup: { since: 1000, until: 2000 } });
});

it("a disk that takes no more is said nothing of to the edge, and a copy claims less", () => {
  told().isHeard();
  mkdirSync(join(room, "alive.json.new")); // nothing can be written by that name
  now = 2000;
  const lines: string[] = [];
  const log = (line: string) => lines.push(line);
  const full = new CopiesTold(room, mark(), () => now, log);
  expect(full.said()).toEqual({ backup: noCover });
  full.isHeard();
  expect(lines).toHaveLength(1);
  expect(coverOf(room)).toEqual({ since: 1000, until: 1000 });
});

it("a mark that is torn promises nothing", () => {
  writeFileSync(mark(), '{"since":1,"unt');
  expect(told().said()).toEqual({ backup: noCover });
});

it("a clock that the edge does not agree with claims nothing: it refuses such beats", () => {
  told().isHeard();
  now = 86_400_000;
  told().said();
  expect(coverOf(room)).toEqual({ since: 1000, until: 1000 });
});

it("what was put back says so until it was heard, and no copy claims the mail since", () => {
  told().isHeard();
  noteRestored(room, { since: 100, until: 500 }, null);
  const { restored } = told().said();
  expect(restored).toMatchObject({ from: 500, mailboxes: null });
  now = 4000;
  expect(told().said()).toEqual({ backup: noCover, restored });
  told().isHeard();
  expect(coverOf(room)).toEqual(noCover);
  told().isPutBack("another");
  expect(told().said().restored).toEqual(restored);
  told().isPutBack(restored?.id ?? "");
  expect(told().said().restored).toBeUndefined();
  expect(coverOf(room)).toEqual({ since: 100, until: 4000 });
});

it("two restores before the edge was asked are one, from the older copy", () => {
  noteRestored(room, { since: 1, until: 500 }, ["a"]);
  noteRestored(room, { since: 1, until: 700 }, ["b", "a"]);
  expect(told().said().restored).toMatchObject({ from: 500, mailboxes: ["a", "b"] });
  noteRestored(room, { since: 1, until: 900 }, null);
  expect(told().said().restored).toMatchObject({ from: 500, mailboxes: null });
});
