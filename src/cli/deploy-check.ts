/** `postern deploy-check`: bundles the Worker as a deployment would (`wrangler deploy --dry-run`) and prints its size. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { runTool, tool } from "./run.ts";

/** Workers' bound on the free plan, gzip (Cloudflare's documentation, mid-2026). */
const freePlanKiB = 3 * 1024;

export const usage = "usage: postern deploy-check\n";

export async function run(): Promise<number> {
  const out = mkdtempSync(join(tmpdir(), "postern-bundle-"));
  try {
    const { code, output } = await runTool(tool("wrangler"), ["deploy", "--dry-run", "--outdir", out], {
      env: { WRANGLER_SEND_METRICS: "false" },
    });
    const size = /gzip:\s*([\d.]+)\s*KiB/.exec(output)?.[1];
    if (code !== 0 || size === undefined) {
      process.stderr.write(output);
      return 1;
    }
    process.stdout.write(`the Worker's bundle: ${size} KiB gzip (the free plan takes ${freePlanKiB} KiB)\n`);
    return Number(size) < freePlanKiB ? 0 : 1;
  } finally {
    rmSync(out, { recursive: true, force: true });
  }
}
