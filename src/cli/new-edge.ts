/** `postern new-edge`: makes the edge's secrets, once. They go into `wrangler secret bulk`; nodes are told the public key. */
import { randomBytes } from "node:crypto";
import { newIdentity } from "./world/place.ts";

export const usage = `usage: postern new-edge > edge-secrets.json
Makes the three secrets of an edge. Then:
  npx wrangler secret bulk edge-secrets.json
and keep the file somewhere safe and offline, or delete it. The public key, which nodes need, is printed beside it.
`;

export async function run(args: string[]): Promise<number> {
  if (args.length > 0) {
    process.stderr.write(usage);
    return 2;
  }
  const { seed, publicKey } = newIdentity();
  const secrets = {
    EDGE_SEED: seed,
    DEDUPE_SECRET: randomBytes(32).toString("base64"),
    SETUP_TOKEN: randomBytes(24).toString("base64url"),
  };
  process.stdout.write(`${JSON.stringify(secrets, null, 2)}\n`);
  process.stderr.write(`the edge's public key, for nodes: ${publicKey}\n`);
  return 0;
}
