/** A connection that sends bytes in a chosen chunking and gives back whole responses, literals and multi-line replies included. */

import { once } from "node:events";
import { connect, type Socket } from "node:net";

export type Chunking = "whole" | "bytes" | "split";

export class Client {
  readonly #socket: Socket;
  readonly #chunking: Chunking;
  #held = "";
  #ended = false;
  #wake: () => void = () => undefined;

  private constructor(socket: Socket, chunking: Chunking) {
    this.#socket = socket;
    this.#chunking = chunking;
    socket.on("data", (chunk: Buffer) => {
      this.#held += chunk.toString("latin1");
      this.#wake();
    });
    const end = (): void => {
      this.#ended = true;
      this.#wake();
    };
    socket.on("end", end);
    socket.on("close", end);
    socket.on("error", end);
  }

  static async connect(port: number, chunking: Chunking): Promise<Client> {
    const socket = connect({ port, host: "127.0.0.1", noDelay: true });
    await once(socket, "connect");
    return new Client(socket, chunking);
  }

  /** Latin-1 text. */
  async send(text: string): Promise<void> {
    for (const piece of pieces(text, this.#chunking)) {
      this.#socket.write(Buffer.from(piece, "latin1"));
      // A turn of the loop for each piece, so that the server sees it alone.
      await new Promise((resolve) => setImmediate(resolve));
    }
  }

  /** The next response without its last CRLF; null when the connection has ended. */
  async response(): Promise<string | null> {
    const deadline = Date.now() + 5_000;
    for (;;) {
      const length = responseLength(this.#held);
      if (length > 0) {
        const text = this.#held.slice(0, length - 2);
        this.#held = this.#held.slice(length);
        return text;
      }
      if (this.#ended) return null;
      await this.#more(deadline);
    }
  }

  get unread(): string {
    return this.#held;
  }

  close(): void {
    this.#socket.destroy();
  }

  async #more(deadline: number): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    await new Promise<void>((resolve, reject) => {
      this.#wake = resolve;
      const left = deadline - Date.now();
      timer = setTimeout(() => reject(new Error(`nothing more came; held: ${JSON.stringify(this.#held)}`)), left);
    });
    clearTimeout(timer);
  }
}

function pieces(text: string, chunking: Chunking): string[] {
  if (chunking === "whole") return [text];
  if (chunking === "bytes") return [...text];
  // Inside every CRLF, inside every literal's header and in the middle of every run.
  return text.split(/(?<=\r)|(?<=\{)|(?<=[^\r\n]{12})/);
}

/** Length of the first whole response, its CRLF included; 0 when it is not all here. */
function responseLength(held: string): number {
  for (let at = 0; ; ) {
    const end = held.indexOf("\r\n", at);
    if (end < 0) return 0;
    const literal = /\{(\d+)\}$/.exec(held.slice(at, end));
    if (!literal) return end + 2;
    at = end + 2 + Number(literal[1]);
    if (at > held.length) return 0;
  }
}
