/**
 * The throw-away CA of the local run and the one server certificate it signs (ECDSA P-256, RFC 5280), for `localhost`,
 * 127.0.0.1 and ::1. Made once per data folder; files are 0600.
 */
import { webcrypto, X509Certificate } from "node:crypto";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import "reflect-metadata"; // @peculiar/x509 asks for it before itself
import * as x509 from "@peculiar/x509";

export type Certificates = { ca: string; cert: string; key: string };

const algorithm = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" } as const;
const day = 24 * 60 * 60 * 1000;

/** Paths to PEM files in `folder`; made anew when absent or within a week of their end. */
export async function certificates(folder: string, names: readonly string[]): Promise<Certificates> {
  const paths = { ca: join(folder, "ca.pem"), cert: join(folder, "server.pem"), key: join(folder, "server.key") };
  if (stillGood(paths.cert, paths.ca)) return paths;
  const ca = await webcrypto.subtle.generateKey(algorithm, true, ["sign", "verify"]);
  const server = await webcrypto.subtle.generateKey(algorithm, true, ["sign", "verify"]);
  const root = await x509.X509CertificateGenerator.createSelfSigned(
    {
      name: "CN=Postern local CA",
      keys: ca,
      signingAlgorithm: algorithm,
      notBefore: new Date(Date.now() - day),
      notAfter: new Date(Date.now() + 800 * day),
      extensions: [
        new x509.BasicConstraintsExtension(true, 0, true),
        new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign, true),
      ],
    },
    webcrypto,
  );
  const leaf = await x509.X509CertificateGenerator.create(
    {
      subject: "CN=localhost",
      issuer: root.subject,
      publicKey: server.publicKey,
      signingKey: ca.privateKey,
      signingAlgorithm: algorithm,
      notBefore: new Date(Date.now() - day),
      notAfter: new Date(Date.now() + 390 * day),
      extensions: [
        new x509.BasicConstraintsExtension(false),
        new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.serverAuth]),
        new x509.SubjectAlternativeNameExtension([
          ...names.map((value) => ({ type: "dns", value }) as const),
          { type: "ip", value: "127.0.0.1" },
          { type: "ip", value: "::1" },
        ]),
      ],
    },
    webcrypto,
  );
  const pkcs8 = await webcrypto.subtle.exportKey("pkcs8", server.privateKey);
  write(paths.ca, root.toString("pem"));
  write(paths.cert, leaf.toString("pem"));
  write(paths.key, x509.PemConverter.encode(pkcs8, "PRIVATE KEY"));
  return paths;
}

function write(path: string, text: string): void {
  writeFileSync(path, `${text.trim()}\n`, { mode: 0o600 });
}

function stillGood(certPath: string, caPath: string): boolean {
  if (!existsSync(certPath) || !existsSync(caPath)) return false;
  const cert = new X509Certificate(readFileSync(certPath));
  return (
    cert.verify(new X509Certificate(readFileSync(caPath)).publicKey) && Date.parse(cert.validTo) > Date.now() + 7 * day
  );
}
