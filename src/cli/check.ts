/** `postern check`: types, format, lint, floating promises, import rules. Everything at once; prints only what is wrong. */
import { runTool, tool } from "./run.ts";

const steps: readonly { name: string; command: string; args: readonly string[] }[] = [
  { name: "types", command: tool("tsc"), args: ["-b", "--pretty", "false"] },
  { name: "format and lint", command: tool("biome"), args: ["ci", "--colors=off", "."] },
  {
    name: "floating promises",
    command: tool("oxlint"),
    args: ["--type-aware", "--quiet", "src", "workers", "test", "bench"],
  },
  {
    name: "import rules",
    command: tool("vitest"),
    args: ["run", "--project", "node", "test/arch.test.ts", "--reporter=dot"],
  },
  {
    name: "Worker bindings",
    command: tool("wrangler"),
    args: ["types", "workers/bindings.d.ts", "--include-runtime=false", "--strict-vars=false", "--check"],
  },
];

export const usage = "usage: npm run check\n";

export async function run(): Promise<number> {
  const started = performance.now();
  const results = await Promise.all(
    steps.map(async (step) => ({
      step,
      ...(await runTool(step.command, step.args, { env: { WRANGLER_SEND_METRICS: "false" } })),
    })),
  );
  const failed = results.filter(({ code }) => code !== 0);
  for (const { step, output } of failed) process.stderr.write(`\n── ${step.name} ──\n${output.trim()}\n`);
  const seconds = ((performance.now() - started) / 1000).toFixed(1);
  process.stdout.write(
    `check: ${failed.length === 0 ? "all clean" : `${failed.length} of ${steps.length} failed`} in ${seconds} s\n`,
  );
  return failed.length === 0 ? 0 : 1;
}
