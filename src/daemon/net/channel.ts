/**
 * One client's conversation: lines and blocks in, coalesced writes out, both under back-pressure. What is written in one turn
 * of the event loop leaves in one piece; a slow reader makes `drained()` wait, a fast talker is paused. TLS and
 * compression slip in underneath.
 */
import type { Socket } from "node:net";
import type { Duplex } from "node:stream";
import { Lines, LineTooLong } from "./lines.ts";
import { handshake, type TlsSource } from "./tls.ts";

export { LineTooLong };

/** Unread input above which the client is paused; the writable bytes above which `drained()` waits. */
const READ_AHEAD = 128 * 1024;
const WRITE_AHEAD = 512 * 1024;
/** Pieces of at least this size leave as they are: a copy would cost more than a write. */
const WHOLE = 16 * 1024;

export class Channel {
  #socket: Socket;
  #stream: Duplex;
  readonly #lines = new Lines();
  #wake: (() => void) | null = null;
  #ended = false;
  #out: (Buffer | string)[] = [];
  #outSize = 0;
  #scheduled = false;
  #onTimeout: (() => void) | null = null;

  constructor(socket: Socket) {
    this.#socket = socket;
    this.#stream = socket;
    this.#attach(socket);
  }

  /** No more will come: the client is gone, or this side gave up. */
  get ended(): boolean {
    return this.#ended;
  }

  /** Bytes that came and were not read. */
  get unread(): number {
    return this.#lines.size;
  }

  /** A line without its CRLF, if it is all here. Throws LineTooLong. */
  lineNow(max: number): Buffer | null {
    const line = this.#lines.line(max);
    this.#resume();
    return line;
  }

