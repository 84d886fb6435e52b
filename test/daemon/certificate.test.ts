/** What a node tells of its certificate is what a client of its servers sees, also after a renewal. */
import { createHash } from "node:crypto";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connect, createServer } from "node:tls";
import { afterEach, expect, test, vi } from "vitest";
import { type Certificate, certificate } from "../../src/daemon/main/certificate.ts";
import { certificatePair } from "../fakes/certificate.ts";

const folder = mkdtempSync(join(tmpdir(), "postern-chain-"));
afterEach(() => {
  vi.useRealTimers();
  rmSync(folder, { recursive: true, force: true });
});

/** SHA-256 of the certificate and of its key, as a client has them from the handshake. */
async function seenOf(pem: { key: string; cert: string }): Promise<[string, string]> {
  const server = createServer(pem).listen(0, "127.0.0.1");
  await once(server, "listening");
  const client = connect({
    port: (server.address() as AddressInfo).port,
    host: "127.0.0.1",
    rejectUnauthorized: false,
  });
  await once(client, "secureConnect");
  const peer = client.getPeerX509Certificate();
  if (peer === undefined) throw new Error("no certificate");
  const hash = (bytes: Uint8Array) => createHash("sha256").update(bytes).digest("hex");
  client.destroy();
  server.close();
  return [hash(peer.raw), hash(peer.publicKey.export({ type: "spki", format: "der" }))];
}

const told = (own: Certificate): [string, string] => {
  const [first] = own.chain();
  return [first?.cert.sha256 ?? "", first?.key.sha256 ?? ""];
};

test("its own first, those above after it; a renewed one within seconds", async () => {
  const paths = { cert: join(folder, "cert.pem"), key: join(folder, "key.pem") };
  const write = (pair: { ca: string; cert: string; key: string }): void => {
    writeFileSync(paths.cert, `${pair.cert}\n${pair.ca}`);
    writeFileSync(paths.key, pair.key);
  };
  const [old, fresh] = [await certificatePair("mx.test"), await certificatePair("mx.test")];
  write(old);
  const own = certificate(paths, () => undefined);
  expect(told(own)).toEqual(await seenOf(old));
  expect(own.chain()).toHaveLength(2);
  expect(own.chain()[1]?.cert).not.toEqual(own.chain()[0]?.cert);
  write(fresh);
  vi.useFakeTimers({ toFake: ["Date"], now: Date.now() + 60_000 });
  expect(told(own)).toEqual(await seenOf(fresh));
});
