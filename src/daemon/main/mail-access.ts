/** IMAP and POP3 over the store: one server each, on implicit TLS and with STARTTLS, sharing the count of failed logins. */
import type { Config } from "../config.ts";
import { imapServer } from "../imap/server.ts";
import { Attempts } from "../net/attempts.ts";
import { type Listener, listen } from "../net/listen.ts";
import { pop3Server } from "../pop3/server.ts";
import type { Store } from "../store/store.ts";
import type { Certificate } from "./certificate.ts";
import { log } from "./log.ts";

export type MailAccess = { ports: Record<string, number>; close(): Promise<void> };

export async function startMailAccess(config: Config, store: Store, certificate: Certificate): Promise<MailAccess> {
  const shared = {
    tls: certificate.source,
    hostname: config.node.hostname,
    allowPlain: config.testing.insecurePlain,
    attempts: new Attempts(),
    log,
  };
  const imap = imapServer({ ...shared, mailboxes: store.mailboxes });
  const pop3 = pop3Server({ ...shared, maildrops: store.maildrops });
  const rows = [
    { name: "imaps", tls: certificate.source, serve: imap.serve },
    { name: "imap", tls: null, serve: imap.serve },
    { name: "pop3s", tls: certificate.source, serve: pop3.serve },
    { name: "pop3", tls: null, serve: pop3.serve },
  ] as const;
  const open: Listener[] = [];
  const ports: Record<string, number> = {};
  for (const { name, tls, serve } of rows) {
    const at = config.listen[name];
    if (at === undefined) continue;
    const listener = await listen({ ...at, tls, onConnection: serve });
    open.push(listener);
    ports[name] = listener.port;
  }
  const close = async (): Promise<void> => {
    await Promise.all(open.map((listener) => listener.close()));
    await Promise.all([imap.close(), pop3.close()]);
  };
  return { ports, close };
}
