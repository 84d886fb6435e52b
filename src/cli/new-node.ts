/**
 * `postern new-node FOLDER …`: writes a node's identity and configuration on the server it will run on, and prints what the
 * edge must be told of it. Nothing secret leaves the folder.
 */
import { randomBytes } from "node:crypto";
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { type Config, configSchema } from "../daemon/config.ts";
import { newIdentity } from "./world/place.ts";

export const usage = `usage: postern new-node FOLDER --id ID --hostname mx1.example.net --edge https://postern.example.net --edge-key KEY
                        --cert fullchain.pem --key privkey.pem
`;

const text = { type: "string" } as const;

export async function run(args: string[]): Promise<number> {
  const options = { id: text, hostname: text, edge: text, "edge-key": text, cert: text, key: text };
  const { values, positionals } = parseArgs({ args, options, allowPositionals: true });
  const [folder] = positionals;
  const missing = Object.keys(options).filter((name) => !(name in values));
  if (folder === undefined || missing.length > 0)
    return complain(missing.length > 0 ? `missing: --${missing.join(", --")}\n${usage}` : usage);
  const home = resolve(folder);
  if (existsSync(join(home, "node.json"))) return complain(`${home} has a node already\n`);
  const config = configSchema.safeParse(configFor(home, values));
  if (!config.success)
    return complain(`${config.error.issues.map(({ path, message }) => `${path.join(".")}: ${message}`).join("\n")}\n`);
  return write(home, config.data);
}

function configFor(home: string, values: Record<string, string | undefined>): unknown {
  const on = (port: number) => ({ host: "::", port });
  return {
    node: { id: values["id"], hostname: values["hostname"] },
    data: join(home, "data"),
    identity: join(home, "identity.json"),
    edge: { origin: values["edge"], publicKey: values["edge-key"] },
    tls: { cert: resolve(values["cert"] ?? ""), key: resolve(values["key"] ?? "") },
    listen: {
      imaps: on(993),
      imap: on(143),
      pop3s: on(995),
      pop3: on(110),
      door: on(25),
      handoff: on(8443),
      metrics: { host: "127.0.0.1", port: 9470 },
    },
  };
}

function write(home: string, config: Config): number {
  const { seed, publicKey } = newIdentity();
  mkdirSync(config.data, { recursive: true, mode: 0o700 });
  const identity = { seed, storeKey: randomBytes(32).toString("base64") };
  writeFileSync(config.identity, `${JSON.stringify(identity)}\n`, { mode: 0o600, flag: "wx" });
  writeFileSync(join(home, "node.json"), `${JSON.stringify(config, null, 2)}\n`, { mode: 0o600, flag: "wx" });
  const { id, hostname } = config.node;
  const told = { id, name: id, origin: `https://${hostname}:8443`, mxHost: hostname, publicKey };
  process.stdout.write(`${JSON.stringify(told)}\n`);
  process.stderr.write(
    `wrote ${join(home, "node.json")} and ${config.identity} (keep a copy of the latter: without it the node's own state is lost)\n` +
      `tell the edge, as its operator: put the line above into the form on the page “Nodes”\n` +
      `then run: node --disable-sigusr1 src/daemon/main.ts ${join(home, "node.json")}\n`,
  );
  return 0;
}

function complain(what: string): number {
  process.stderr.write(what);
  return 2;
}
