import { describe, expect, test } from "vitest";
import { prove } from "../../../src/core/proof/prove.ts";
import type { Proof } from "../../../src/core/proof/types.ts";
import { type Case, describeResult, parseCases, wordsOf } from "./cases.ts";
import { webCrypto } from "./crypto.ts";

const files = import.meta.glob<string>("../../cases/proof/*.txt", { query: "?raw", import: "default", eager: true });

for (const [path, text] of Object.entries(files)) {
  describe(path.split("/").at(-1) ?? path, () => {
    test.each(parseCases(text))("$name", async (one: Case) => {
      expect(one.expect.length).toBeGreaterThan(0);
      const proof = await prove(one.input, { dns: one.dns, crypto: webCrypto });
      for (const line of groups(one.expect)) check(line, proof);
    });
  });
}

type Expected = { what: string; lines: string[][] };

/** Lines about the same thing belong together: several `dkim` lines are several signatures. */
function groups(lines: readonly string[]): Expected[] {
  const found = new Map<string, string[][]>();
  for (const line of lines) {
    const [what = "", ...words] = wordsOf(line);
    found.set(what, [...(found.get(what) ?? []), words]);
  }
  return [...found].map(([what, list]) => ({ what, lines: list }));
}

function check({ what, lines }: Expected, proof: Proof): void {
  const results = resultsFor(what, proof);
  const wanted = lines.filter((words) => words.length > 0);
  expect(results.map((one) => one["result"] ?? one["cv"])).toEqual(wanted.map(([result]) => result));
  for (const [i, words] of wanted.entries()) {
    const pair = describeResult(words, results[i] ?? {});
    expect(pair.got).toEqual(pair.wanted);
  }
}

function resultsFor(what: string, proof: Proof): Record<string, unknown>[] {
  if (what === "dkim") return proof.dkim;
  const one = { spf: proof.spf, dmarc: proof.dmarc, arc: proof.arc, iprev: proof.iprev, bimi: proof.bimi }[what];
  if (one === undefined) throw new RangeError(`nothing is called ${what}`);
  return [one];
}
