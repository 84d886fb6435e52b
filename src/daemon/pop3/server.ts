/**
 * POP3 (RFC 1939) over any listener of net/listen.
 *
 *   const pop3 = pop3Server({ maildrops, tls: () => context, hostname: "mx.example", attempts, log });
 *   const pop3s = await listen({ host, port: 995, tls: () => context, onConnection: pop3.serve });   // implicit TLS
 *   const plain = await listen({ host, port: 110, tls: null, onConnection: pop3.serve });            // STLS
 *   …
 *   await pop3s.close(); await plain.close(); await pop3.close();
 */
import { Attempts } from "../net/attempts.ts";
import { Channel } from "../net/channel.ts";
import { Crowd } from "../net/crowd.ts";
import type { Connection } from "../net/listen.ts";
import { cause } from "../net/log.ts";
import { type Pop3Options, pop3Limits, type Server } from "./options.ts";
import { Session } from "./session.ts";

export type Pop3Server = {
  /** Takes a connection over; never throws. */
  serve: (connection: Connection) => void;
  readonly size: number;
  close(): Promise<void>;
};

export function pop3Server(options: Pop3Options): Pop3Server {
  const limits = { ...pop3Limits, ...options.limits };
  const clock = options.clock ?? Date.now;
  const server: Server = {
    ...options,
    limits,
    clock,
    crowd: new Crowd(limits.crowd),
    allowPlain: options.allowPlain ?? false,
    attempts: options.attempts ?? new Attempts(clock),
    log: options.log ?? (() => undefined),
  };
  return {
    serve: (connection) => serve(server, connection),
    get size() {
      return server.crowd.size;
    },
    close: () => server.crowd.dismiss(),
  };
}

function serve(server: Server, connection: Connection): void {
  const channel = new Channel(connection.socket);
  if (server.crowd.isFull(connection.ip)) {
    channel.write("-ERR [SYS/TEMP] Too many connections from your address, try again later\r\n");
    channel.close();
    return;
  }
  const session = new Session(server, channel, connection);
  server.crowd.join(session, connection.ip);
  session
    .serve()
    .catch((error: unknown) => server.log("pop3.crash", { cause: cause(error) }))
    .finally(() => server.crowd.part(session, connection.ip));
}
