/** IMAP and POP3 on free loopback ports, in clear, quick to refuse. */

import type { ImapLimits } from "../../src/daemon/imap/options.ts";
import type { Mailboxes } from "../../src/daemon/imap/port.ts";
import { imapServer } from "../../src/daemon/imap/server.ts";
import { Attempts } from "../../src/daemon/net/attempts.ts";
import { listen } from "../../src/daemon/net/listen.ts";
import type { ProtocolServer } from "../../src/daemon/net/protocol.ts";
import type { TlsSource } from "../../src/daemon/net/tls.ts";
import type { Maildrops } from "../../src/daemon/pop3/port.ts";
import { pop3Server } from "../../src/daemon/pop3/server.ts";

export type ServerOptions = Partial<
  Pick<ImapLimits, "messages" | "progressMs" | "startMs" | "autologoutMs" | "loginMs" | "badCommands">
> & {
  /** false: LOGINDISABLED. */
  plain?: boolean;
  tls?: TlsSource;
  /** Before a failed login is answered. */
  firstDelayMs?: number;
  crowd?: ImapLimits["crowd"];
};
export type Servers = {
  imap: number;
  pop3: number;
  /** What went into the log as a bug. */
  bugs: string[];
  imapServer: ProtocolServer;
  pop3Server: ProtocolServer;
  close(): Promise<void>;
};

export async function servers(
  mailboxes: Mailboxes,
  maildrops: Maildrops,
  options: ServerOptions = {},
): Promise<Servers> {
  const { plain, tls, crowd, firstDelayMs = 1, ...limits } = options;
  const bugs: string[] = [];
  const attempts = new Attempts(Date.now, { firstDelayMs, longestDelayMs: firstDelayMs * 5 });
  const common = {
    tls: tls ?? null,
    hostname: "mail.test",
    allowPlain: plain ?? true,
    attempts,
    log: (_event: string, facts?: Readonly<Record<string, unknown>>) => void bugs.push(String(facts?.["cause"])),
  };
  const imap = imapServer({ mailboxes, ...common, limits: { ...limits, crowd: crowd ?? {} } });
  const pop3 = pop3Server({ maildrops, ...common, limits: { ...limits, crowd: crowd ?? {} } });
  const imapListener = await listen({ host: "127.0.0.1", port: 0, tls: null, onConnection: imap.serve });
  const popListener = await listen({ host: "127.0.0.1", port: 0, tls: null, onConnection: pop3.serve });
  return {
    imap: imapListener.port,
    pop3: popListener.port,
    bugs,
    imapServer: imap,
    pop3Server: pop3,
    close: async () => {
      await Promise.all([imapListener.close(), popListener.close(), imap.close(), pop3.close()]);
    },
  };
}
