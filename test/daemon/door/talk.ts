/** A plain SMTP client for tests: sends what it is told, byte for byte, and reads whole replies. */
import { connect, type Socket } from "node:net";
import { connect as tlsConnect } from "node:tls";

export class Talk {
  #socket: Socket;
  #text = "";
  #closed = false;
  #wake: () => void = () => undefined;

  private constructor(socket: Socket) {
    this.#socket = socket;
    this.#listen(socket);
  }

  /** `from`: an IPv4 address to come from, told by a PROXY v2 header as a balancer would. */
  static async to(port: number, from?: string): Promise<Talk> {
    const talk = new Talk(connect({ host: "127.0.0.1", port, noDelay: true }));
    if (from !== undefined) talk.send(proxyHeader(from));
    await talk.reply();
    return talk;
  }

  send(bytes: string | Uint8Array): void {
    this.#socket.write(typeof bytes === "string" ? Buffer.from(bytes, "latin1") : bytes);
  }

  /** The next whole reply; "" when the server has closed. */
  async reply(): Promise<string> {
    for (;;) {
      const match = /^(?:\d{3}-[^\n]*\n)*\d{3}(?: [^\n]*)?\n/.exec(this.#text);
      if (match) {
        this.#text = this.#text.slice(match[0].length);
        return match[0].trimEnd();
      }
      if (this.#closed) return "";
      await new Promise<void>((wake) => {
        this.#wake = wake;
      });
    }
  }

  /** One command, one reply. */
  ask(line: string): Promise<string> {
    this.send(Buffer.from(`${line}\r\n`, "utf8"));
    return this.reply();
  }

  /** EHLO, MAIL, RCPT …, DATA: ready for the message. */
  async envelope(from: string, to: string[], parameters = ""): Promise<string> {
    await this.ask("EHLO client.test");
    await this.ask(`MAIL FROM:<${from}>${parameters}`);
    for (const one of to) await this.ask(`RCPT TO:<${one}>`);
    return this.ask("DATA");
  }

  async startTls(ca: string): Promise<void> {
    this.#socket.removeAllListeners("data");
    this.#socket = tlsConnect({ socket: this.#socket, ca, servername: "localhost" });
    this.#listen(this.#socket);
    await new Promise<void>((done, fail) => {
      this.#socket.once("secureConnect", () => done());
      this.#socket.once("error", fail);
    });
  }

  close(): void {
    this.#socket.destroy();
  }

  #listen(socket: Socket): void {
    const ended = () => {
      this.#closed = true;
      this.#wake();
    };
    socket.on("data", (bytes: Buffer) => {
      this.#text += bytes.toString("latin1");
      this.#wake();
    });
    socket.on("error", ended);
    socket.on("close", ended);
  }
}

function proxyHeader(from: string): Uint8Array {
  const addresses = [...from.split(".").map(Number), 127, 0, 0, 1, 0, 25, 0, 25];
  return Buffer.from([
    ...Buffer.from("0d0a0d0a000d0a515549540a", "hex"),
    0x21,
    0x11,
    0,
    addresses.length,
    ...addresses,
  ]);
}
