/** The node's certificate from two PEM files, looked at again when they change, so that a renewal needs no restart. */
import { createHash, X509Certificate } from "node:crypto";
import { readFileSync, statSync } from "node:fs";
import type { SecureContext } from "node:tls";
import type { Chain } from "../../core/contract/handoff.ts";
import { type TlsSource, tlsContext } from "../net/tls.ts";

/** How often the files are looked at, at most. */
const lookEveryMs = 5000;

export type Certificate = {
  source: TlsSource;
  pem(): { key: string; cert: string };
  /** Digests of its certificates, its own first. */
  chain(): Chain;
};

/** Throws where the files are no certificate at start; a bad renewal later keeps the old one and is logged. */
export function certificate(paths: { cert: string; key: string }, log: (what: string) => void): Certificate {
  const read = () => ({ key: readFileSync(paths.key, "utf8"), cert: readFileSync(paths.cert, "utf8") });
  const stamp = () => `${statSync(paths.cert).mtimeMs} ${statSync(paths.key).mtimeMs}`;
  let pem = read();
  let context: SecureContext = tlsContext(pem);
  let chain = chainOf(pem.cert);
  let seen = stamp();
  let lookedAt = Date.now();
  const look = (): void => {
    if (Date.now() - lookedAt < lookEveryMs) return;
    lookedAt = Date.now();
    try {
      const now = stamp();
      if (now === seen) return;
      const fresh = read();
      context = tlsContext(fresh);
      chain = chainOf(fresh.cert);
      pem = fresh;
      seen = now;
      log("certificate renewed");
    } catch {
      log("the new certificate can't be used; the old one goes on");
    }
  };
  return {
    source: () => {
      look();
      return context;
    },
    pem: () => {
      look();
      return pem;
    },
    chain: () => {
      look();
      return chain;
    },
  };
}

/** A server shows no longer one. */
const longestChain = 8;

function chainOf(pem: string): Chain {
  const each = pem.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? [];
  return each.slice(0, longestChain).map((one) => {
    const certificate = new X509Certificate(one);
    const key = certificate.publicKey.export({ type: "spki", format: "der" });
    return { cert: digestsOf(certificate.raw), key: digestsOf(key) };
  });
}

function digestsOf(bytes: Uint8Array): Chain[number]["cert"] {
  const hash = (name: string): string => createHash(name).update(bytes).digest("hex");
  return { sha256: hash("sha256"), sha512: hash("sha512") };
}
