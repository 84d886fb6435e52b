/** The node's certificate from two PEM files, looked at again when they change, so that a renewal needs no restart. */
import { readFileSync, statSync } from "node:fs";
import type { SecureContext } from "node:tls";
import { type TlsSource, tlsContext } from "../net/tls.ts";

/** How often the files are looked at, at most. */
const lookEveryMs = 5000;

export type Certificate = {
  source: TlsSource;
  pem(): { key: string; cert: string };
};

/** Throws where the files are no certificate at start; a bad renewal later keeps the old one and is logged. */
export function certificate(paths: { cert: string; key: string }, log: (what: string) => void): Certificate {
  const read = () => ({ key: readFileSync(paths.key, "utf8"), cert: readFileSync(paths.cert, "utf8") });
  const stamp = () => `${statSync(paths.cert).mtimeMs} ${statSync(paths.key).mtimeMs}`;
  let pem = read();
  let context: SecureContext = tlsContext(pem);
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
  };
}
