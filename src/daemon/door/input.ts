/**
 * A socket read on demand: command lines with a hard bound, or raw bytes for DATA. Nothing is read ahead of need, so a
 * client that floods is slowed by TCP, and what stood before a TLS handshake can be thrown away whole.
 */
import type { Socket } from "node:net";

export type Line =
  | { kind: "line"; bytes: Buffer }
  | { kind: "bare-newline" }
  | { kind: "too-long" }
  | { kind: "closed" };

const CR = 0x0d;
const LF = 0x0a;

export class Input {
  readonly #socket: Socket;
  #held: Buffer = Buffer.alloc(0);
  #closed = false;
  #wake: (() => void) | null = null;
  #hungry = false;

  constructor(socket: Socket) {
    this.#socket = socket;
    const wake = () => this.#wake?.();
    const close = () => {
      this.#closed = true;
      wake();
    };
    socket.on("readable", wake);
    socket.once("end", close);
    socket.once("close", close);
  }

  /** More bytes are here that nobody has read yet. */
  get waiting(): boolean {
    return this.#held.length > 0 || this.#socket.readableLength > 0;
  }

  /** It is the client's turn: somebody waits for bytes. */
  get hungry(): boolean {
    return this.#hungry;
  }

  /** The next command, without its CRLF. CR and LF stand only together (RFC 5321 §2.3.8). */
  async line(maxBytes: number): Promise<Line> {
    for (;;) {
      const lf = this.#held.indexOf(LF);
      if (lf >= maxBytes || (lf < 0 && this.#held.length >= maxBytes)) return { kind: "too-long" };
      if (lf >= 0) return this.#cut(lf);
      if (!(await this.#more())) return { kind: "closed" };
    }
  }

  /** Whatever has come, or null when the client is gone. */
  async bytes(): Promise<Buffer | null> {
    if (this.#held.length === 0 && !(await this.#more())) return null;
    const bytes = this.#held;
    this.#held = Buffer.alloc(0);
    return bytes;
  }

  /** Gives back what was read too far. */
  unread(bytes: Buffer): void {
    this.#held = bytes;
  }

  /** Leaves the socket to someone else (TLS) and says whether anything unread was thrown away. */
  release(): boolean {
    const pending = this.waiting;
    this.#held = Buffer.alloc(0);
    this.#socket.removeAllListeners("readable");
    return pending;
  }

  #cut(lf: number): Line {
    const line = this.#held.subarray(0, lf);
    this.#held = this.#held.subarray(lf + 1);
    if (line.indexOf(CR) !== lf - 1 || lf === 0) return { kind: "bare-newline" };
    return { kind: "line", bytes: line.subarray(0, lf - 1) };
  }

  async #more(): Promise<boolean> {
    for (;;) {
      const chunk: Buffer | null = this.#socket.read();
      if (chunk !== null) {
        this.#held = this.#held.length === 0 ? chunk : Buffer.concat([this.#held, chunk]);
        return true;
      }
      if (this.#closed) return false;
      this.#hungry = true;
      await new Promise<void>((wake) => {
        this.#wake = wake;
      });
      this.#hungry = false;
    }
  }
}
