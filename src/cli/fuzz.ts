/** `postern fuzz`: the long run of the fuzzers under `test/fuzz`, seeded anew each time; the seed is printed. */
import { join } from "node:path";
import { root } from "./run.ts";

export const usage = `usage: npm run fuzz -- [--seed N] [--commands N]
Random and grammar-aware commands over IMAP and POP3, 1,000,000 where nothing else is said. A seed makes a run again.
`;

export async function run(args: string[]): Promise<number> {
  const fuzz: { run(args: string[]): Promise<number> } = await import(join(root, "test", "fuzz", "main.ts"));
  return fuzz.run(args);
}
