/** `postern bench NAME`: the measurements behind the README's figures, one file of `bench/` each. */
import { existsSync, globSync } from "node:fs";
import { basename, join } from "node:path";
import { root } from "./run.ts";

const names = globSync("*.ts", { cwd: join(root, "bench") }).map((each) => basename(each, ".ts"));
export const usage = `usage: npm run bench -- ${names.sort().join(" | ")}\n`;

export async function run(args: string[]): Promise<number> {
  const [name = "", ...rest] = args;
  const file = join(root, "bench", `${name}.ts`);
  if (/^[a-z]+$/.test(name) && existsSync(file)) {
    const bench: { run(args: string[]): Promise<number> } = await import(file);
    return bench.run(rest);
  }
  process.stderr.write(usage);
  return 2;
}