  /** The next line; null when the client is gone. Throws LineTooLong. */
  async line(max: number): Promise<Buffer | null> {
    for (;;) {
      const line = this.lineNow(max);
      if (line || this.#ended) return line;
      await this.#more();
    }
  }

  /** Exactly `n` bytes in a buffer of their own; null when the client is gone before. */
  async block(n: number): Promise<Buffer | null> {
    const whole = Buffer.allocUnsafeSlow(n);
    let at = 0;
    for (;;) {
      at += this.#lines.drain(whole, at);
      this.#resume();
      if (at === n) return whole;
      if (this.#ended) return null;
      await this.#more();
    }
  }

  /** Reads past `n` bytes; false when the client is gone before. */
  async skip(n: number): Promise<boolean> {
    for (let left = n; ; ) {
      left -= this.#lines.skip(left);
      this.#resume();
      if (left === 0) return true;
      if (this.#ended) return false;
      await this.#more();
    }
  }

  /** Strings are latin-1: one character a byte. Sent at the end of this turn, or sooner when much is waiting. */
  write(piece: Buffer | string): void {
    if (this.#ended || piece.length === 0) return;
    this.#out.push(piece);
    this.#outSize += piece.length;
    if (this.#outSize >= WRITE_AHEAD) this.flush();
    else if (!this.#scheduled) {
      this.#scheduled = true;
      setImmediate(() => this.flush());
    }
  }

  /** Sends what is waiting, now. */
  flush(): void {
    this.#scheduled = false;
    if (this.#outSize === 0 || this.#stream.destroyed) return;
    for (const whole of coalesce(this.#out)) this.#stream.write(whole);
    this.#out = [];
    this.#outSize = 0;
  }

  /** Waits while the client reads slower than we write. */
  drained(): Promise<void> | null {
    if (this.#stream.writableLength + this.#outSize < WRITE_AHEAD) return null;
    this.flush();
    const stream = this.#stream;
    if (stream.writableLength < WRITE_AHEAD || this.#ended) return null;
    return new Promise((resolve) => {
      const done = (): void => {
        stream.off("drain", done);
        stream.off("close", done);
        resolve();
      };
      stream.on("drain", done);
      stream.on("close", done);
    });
  }

  /** Calls back after that much silence in both directions; 0 switches it off. */
  quiet(ms: number, onTimeout: () => void): void {
    this.#onTimeout = onTimeout;
    this.#socket.setTimeout(ms);
  }

  /** STARTTLS. What the client sent in clear after the command is forgotten: it may be an attacker's (CVE-2011-0411). */
  async startTls(source: TlsSource, timeoutMs: number): Promise<void> {
    this.flush();
    this.#detach();
    this.#lines.clear();
    const secure = await handshake(this.#socket, source, timeoutMs).catch((error: unknown) => {
      this.#end();
      throw error;
    });
    this.#socket = secure;
    this.#stream = secure;
    this.#attach(secure);
  }

  /** Puts a transform under both directions (COMPRESS). `wrap` gets the socket and what of its bytes came already. */
  wrap(make: (socket: Socket, held: Buffer) => Duplex): void {
    this.flush();
    this.#detach();
    const held = this.#lines.take(this.#lines.size) ?? Buffer.alloc(0);
    this.#lines.clear();
    this.#attach(this.#socket, make(this.#socket, held));
  }

  /** Says the last words and closes; a client that does not take them is cut off after `graceMs`. */
  close(graceMs = 5_000): void {
    this.#end();
    if (this.#stream.destroyed) return;
    this.flush();
    const socket = this.#socket;
    const timer = setTimeout(() => socket.destroy(), graceMs);
    socket.once("close", () => clearTimeout(timer));
    this.#stream.end(() => socket.end());
  }

  /** At once, without last words. */
  destroy(): void {
    this.#stream.destroy();
    this.#socket.destroy();
    this.#end();
  }

  readonly #onData = (chunk: Buffer): void => {
    // After close() what still comes is read, so that the last words are not lost to a reset, and dropped.
    if (this.#ended) return;
    this.#lines.push(chunk);
    if (this.#lines.size > READ_AHEAD) this.#stream.pause();
    this.#wake?.();
  };
  readonly #onEnd = (): void => this.#end();
  readonly #onError = (): void => this.destroy();
  readonly #onQuiet = (): void => this.#onTimeout?.();

  #attach(socket: Socket, stream: Duplex = socket): void {
    this.#stream = stream;
    stream.on("data", this.#onData);
    stream.on("end", this.#onEnd);
    stream.on("close", this.#onEnd);
    stream.on("error", this.#onError);
    socket.on("error", this.#onError);
    socket.on("close", this.#onEnd);
    socket.on("timeout", this.#onQuiet);
  }

  #detach(): void {
    for (const stream of [this.#stream, this.#socket]) {
      stream.off("data", this.#onData);
      stream.off("end", this.#onEnd);
      stream.off("close", this.#onEnd);
      stream.off("error", this.#onError);
      stream.off("timeout", this.#onQuiet);
    }
  }

  #more(): Promise<void> {
    // Whoever waits for the client has said all there is to say.
    this.flush();
    return new Promise((resolve) => {
      this.#wake = () => {
        this.#wake = null;
        resolve();
      };
    });
  }

  #resume(): void {
    if (this.#lines.size <= READ_AHEAD && this.#stream.isPaused()) this.#stream.resume();
  }

  #end(): void {
    this.#ended = true;
    this.#wake?.();
  }
}

/** Joins small pieces; large ones stay whole. */
function coalesce(pieces: readonly (Buffer | string)[]): Buffer[] {
  const wholes: Buffer[] = [];
  let small: (Buffer | string)[] = [];
  const close = (): void => {
    if (small.length > 0) wholes.push(join(small));
    small = [];
  };
  for (const piece of pieces) {
    if (piece.length >= WHOLE && typeof piece !== "string") {
      close();
      wholes.push(piece);
    } else small.push(piece);
  }
  close();
  return wholes;
}

function join(pieces: readonly (Buffer | string)[]): Buffer {
  if (pieces.every((piece) => typeof piece === "string")) return Buffer.from(pieces.join(""), "latin1");
  return Buffer.concat(pieces.map((piece) => (typeof piece === "string" ? Buffer.from(piece, "latin1") : piece)));
}
