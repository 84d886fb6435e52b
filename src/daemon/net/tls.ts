/**
 * TLS of the listeners. The context is asked for at each handshake, so that a renewed certificate serves the next client
 * without a restart. TLS 1.2 is the floor (RFC 8996, RFC 8997).
 */
import type { Socket } from "node:net";
import { createSecureContext, type SecureContext, TLSSocket } from "node:tls";

/** Answers the context of now; null: this node has no certificate, TLS is not offered. */
export type TlsSource = () => SecureContext;

export function tlsContext(pem: { key: string | Buffer; cert: string | Buffer }): SecureContext {
  return createSecureContext({
    key: pem.key,
    cert: pem.cert,
    minVersion: "TLSv1.2",
    honorCipherOrder: true,
    sessionIdContext: "postern",
  });
}

/** The server's side of a handshake on a connected socket. Rejects when it fails or takes longer than `timeoutMs`. */
export function handshake(socket: Socket, source: TlsSource, timeoutMs: number): Promise<TLSSocket> {
  const secure = new TLSSocket(socket, { isServer: true, secureContext: source(), requestCert: false });
  return new Promise((resolve, reject) => {
    const fail = (error: Error): void => {
      secure.destroy();
      socket.destroy();
      reject(error);
    };
    const timer = setTimeout(() => fail(new Error("TLS handshake took too long")), timeoutMs);
    const closed = (): void => fail(new Error("closed during the TLS handshake"));
    secure.once("close", closed);
    secure.on("error", fail);
    secure.once("secure", () => {
      clearTimeout(timer);
      secure.off("close", closed);
      secure.off("error", fail);
      // Between now and the owner's own listener nobody would hear an error, and that ends the process.
      secure.on("error", ignore);
      resolve(secure);
    });
    secure.once("close", () => clearTimeout(timer));
  });
}

function ignore(): void {}
