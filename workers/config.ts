/**
 * The Worker's settings and secrets, parsed once per isolate. A Worker with a missing or malformed one refuses all work and
 * says which, never its value.
 */
import { z } from "zod";
import { fromBase64 } from "../src/core/bytes.ts";

const key32 = z.string().transform((text, context) => {
  try {
    const bytes = fromBase64(text);
    if (bytes.length === 32) return bytes;
  } catch {
    // said below
  }
  context.addIssue({ code: "custom", message: "must be 32 bytes in base64" });
  return z.NEVER;
});
const words = z.string().transform((text) => text.split(/\s+/).filter((word) => word !== ""));

const schema = z.object({
  /** Ed25519 seed: the edge's identity towards nodes. */
  EDGE_SEED: key32,
  DEDUPE_SECRET: z.string().min(16),
  SETUP_TOKEN: z.string().min(16),
  /** Our name in Authentication-Results and Received. */
  AUTHSERV_ID: z.string().min(1).max(253),
  DOH_URLS: words.pipe(z.array(z.url({ protocol: /^https?$/ })).min(1)),
  RETENTION_DAYS: z.coerce.number().int().min(1).max(3650),
  TRUSTED_SEALERS: words,
  DNS_ONLY: z.enum(["off", "allowlist", "open"]),
  DNS_ONLY_DOMAINS: words,
  ALLOW_LOOPBACK: z.string(),
});

export type Config = {
  edgeSeed: Uint8Array;
  dedupeSecret: string;
  authservId: string;
  dohUrls: string[];
  retentionMs: number;
  trustedSealers: string[];
  /** Which domains without an account are served by their TXT records. */
  dnsOnly: { mode: "off" | "allowlist" | "open"; domains: ReadonlySet<string> };
  /** Webhooks may go to this machine: test set-ups. */
  allowLoopback: boolean;
};

export class BadConfig extends Error {}

const parsed = new WeakMap<Env, Config>();

export function configOf(env: Env): Config {
  const known = parsed.get(env) ?? parse(env);
  parsed.set(env, known);
  return known;
}

/** The allowance is refused beside a resolver out in the world: a deployed Worker can't have it by accident. */
function loopbackAllowed(text: string, resolvers: readonly string[]): boolean {
  if (text === "") return false;
  const local = resolvers.every((url) => ["127.0.0.1", "[::1]", "localhost"].includes(new URL(url).hostname));
  if (!local) throw new BadConfig("ALLOW_LOOPBACK is for test set-ups whose DOH_URLS are on loopback");
  return true;
}

function parse(env: Env): Config {
  const result = schema.safeParse(env);
  if (!result.success)
    throw new BadConfig(result.error.issues.map((issue) => `${issue.path.join(".")}: ${issue.message}`).join("; "));
  const { data } = result;
  return {
    edgeSeed: data.EDGE_SEED,
    dedupeSecret: data.DEDUPE_SECRET,
    authservId: data.AUTHSERV_ID,
    dohUrls: data.DOH_URLS,
    retentionMs: data.RETENTION_DAYS * 86_400_000,
    trustedSealers: data.TRUSTED_SEALERS,
    dnsOnly: { mode: data.DNS_ONLY, domains: new Set(data.DNS_ONLY_DOMAINS.map((name) => name.toLowerCase())) },
    allowLoopback: loopbackAllowed(data.ALLOW_LOOPBACK, data.DOH_URLS),
  };
}
