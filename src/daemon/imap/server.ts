/**
 * IMAP4rev2 (RFC 9051) and IMAP4rev1 (RFC 3501) over any listener of net/listen.
 *
 *   const imap = imapServer({ mailboxes, tls: () => context, hostname: "mx.example", attempts, log });
 *   const imaps = await listen({ host, port: 993, tls: () => context, onConnection: imap.serve });   // implicit TLS
 *   const plain = await listen({ host, port: 143, tls: null, onConnection: imap.serve });            // STARTTLS
 *   …
 *   await imaps.close(); await plain.close(); await imap.close();   // BYE to all, after the command in hand
 */
import { Attempts } from "../net/attempts.ts";
import { Channel } from "../net/channel.ts";
import { Crowd } from "../net/crowd.ts";
import type { Connection } from "../net/listen.ts";
import { cause } from "../net/log.ts";
import { type ImapOptions, imapLimits } from "./options.ts";
import { type Server, Session } from "./session.ts";

export type ImapServer = {
  /** Takes a connection over; never throws. */
  serve: (connection: Connection) => void;
  /** Sessions connected. */
  readonly size: number;
  close(): Promise<void>;
};

export function imapServer(options: ImapOptions): ImapServer {
  const limits = { ...imapLimits, ...options.limits };
  const crowd = new Crowd(limits.crowd);
  const clock = options.clock ?? Date.now;
  const server: Server = {
    ...options,
    limits,
    crowd,
    clock,
    allowPlain: options.allowPlain ?? false,
    attempts: options.attempts ?? new Attempts(clock),
    log: options.log ?? (() => undefined),
  };
  return {
    serve: (connection) => serve(server, connection),
    get size() {
      return crowd.size;
    },
    close: () => crowd.dismiss(),
  };
}

function serve(server: Server, connection: Connection): void {
  const channel = new Channel(connection.socket);
  if (server.crowd.isFull(connection.ip)) {
    channel.write("* BYE [UNAVAILABLE] Too many connections from your address, try again later\r\n");
    channel.close();
    return;
  }
  const session = new Session(server, channel, connection);
  server.crowd.join(session, connection.ip);
  session
    .serve()
    .catch((error: unknown) => server.log("imap.crash", { cause: cause(error) }))
    .finally(() => server.crowd.part(session, connection.ip));
}
