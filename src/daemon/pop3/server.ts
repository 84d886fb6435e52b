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
import { Crowd } from "../net/crowd.ts";
import { type ProtocolServer, protocolServer } from "../net/protocol.ts";
import { type Pop3Options, pop3Limits, type Server } from "./options.ts";
import { Session } from "./session.ts";

export function pop3Server(options: Pop3Options): ProtocolServer {
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
  return protocolServer({
    ...server,
    full: "-ERR [SYS/TEMP] Too many connections from your address, try again later\r\n",
    session: (channel, connection) => new Session(server, channel, connection),
  });
}
