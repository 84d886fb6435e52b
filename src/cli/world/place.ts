/** The data folder of the local run: where each thing lives, its lock, and the secrets made at first start. */
import { generateKeyPairSync, randomBytes } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";

export type Place = ReturnType<typeof openPlace>;

export function openPlace(folder: string, fresh: boolean) {
  const lock = join(folder, "lock");
  refuseIfRunning(lock);
  if (fresh) rmSync(folder, { recursive: true, force: true });
  for (const part of ["", "tls", "edge", "node", "outside", "log"])
    mkdirSync(join(folder, part), { recursive: true, mode: 0o700 });
  writeFileSync(lock, String(process.pid));
  return {
    folder,
    tls: join(folder, "tls"),
    edge: join(folder, "edge"),
    edgeEnv: join(folder, "edge.env"),
    node: join(folder, "node"),
    nodeConfig: join(folder, "node.json"),
    identity: join(folder, "node-identity.json"),
    outside: join(folder, "outside"),
    endpoints: join(folder, "endpoints.json"),
    log: (name: string) => join(folder, "log", `${name}.log`),
    zones: join(folder, "zones.json"),
    demo: join(folder, "demo.json"),
    standalone: join(folder, "mailboxes.json"),
    release: () => rmSync(lock, { force: true }),
  };
}

function refuseIfRunning(lock: string): void {
  if (!existsSync(lock)) return;
  const pid = Number(readFileSync(lock, "utf8"));
  if (pid !== process.pid && isAlive(pid))
    throw new Error(`Postern already runs from this folder (process ${pid}). Stop it first, or use --data FOLDER.`);
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

/** An Ed25519 identity: 32-byte seed and public key. */
export function newIdentity(): { seed: string; publicKey: string } {
  const jwk = generateKeyPairSync("ed25519").privateKey.export({ format: "jwk" });
  return { seed: standard(jwk.d), publicKey: standard(jwk.x) };
}

function standard(base64url: string | undefined): string {
  return Buffer.from(base64url ?? "", "base64url").toString("base64");
}

const secretsSchema = z.strictObject({
  edge: z.strictObject({ seed: z.string(), publicKey: z.string() }),
  node: z.strictObject({ seed: z.string(), publicKey: z.string() }),
  nodeId: z.string(),
  storeKey: z.string(),
  dedupeSecret: z.string(),
  setupToken: z.string(),
  cloudflareToken: z.string().default(() => randomToken()),
  admin: z.strictObject({ email: z.string(), password: z.string() }),
});
export type Secrets = z.infer<typeof secretsSchema>;

const randomToken = (): string => randomBytes(24).toString("base64url");

/** Read from the folder, or made and kept there with mode 0600. */
export function secrets(place: Place): Secrets {
  const file = join(place.folder, "secrets.json");
  if (existsSync(file)) return secretsSchema.parse(JSON.parse(readFileSync(file, "utf8")));
  const made: Secrets = {
    edge: newIdentity(),
    node: newIdentity(),
    nodeId: "demo-node",
    storeKey: randomBytes(32).toString("base64"),
    dedupeSecret: randomBytes(32).toString("base64"),
    setupToken: randomToken(),
    cloudflareToken: randomToken(),
    admin: { email: "admin@demo.test", password: randomBytes(12).toString("base64url") },
  };
  writeFileSync(file, JSON.stringify(made), { mode: 0o600 });
  return made;
}
