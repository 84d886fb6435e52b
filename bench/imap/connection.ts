/** The client's end of IMAP over TLS, for measuring: sends a command, reads to its tagged reply, counts bytes. Nothing is parsed that is not asked about. */
import { once } from "node:events";
import { connect, type TLSSocket } from "node:tls";

export type Login = { port: number; user: string; password: string };
export type Answer = { lines: string[]; bytes: number };

const LF = 10;

/** Bytes as lines; a line that ends with `{n}` is followed by n bytes that are skipped. */
class Reader {
  #held: Buffer = Buffer.alloc(0);
  #at = 0;
  #skip = 0;
  #wake: (() => void) | null = null;
  #ended = false;
  bytes = 0;

  constructor(socket: TLSSocket) {
    socket.on("data", (chunk: Buffer) => this.#take(chunk));
    const end = () => {
      this.#ended = true;
      this.#wake?.();
    };
    socket.on("close", end);
    socket.on("error", end);
  }

  #take(chunk: Buffer): void {
    this.bytes += chunk.length;
    const skipped = Math.min(this.#skip, chunk.length);
    this.#skip -= skipped;
    const rest = chunk.subarray(skipped);
    const left = this.#held.subarray(this.#at);
    this.#held = left.length === 0 ? rest : Buffer.concat([left, rest]);
    this.#at = 0;
    this.#wake?.();
  }

  /** The next line, without its end. */
  async line(): Promise<string> {
    for (;;) {
      const end = this.#held.indexOf(LF, this.#at);
      if (end >= 0) return this.#cut(end);
      if (this.#ended) throw new Error("the server closed the connection");
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
      this.#wake = null;
    }
  }

  #cut(end: number): string {
    const line = this.#held.toString("latin1", this.#at, end).replace(/\r$/, "");
    this.#at = end + 1;
    return line;
  }

  skip(n: number): void {
    const here = Math.min(n, this.#held.length - this.#at);
    this.#at += here;
    this.#skip += n - here;
  }
}

async function open(port: number): Promise<{ socket: TLSSocket; reader: Reader }> {
  // A throw-away certificate on loopback.
  const socket = connect({ host: "127.0.0.1", port, servername: "localhost", rejectUnauthorized: false });
  socket.setNoDelay(true);
  const reader = new Reader(socket);
  await once(socket, "secureConnect");
  return { socket, reader };
}

export class Imap {
  readonly #socket: TLSSocket;
  readonly #reader: Reader;
  #tags = 0;

  private constructor(socket: TLSSocket, reader: Reader) {
    this.#socket = socket;
    this.#reader = reader;
  }

  static async logIn({ port, user, password }: Login): Promise<Imap> {
    const { socket, reader } = await open(port);
    const imap = new Imap(socket, reader);
    await reader.line();
    await imap.command(`LOGIN "${user}" "${password}"`);
    return imap;
  }

  send(line: string, literal?: Buffer): string {
    const tag = `a${++this.#tags}`;
    this.#socket.write(`${tag} ${line}\r\n`);
    if (literal) this.#socket.write(Buffer.concat([literal, Buffer.from("\r\n")]));
    return tag;
  }

  /** Reads to the tagged reply; throws unless it is OK. Untagged lines are given back without their literals. */
  async wait(tag: string): Promise<Answer> {
    const before = this.#reader.bytes;
    const lines: string[] = [];
    for (;;) {
      const line = await this.#reader.line();
      if (line.startsWith(`${tag} `)) {
        if (!line.startsWith(`${tag} OK`)) throw new Error(line);
        return { lines, bytes: this.#reader.bytes - before };
      }
      const literal = line.endsWith("}") ? /\{(\d+)\}$/.exec(line) : null;
      if (literal) this.#reader.skip(Number(literal[1]));
      lines.push(line);
    }
  }

  command(line: string): Promise<Answer> {
    return this.wait(this.send(line));
  }

  append(folder: string, message: Buffer): string {
    return this.send(`APPEND ${folder} {${message.length}+}`, message);
  }

  /** An untagged line that holds `text`. */
  async heard(text: string): Promise<void> {
    while (!(await this.#reader.line()).includes(text));
  }

  raw(line: string): void {
    this.#socket.write(`${line}\r\n`);
  }

  async logOut(): Promise<void> {
    await this.command("LOGOUT").catch(() => undefined);
    this.#socket.destroy();
  }
}

export class Pop3 {
  readonly #socket: TLSSocket;
  readonly #reader: Reader;

  private constructor(socket: TLSSocket, reader: Reader) {
    this.#socket = socket;
    this.#reader = reader;
  }

  static async logIn({ port, user, password }: Login): Promise<Pop3> {
    const { socket, reader } = await open(port);
    const pop3 = new Pop3(socket, reader);
    await pop3.#ok();
    await pop3.command(`USER ${user}`);
    await pop3.command(`PASS ${password}`);
    return pop3;
  }

  async #ok(): Promise<string> {
    const line = await this.#reader.line();
    if (!line.startsWith("+OK")) throw new Error(line);
    return line;
  }

  command(line: string): Promise<string> {
    this.#socket.write(`${line}\r\n`);
    return this.#ok();
  }

  ask(...lines: string[]): void {
    this.#socket.write(lines.map((line) => `${line}\r\n`).join(""));
  }

  /** Reads one multi-line answer; how many bytes it had. */
  async many(): Promise<number> {
    const before = this.#reader.bytes;
    await this.#ok();
    while ((await this.#reader.line()) !== ".");
    return this.#reader.bytes - before;
  }

  close(): void {
    this.#socket.destroy();
  }
}
