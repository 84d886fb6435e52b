/** The node of the local run: the real daemon under the throw-away certificate, kept alive; it says when it serves. */
import type { ChildProcess } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import type { ConfigFile } from "../../daemon/config.ts";
import { root } from "../run.ts";
import { KeptChild, type OnClose } from "./child.ts";
import type { Place, Secrets } from "./place.ts";
import { freePort } from "./ports.ts";

/** What the daemon tells its parent once every listener is bound. */
const readySchema = z.object({
  ready: z.record(z.string(), z.int()),
  /** The DKIM record that domains publish so that the node may sign for them. */
  signing: z.object({ selector: z.string(), txt: z.string() }).optional(),
});
type Ready = z.infer<typeof readySchema>;

export async function startNode(
  place: Place,
  secrets: Secrets,
  config: ConfigFile,
  tell: { say: (text: string) => void; onClose: OnClose },
): Promise<{ child: KeptChild; ports: Ready["ready"]; signing: Ready["signing"] }> {
  writeFileSync(place.identity, JSON.stringify({ seed: secrets.node.seed, storeKey: secrets.storeKey }), {
    mode: 0o600,
  });
  writeFileSync(place.nodeConfig, JSON.stringify(config, null, 1), { mode: 0o600 });
  let said: Ready = { ready: {} };
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
    env: {
      ...process.env,
      ...hardening(place),
      ...(config.edge === null ? {} : { NODE_EXTRA_CA_CERTS: join(place.tls, "ca.pem") }),
    },
    logFile: place.log("node"),
    ready: async (running) => {
      said = await told(running);
    },
    say: tell.say,
  });
  tell.onClose(() => child.stop());
  await child.start();
  return { child, ports: said.ready, signing: said.signing };
}

function told(child: ChildProcess): Promise<Ready> {
  return new Promise((done) => {
    child.on("message", (message) => {
      const parsed = readySchema.safeParse(message);
      if (parsed.success) done(parsed.data);
    });
  });
}

/** Freed memory is overwritten (glibc), so that no message outlives its buffer; compiled code is kept between starts. */
function hardening(place: Place): NodeJS.ProcessEnv {
  return { MALLOC_PERTURB_: "165", NODE_COMPILE_CACHE: join(place.folder, "compiled") };
}

type NodeFacts = { nodeId: string; hostname: string; edge: ConfigFile["edge"]; tls: { cert: string; key: string } };

/** A node on loopback, every listener on the usual port plus a free one's distance. */
export async function nodeConfig(place: Place, facts: NodeFacts): Promise<ConfigFile> {
  const on = async (port: number) => ({ host: "127.0.0.1", port: await freePort(port) });
  return {
    node: { id: facts.nodeId, hostname: facts.hostname },
    data: place.node,
    identity: place.identity,
    edge: facts.edge,
    tls: { cert: facts.tls.cert, key: facts.tls.key },
    listen: {
      imaps: await on(8993),
      imap: await on(8143),
      pop3s: await on(8995),
      pop3: await on(8110),
      door: await on(8025),
      handoff: await on(8443),
      metrics: await on(9470),
    },
    dns: { servers: [] },
    delivery: { port: 25 },
    testing: { insecurePlain: false, loopbackDestinations: true },
  };
}
