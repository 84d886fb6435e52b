/** `postern bench NAME`: the measurements behind the README's figures, one file of `bench/` each. */
import { existsSync, globSync } from "node:fs";
import { basename, join } from "node:path";
import { root } from "./run.ts";

export async function run(args: string[]): Promise<number> {
  const [name = "", ...rest] = args;
  const file = join(root, "bench", `${name}.ts`);
  if (/^[a-z]+$/.test(name) && existsSync(file)) {
    const bench: { run(args: string[]): Promise<number> } = await import(file);
    return bench.run(rest);
  }
  const names = globSync("*.ts", { cwd: join(root, "bench") }).map((each) => basename(each, ".ts"));
  process.stderr.write(`usage: npm run bench -- ${names.sort().join(" | ")}\n`);
  return 2;
}
