/** `postern …` as a person runs it, with one line on standard input. */
import { spawn } from "node:child_process";
import { join } from "node:path";

const main = join(import.meta.dirname, "..", "src", "cli", "main.ts");

export function postern(
  args: readonly string[],
  input: string,
): Promise<{ code: number | null; out: string; err: string }> {
  const child = spawn(process.execPath, [main, ...args]);
  const [out, err]: [string[], string[]] = [[], []];
  child.stdout.on("data", (bytes) => out.push(String(bytes)));
  child.stderr.on("data", (bytes) => err.push(String(bytes)));
  child.stdin.end(`${input}\n`);
  return new Promise((resolve) =>
    child.once("close", (code) => resolve({ code, out: out.join(""), err: err.join("") })),
  );
}
