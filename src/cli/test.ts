/**
 * `postern test`: the checks, then every test. A peer (a Debian program, Chromium) that is not on the machine is named at the
 * end with what went untested; in CI that is a failure.
 */
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { z } from "zod";
import { run as check } from "./check.ts";
import { runTool, tool } from "./run.ts";

export const usage = `usage: npm test -- [FILTER …] [vitest options]
Without arguments: all checks, then all tests. With: only the test files whose path contains a filter.
`;

export async function run(args: string[]): Promise<number> {
  if (args.length === 0 && (await check()) !== 0) return 1;
  const scratch = mkdtempSync(join(tmpdir(), "postern-test-"));
  const skipped = join(scratch, "skipped");
  const results = join(scratch, "results.json");
  writeFileSync(skipped, "");
  try {
    const env = { POSTERN_SKIPPED: skipped, WRANGLER_SEND_METRICS: "false", CLOUDFLARE_CF_FETCH_ENABLED: "false" };
    const reporters = ["--reporter=default", "--reporter=json", `--outputFile.json=${results}`];
    const { code } = await runTool(tool("vitest"), ["run", ...reporters, ...args], { show: true, env });
    reportSkipped(readFileSync(skipped, "utf8"));
    reportCounts(results);
    return code;
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

function reportSkipped(lines: string): void {
  const peers = [...new Set(lines.split("\n").filter(Boolean))];
  if (peers.length === 0) return;
  process.stdout.write(
    `\nNot tested on this machine, for want of a program:\n${peers.map((line) => `  - ${line}\n`).join("")}`,
  );
}

const countsSchema = z.object({ numPassedTests: z.int(), numFailedTests: z.int(), numPendingTests: z.int() });

function reportCounts(file: string): void {
  if (!existsSync(file)) return;
  const counts = countsSchema.parse(JSON.parse(readFileSync(file, "utf8")));
  process.stdout.write(
    `\n${counts.numPassedTests} passed, ${counts.numFailedTests} failed, ${counts.numPendingTests} skipped\n`,
  );
}
