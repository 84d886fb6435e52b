/**
 * What the encrypted store costs on this machine: filing, unsealing, listing, searching, opening, and who waits for whom. Each figure
 * beside the same code and schema without a page cipher, and filing beside plain files with an fsync each.
 * Usage: store [MESSAGES [LARGE]]: 10,000 and, for the very large mailbox, 100,000 by default; 0 leaves that one out.
 */
import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import { z } from "zod";

const here = (name: string): string => fileURLToPath(new URL(`store/${name}`, import.meta.url));
const resultSchema = z.record(z.string(), z.number());

export async function run(args: string[]): Promise<number> {
  const [messages, large] = [Number(args[0] ?? 10_000), Number(args[1] ?? 100_000)];
  if (!Number.isInteger(messages) || messages < 200 || !Number.isInteger(large) || large < 0) {
    process.stderr.write("usage: store [MESSAGES [LARGE]], at least 200 messages\n");
    return 2;
  }
  process.stdout.write(`${messages} messages: 78 % 2 KB, 20 % 20 KB, 2 % 1 MB; one at a time: a tenth of them\n`);
  const head = ["encrypted", "no cipher", "cost", "× plain files"].map((title) => title.padStart(14)).join("");
  process.stdout.write(`${"".padEnd(42)}${head}\n`);
  await table(messages, 0);
  if (large > 0) await table(messages, large);
  return 0;
}

async function table(messages: number, large: number): Promise<void> {
  const of = [String(messages), String(large)];
  const encrypted = await measure(of, []);
  const plain = await measure(of, ["--import", here("plain-pages.ts")]);
  const file = encrypted["plain file with fsync /s"];
  for (const [name, value] of Object.entries(encrypted)) process.stdout.write(row(name, value, plain[name], file));
}

/** `cost`: how many times as long, or as much, with the cipher. `× plain files`: how many messages for one plain file. */
function row(name: string, value: number, without: number | undefined, file: number | undefined): string {
  const isRate = name.endsWith("/s");
  const ratio = without === undefined || without === 0 ? null : isRate ? without / value : value / without;
  const beside = isRate && file !== undefined ? value / file : null;
  const cells = [value.toFixed(1), without?.toFixed(1), ratio?.toFixed(2), beside?.toFixed(2)];
  return `${name.padEnd(42)}${cells.map((cell) => (cell ?? "").padStart(14)).join("")}\n`;
}

function measure(args: string[], preload: string[]): Promise<Record<string, number>> {
  const child = spawn(process.execPath, [...preload, here("measure.ts"), ...args], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  let said = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    said += text;
  });
  return new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("exit", (code) => {
      if (code === 0) resolve(resultSchema.parse(JSON.parse(said)));
      else reject(new Error(`the measuring process ended with ${code}`));
    });
  });
}
