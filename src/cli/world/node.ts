/** The node of the local run: the real daemon under the throw-away certificate, kept alive; it says when it serves. */
import type { ChildProcess } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import type { Config } from "../../daemon/config.ts";
import { root } from "../run.ts";
import { KeptChild } from "./child.ts";
import type { Place, Secrets } from "./place.ts";

/** What the daemon tells its parent once every listener is bound. */
const readySchema = z.object({ ready: z.record(z.string(), z.int()) });

export async function startNode(
  place: Place,
  secrets: Secrets,
  config: Config,
  say: (text: string) => void,
): Promise<{ child: KeptChild; ports: Record<string, number> }> {
  writeFileSync(place.identity, JSON.stringify({ seed: secrets.node.seed, storeKey: secrets.storeKey }), {
    mode: 0o600,
  });
  writeFileSync(place.nodeConfig, JSON.stringify(config, null, 1), { mode: 0o600 });
  let ports: Record<string, number> = {};
  const child = new KeptChild({
    name: "the node",
    command: process.execPath,
    args: [
      "--disable-sigusr1",
      "--disable-warning=ExperimentalWarning",
      join(root, "src", "daemon", "main.ts"),
      place.nodeConfig,
    ],
    cwd: root,
    env: { ...process.env, ...(config.edge === null ? {} : { NODE_EXTRA_CA_CERTS: join(place.tls, "ca.pem") }) },
    logFile: place.log("node"),
    ready: async (running) => {
      ports = await told(running);
    },
    say,
  });
  await child.start();
  return { child, ports };
}

function told(child: ChildProcess): Promise<Record<string, number>> {
  return new Promise((done) => {
    child.on("message", (message) => {
      const parsed = readySchema.safeParse(message);
      if (parsed.success) done(parsed.data.ready);
    });
  });
}
