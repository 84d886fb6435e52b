/**
 * What the encrypted store costs on this machine: filing, unsealing, reading, searching, opening. Each figure beside the same code
 * and schema without a page cipher, and filing beside plain files with an fsync each. Usage: store [MESSAGES], 10,000 by default.
 */
import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import { z } from "zod";

const here = (name: string): string => fileURLToPath(new URL(`store/${name}`, import.meta.url));
const resultSchema = z.record(z.string(), z.number());

export async function run(args: string[]): Promise<number> {
  const messages = Number(args[0] ?? 10_000);
  if (!Number.isInteger(messages) || messages < 200) {
    process.stderr.write("usage: store [MESSAGES], at least 200\n");
    return 2;
  }
  const encrypted = await measure(messages, []);
  const plain = await measure(messages, ["--import", here("plain-pages.ts")], ["plain"]);
  process.stdout.write(`${messages} messages: 78 % 2 KB, 20 % 20 KB, 2 % 1 MB\n`);
  process.stdout.write(`${"".padEnd(32)}${"encrypted".padStart(12)}${"no cipher".padStart(12)}${"cost".padStart(8)}\n`);
  for (const [name, value] of Object.entries(encrypted)) process.stdout.write(row(name, value, plain[name]));
  return 0;
}

/** `cost`: how many times as long, or as much, with the cipher. */
function row(name: string, value: number, without: number | undefined): string {
  const ratio = without === undefined ? Number.NaN : name.endsWith("/s") ? without / value : value / without;
  const shown = [value, without].map((figure) => (figure?.toFixed(1) ?? "").padStart(12)).join("");
  return `${name.padEnd(32)}${shown}${(Number.isNaN(ratio) ? "" : ratio.toFixed(2)).padStart(8)}\n`;
}

function measure(messages: number, preload: string[], more: string[] = []): Promise<Record<string, number>> {
  const child = spawn(process.execPath, [...preload, here("measure.ts"), String(messages), ...more], {
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
