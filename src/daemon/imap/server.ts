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
import { Crowd } from "../net/crowd.ts";
import { type ProtocolServer, protocolServer } from "../net/protocol.ts";
import { type ImapOptions, imapLimits } from "./options.ts";
import { type Server, Session } from "./session.ts";

export function imapServer(options: ImapOptions): ProtocolServer {
  const limits = { ...imapLimits, ...options.limits };
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
  return protocolServer({
    ...server,
    full: "* BYE [UNAVAILABLE] Too many connections from your address, try again later\r\n",
    session: (channel, connection) => new Session(server, channel, connection),
  });
}
