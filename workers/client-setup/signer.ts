/**
 * Who signs the profiles: a certificate chain and its key, two optional secrets of the Worker. Where they are not set profiles go out
 * unsigned; where they are wrong, a profile is refused rather than sent with less than the operator asked for.
 */
import { z } from "zod";
import { fromBase64 } from "../../src/core/bytes.ts";
import type { Signer, SignerKind } from "../../src/core/client-setup/cms.ts";
import { elements, oid } from "../../src/core/client-setup/der.ts";

const secrets = z.object({
  /** PEM: the certificate, then those above it. */
  PROFILE_CERT: z.string().optional(),
  /** PEM, PKCS #8: RSA or P-256. */
  PROFILE_KEY: z.string().optional(),
});

const algorithms = {
  rsa: { key: { name: "RSASSA-PKCS1-v1_5", hash: "SHA-256" }, sign: { name: "RSASSA-PKCS1-v1_5" } },
  p256: { key: { name: "ECDSA", namedCurve: "P-256" }, sign: { name: "ECDSA", hash: "SHA-256" } },
} as const;
const keyTypes: Record<string, SignerKind> = {
  [String(oid("1.2.840.113549.1.1.1"))]: "rsa",
  [String(oid("1.2.840.10045.2.1"))]: "p256",
};

const known = new WeakMap<Env, Promise<Signer | null>>();

export function profileSigner(env: Env): Promise<Signer | null> {
  const signer = known.get(env) ?? load(env);
  known.set(env, signer);
  return signer;
}

async function load(env: Env): Promise<Signer | null> {
  const { PROFILE_CERT, PROFILE_KEY } = secrets.parse(env);
  if (PROFILE_CERT === undefined && PROFILE_KEY === undefined) return null;
  const certificates = pemBlocks(PROFILE_CERT ?? "", "CERTIFICATE");
  const [pkcs8] = pemBlocks(PROFILE_KEY ?? "", "PRIVATE KEY");
  if (certificates.length === 0 || pkcs8 === undefined) throw new Error("PROFILE_CERT and PROFILE_KEY go together");
  const kind = kindOf(pkcs8);
  const key = await crypto.subtle.importKey("pkcs8", pkcs8, algorithms[kind].key, false, ["sign"]);
  return {
    kind,
    certificates,
    sign: async (bytes) => new Uint8Array(await crypto.subtle.sign(algorithms[kind].sign, key, bytes)),
    sha256: async (bytes) => new Uint8Array(await crypto.subtle.digest("SHA-256", bytes)),
  };
}

function pemBlocks(pem: string, label: string): Uint8Array[] {
  const block = new RegExp(`-----BEGIN ${label}-----([^-]+)-----END ${label}-----`, "g");
  return [...pem.matchAll(block)].map(([, base64 = ""]) => fromBase64(base64.replace(/\s/g, "")));
}

/** PrivateKeyInfo ::= SEQUENCE { version, SEQUENCE { algorithm, … }, … } (RFC 5208 §5). */
function kindOf(pkcs8: Uint8Array): SignerKind {
  const [outer] = elements(pkcs8);
  const [, algorithm] = elements(outer?.body ?? new Uint8Array(0));
  const [type] = elements(algorithm?.body ?? new Uint8Array(0));
  const kind = keyTypes[String(type?.whole)];
  if (kind === undefined) throw new Error("PROFILE_KEY must be RSA or P-256");
  return kind;
}
