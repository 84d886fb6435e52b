/**
 * `postern send FILE --to ADDRESS`: delivers a message file through an SMTP door, byte for byte, and prints what the door
 * answered. Without --host it finds the door of the instance that `npm start` runs here. Exit code 0 means accepted.
 */
import { existsSync, readFileSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { hostname } from "node:os";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { z } from "zod";

import { type Sent, sendOver } from "../daemon/queue/smtp.ts";
import { root } from "./run.ts";

export const usage = `usage: postern send FILE --to ADDRESS [--to …] [--from ADDRESS] [--host HOST --port PORT] [--ca FILE] [--data FOLDER]
FILE may be - for standard input; --from "" sends from the null reverse-path.
`;

type Wanted = { file: string; to: string[]; from: string; host: string; port: number; ca: string | null };

export async function run(args: string[]): Promise<number> {
  const wanted = read(args);
  if (typeof wanted === "string") return complain(wanted);
  const message = load(wanted.file);
  if (message === null) return complain(`can't read ${wanted.file}`);
  const bytes = withCrlf(message);
  if (bytes.length !== message.length) note(`${wanted.file} has bare line ends: sent with CRLF, ${bytes.length} bytes`);
  const socket = await dial(wanted.host, wanted.port);
  if (socket === null) return complain(`nothing answers at ${wanted.host}:${wanted.port} (is it running? npm start)`);
  const tls = wanted.ca === null ? "opportunistic" : "verify";
  const ca = wanted.ca === null ? {} : { ca: readFileSync(wanted.ca, "utf8") };
  const options = { name: hostname() || "localhost", host: wanted.host, tls, timeoutMs: 120_000, ...ca } as const;
  return report(await sendOver(socket, options, { from: wanted.from, to: wanted.to }, bytes), wanted);
}

function read(args: string[]): Wanted | string {
  const text = { type: "string" } as const;
  const options = {
    to: { ...text, multiple: true },
    from: text,
    host: text,
    port: text,
    ca: text,
    data: text,
  } as const;
  const { values, positionals } = parseArgs({ args, options, allowPositionals: true });
  const [file, more] = positionals;
  if (file === undefined || more !== undefined || values.to === undefined) return usage;
  const door = whereIs(values);
  if (typeof door === "string") return door;
  return { file, to: values.to, from: values.from ?? "sender@sender.test", ...door };
}

const endpointsSchema = z.object({ door: z.object({ host: z.string(), port: z.int() }), ca: z.string() });

function whereIs(given: { host?: string; port?: string; ca?: string; data?: string }) {
  if (given.host !== undefined || given.port !== undefined) {
    const port = Number(given.port ?? "25");
    if (!Number.isInteger(port) || port < 1 || port > 65535) return `"${given.port}" is no port\n`;
    return { host: given.host ?? "localhost", port, ca: given.ca ?? null };
  }
  const file = join(resolve(given.data ?? join(root, ".data", "demo")), "endpoints.json");
  if (!existsSync(file))
    return `no running instance found (${file} is missing): npm start, or give --host and --port\n`;
  const { door, ca } = endpointsSchema.parse(JSON.parse(readFileSync(file, "utf8")));
  return { ...door, ca: given.ca ?? ca };
}

function load(file: string): Buffer | null {
  try {
    return readFileSync(file === "-" ? 0 : file);
  } catch {
    return null;
  }
}

/** The same bytes where every line ends with CRLF already; SMTP can carry nothing else (RFC 5321 §2.3.8). */
export function withCrlf(message: Buffer): Buffer {
  const text = message.toString("latin1").replace(/\r\n|\r|\n/g, "\r\n");
  return Buffer.from(text === "" || text.endsWith("\r\n") ? text : `${text}\r\n`, "latin1");
}

function dial(host: string, port: number): Promise<Socket | null> {
  return new Promise((done) => {
    const socket = connect({ host, port, noDelay: true });
    socket.once("connect", () => done(socket));
    socket.once("error", () => done(null));
  });
}

function report(sent: Sent, { to }: Wanted): number {
  if (sent.kind === "broken") return complain(sent.why);
  if (sent.kind === "refused") return complain(`refused: ${sent.text}`);
  for (const one of sent.refused) note(`refused for ${one.recipient}: ${one.text}`);
  process.stdout.write(`accepted for ${sent.accepted.join(", ")}: ${sent.reply}\n`);
  return sent.accepted.length === to.length ? 0 : 1;
}

function complain(text: string): number {
  note(text.trimEnd());
  return text.includes("usage:") ? 2 : 1;
}

function note(text: string): void {
  process.stderr.write(`postern send: ${text}\n`);
}
