// The ledger says what is true: every capability has its row, every row its proof.
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { capabilities } from "../../../src/daemon/imap/capability.ts";
import type { Facts } from "../../../src/daemon/imap/command.ts";
import { scenariosOf } from "../../transcripts/script.ts";

const root = join(import.meta.dirname, "../../..");
const ledger = readFileSync(join(root, "src/daemon/imap/SUPPORT.md"), "utf8");
const facts: Facts = {
  at: "start",
  secure: false,
  canStartTls: true,
  plainAllowed: false,
  compressed: false,
  messageLimit: 1000,
};

describe("the support ledger", () => {
  it("has every capability that is ever advertised", () => {
    const all = [facts, { ...facts, plainAllowed: true }, { ...facts, at: "selected" as const, secure: true }]
      .flatMap((one) => capabilities(one).split(" "))
      .map((name) => name.replace(/^(APPENDLIMIT|MESSAGELIMIT)=\d+$/, "$1"));
    const known = new Set(ledger.match(/[A-Za-z0-9+]+(?:[-=][A-Za-z0-9+-]+)*\+?/g));
    expect([...new Set(all)].filter((name) => !known.has(name))).toEqual([]);
  });

  it("names transcripts and tests that exist", () => {
    const names = new Set([...scenariosOf("imap"), ...scenariosOf("pop3")].map(({ name }) => name));
    const shown = ledger
      .split("\n")
      .filter((line) => /^\| \d/.test(line))
      .flatMap((line) => [...(line.split("|")[4] ?? "").matchAll(/`([^`]+)`/g)].map((match) => match[1] ?? ""));
    expect(shown.length).toBeGreaterThan(50);
    const isThere = (name: string): boolean => names.has(name) || existsSync(join(import.meta.dirname, name));
    expect(shown.filter((name) => !isThere(name))).toEqual([]);
  });
});
