/**
 * A TCP listener of the node: implicit TLS or plain, TCP_NODELAY, the client's true address behind a trusted PROXY v2
 * balancer. It hands over connected sockets and knows nothing of what is spoken on them.
 *
 *   const imaps = await listen({ host: "::", port: 993, tls: () => context, onConnection: imap.serve });
 *   imaps.port; await imaps.close();
 */
import { createServer, type Server, type Socket } from "node:net";
import { plainAddress, takeProxyHeader } from "./proxy.ts";
import { handshake, type TlsSource } from "./tls.ts";

export type Connection = {
  socket: Socket;
  /** The client's address, IPv4 or IPv6 text without zone. */
  ip: string;
  /** TLS is on. */
  secure: boolean;
};

export type ListenOptions = {
  host: string;
  /** 0: any free port. */
  port: number;
  /** TLS from the first byte; null: plain (STARTTLS is then the protocol's business). */
  tls: TlsSource | null;
  onConnection: (connection: Connection) => void;
  /** Addresses whose PROXY v2 header is required and believed. */
  proxies?: readonly string[];
  /** For the handshake and the PROXY header; default 10 s. */
  handshakeMs?: number;
};

export type Listener = {
  readonly port: number;
  /** Stops accepting. Connections handed over live on; their protocol server ends them. */
  close(): Promise<void>;
};

export async function listen(options: ListenOptions): Promise<Listener> {
  const pending = new Set<Socket>();
  const server = createServer({ noDelay: true, keepAlive: true, keepAliveInitialDelay: 120_000 }, (socket) => {
    pending.add(socket);
    socket.on("error", () => socket.destroy());
    prepare(socket, options)
      .then((connection) => {
        pending.delete(socket);
        options.onConnection(connection);
      })
      // A port scan or a failed handshake is the client's trouble, and too common to log.
      .catch(() => {
        pending.delete(socket);
        socket.destroy();
      });
  });
  await bound(server, options);
  return {
    port: (server.address() as { port: number }).port,
    close: () => stop(server, pending),
  };
}

async function prepare(socket: Socket, options: ListenOptions): Promise<Connection> {
  const timeoutMs = options.handshakeMs ?? 10_000;
  let ip = plainAddress(socket.remoteAddress);
  if (options.proxies?.includes(ip)) ip = (await takeProxyHeader(socket, timeoutMs)) ?? ip;
  if (options.tls === null) return { socket, ip, secure: false };
  return { socket: await handshake(socket, options.tls, timeoutMs), ip, secure: true };
}

function bound(server: Server, options: ListenOptions): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen({ host: options.host, port: options.port, backlog: 511 }, () => {
      server.off("error", reject);
      resolve();
    });
  });
}

function stop(server: Server, pending: Set<Socket>): Promise<void> {
  for (const socket of pending) socket.destroy();
  // Not server.close()'s own promise: it waits for the very connections that go on.
  server.close();
  return Promise.resolve();
}
