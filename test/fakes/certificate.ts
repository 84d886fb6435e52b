/** A self-signed certificate for a name, made in this process. */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { certificates } from "../../src/cli/world/certificates.ts";

/** PEM; `ca` vouches for `cert`. */
export async function certificatePair(name: string): Promise<{ ca: string; cert: string; key: string }> {
  const folder = mkdtempSync(join(tmpdir(), "postern-cert-"));
  try {
    const { ca, cert, key } = await certificates(folder, [name]);
    return { ca: readFileSync(ca, "utf8"), cert: readFileSync(cert, "utf8"), key: readFileSync(key, "utf8") };
  } finally {
    rmSync(folder, { recursive: true });
  }
}
