/** The edge of the local run: D1 migrations, then `wrangler dev` on real local D1, R2 and Queues, kept alive. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { root, runTool, tool } from "../run.ts";
import { KeptChild, type OnClose } from "./child.ts";
import type { Place, Secrets } from "./place.ts";

/** No account, no metrics, no outside. */
const offline = { WRANGLER_SEND_METRICS: "false", CLOUDFLARE_CF_FETCH_ENABLED: "false", CI: "1", FORCE_COLOR: "0" };

export type EdgeOptions = {
  port: number;
  ca: string;
  /** The Worker's configuration where it differs from wrangler.toml. */
  vars: Record<string, string>;
  /** For wrangler, after all else. */
  args?: readonly string[];
  say: (text: string) => void;
  onClose: OnClose;
};

export async function startEdge(
  place: Place,
  secrets: Secrets,
  options: EdgeOptions,
): Promise<{ child: KeptChild; origin: string }> {
  const stopping = new AbortController();
  options.onClose(() => stopping.abort());
  await migrate(place, stopping.signal);
  writeSecrets(place, secrets);
  const origin = `http://127.0.0.1:${options.port}`;
  const child = new KeptChild({
    name: "the edge (wrangler dev)",
    command: process.execPath,
    args: [
      join(root, "node_modules", "wrangler", "bin", "wrangler.js"),
      "dev",
      ...["--ip", "127.0.0.1", "--port", String(options.port), "--inspector-port", "0"],
      ...["--persist-to", place.edge, "--env-file", place.edgeEnv, "--show-interactive-dev-session=false"],
      ...Object.entries(options.vars).flatMap(([name, value]) => ["--var", `${name}:${value}`]),
      ...(options.args ?? []),
    ],
    cwd: root,
    env: { ...process.env, ...offline, NODE_EXTRA_CA_CERTS: options.ca },
    logFile: place.log("edge"),
    ready: (_, gone) => answers(origin, gone),
    say: options.say,
  });
  options.onClose(() => child.stop());
  await child.start();
  return { child, origin };
}

async function migrate(place: Place, signal: AbortSignal): Promise<void> {
  const args = ["d1", "migrations", "apply", "DIRECTORY", "--local", "--persist-to", place.edge];
  const { code, output } = await runTool(tool("wrangler"), args, { env: offline, signal });
  if (code !== 0) throw new Error(`the directory's migrations failed:\n${output}`);
}

function writeSecrets(place: Place, secrets: Secrets): void {
  const lines = { EDGE_SEED: secrets.edge.seed, DEDUPE_SECRET: secrets.dedupeSecret, SETUP_TOKEN: secrets.setupToken };
  const text = Object.entries(lines).map(([name, value]) => `${name}="${value}"\n`);
  writeFileSync(place.edgeEnv, text.join(""), { mode: 0o600 });
}

/** Asks until the Worker answers, whatever it answers. */
async function answers(origin: string, gone: AbortSignal): Promise<void> {
  while (!gone.aborted) {
    try {
      const response = await fetch(origin, { redirect: "manual", signal: AbortSignal.timeout(30_000) });
      await response.body?.cancel();
      if (response.status < 500) return;
    } catch {
      // not listening yet
    }
    await new Promise((later) => setTimeout(later, 150));
  }
}
