/**
 * "The outside world" of the local run: an SMTP server on loopback that takes whatever is relayed to it and keeps it as files,
 * `N.eml` byte-exact beside `N.json` with the envelope. The list is also served over HTTP at `/`, one message at `/N.eml`.
 */
import { createHash } from "node:crypto";
import { once } from "node:events";
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { SMTPServer, type SMTPServerDataStream, type SMTPServerSession } from "smtp-server";

export type Caught = {
  n: number;
  at: number;
  mailFrom: string;
  rcptTo: string[];
  size: number;
  sha256: string;
  tls: boolean;
};
export type Sink = { port: number; url: string; close(): Promise<void> };

export async function startSink(options: {
  folder: string;
  port: number;
  httpPort: number;
  key: string;
  cert: string;
}): Promise<Sink> {
  mkdirSync(options.folder, { recursive: true });
  let next = caught(options.folder).length + 1;
  const smtp = new SMTPServer({
    key: options.key,
    cert: options.cert,
    authOptional: true,
    disabledCommands: ["AUTH"],
    disableReverseLookup: true,
    logger: false,
    onData: (stream, session, done) => keep(options.folder, next++, stream, session, done),
  });
  smtp.on("error", () => undefined); // a client that resets its connection is the outside's business
  smtp.listen(options.port, "127.0.0.1");
  const listening = smtp.server;
  await once(listening, "listening");
  const http = listing(options.folder);
  http.listen(options.httpPort, "127.0.0.1");
  await once(http, "listening");
  return {
    port: portOf(listening),
    url: `http://127.0.0.1:${portOf(http)}/`,
    close: async () => {
      http.closeAllConnections();
      await Promise.all([new Promise<void>((done) => smtp.close(() => done())), once(http.close(), "close")]);
    },
  };
}

/** What has arrived, oldest first. */
export function caught(folder: string): Caught[] {
  const names = readdirSync(folder).filter((name) => /^\d+\.json$/.test(name));
  const all = names.map((name): Caught => JSON.parse(readFileSync(join(folder, name), "utf8")));
  return all.sort((a, b) => a.n - b.n);
}

function keep(
  folder: string,
  n: number,
  stream: SMTPServerDataStream,
  session: SMTPServerSession,
  done: (error?: Error | null) => void,
): void {
  const parts: Buffer[] = [];
  stream.on("data", (part: Buffer) => parts.push(part));
  stream.on("end", () => {
    const raw = Buffer.concat(parts);
    const { mailFrom, rcptTo } = session.envelope;
    const entry: Caught = {
      n,
      at: Date.now(),
      mailFrom: mailFrom === false ? "" : mailFrom.address,
      rcptTo: rcptTo.map(({ address }) => address),
      size: raw.length,
      sha256: createHash("sha256").update(raw).digest("hex"),
      tls: session.secure,
    };
    writeFileSync(join(folder, `${n}.eml`), raw);
    writeFileSync(join(folder, `${n}.json`), JSON.stringify(entry));
    done();
  });
}

function listing(folder: string): Server {
  return createServer((request, response) => {
    const one = /^\/(\d+)\.eml$/.exec(request.url ?? "/");
    try {
      const body = one === null ? JSON.stringify(caught(folder)) : readFileSync(join(folder, `${one[1]}.eml`));
      response.writeHead(200, { "content-type": one === null ? "application/json" : "message/rfc822" }).end(body);
    } catch {
      response.writeHead(404).end();
    }
  });
}

function portOf(server: { address(): string | AddressInfo | null }): number {
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("not listening");
  return address.port;
}
