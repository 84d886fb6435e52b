/** Every command says how it is used, and answers a wrong option with that and exit code 2. */
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { expect, test } from "vitest";

const main = join(import.meta.dirname, "..", "..", "src", "cli", "main.ts");

function postern(...args: string[]): { status: number | null; stdout: string; stderr: string } {
  return spawnSync(process.execPath, [main, ...args], { encoding: "utf8", timeout: 30_000 });
}

const { stderr: listing } = postern("--help");
const commands = [...listing.matchAll(/^ {2}postern (\S+)/gm)].map(([, name = ""]) => name);

test("the list of commands is whole", () =>
  expect(commands).toEqual(expect.arrayContaining(["start", "test", "send"])));

test.each(commands)("postern %s --help", (name) => {
  expect(postern(name, "--help")).toMatchObject({ status: 0, stdout: expect.stringMatching(/^usage: /) });
});

test.each(["start", "send", "prove", "new-node", "fuzz"])("postern %s with an unknown option", (name) => {
  const { status, stderr } = postern(name, "--no-such-option");
  expect(status).toBe(2);
  expect(stderr).toMatch(/no-such-option[\s\S]*\nusage: /);
});
