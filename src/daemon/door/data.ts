/**
 * The DATA phase: bytes in any chunking → the message, dot-unstuffed and otherwise untouched. Only CRLF.CRLF ends it and
 * CR and LF may appear only as CRLF (RFC 5321 §2.3.8, §4.1.1.4, §4.5.2). A message that breaks a rule is read to its end, so
 * that what follows the fault can't pass for commands, and is refused whole.
 */
export type Fault = "bare-newline" | "line-too-long" | "too-big" | "no-room";
export type DataBounds = { messageBytes: number; lineBytes: number };

/** Memory for messages on their way in, shared by all sessions: a crowd of large ones is told to come back. */
export type Room = { take(bytes: number): boolean; give(bytes: number): void };

export function room(bytes: number): Room {
  let left = bytes;
  return {
    take: (wanted) => {
      if (wanted > left) return false;
      left -= wanted;
      return true;
    },
    give: (returned) => {
      left += returned;
    },
  };
}

const CR = 0x0d;
const LF = 0x0a;
const DOT = 0x2e;
const none = Buffer.alloc(0);

export class DataReader {
  fault: Fault | null = null;
  /** Bytes of message so far, dots removed; goes on counting after a fault. */
  size = 0;
  readonly #bounds: DataBounds;
  readonly #room: Room;
  #message: Buffer = none;
  /** The start of a line whose end has not come yet. */
  #carry: Buffer = none;
  /** A line starts only after CRLF (or at the very beginning): a dot after a bare LF ends nothing. */
  #afterCrlf = true;

  constructor(bounds: DataBounds, room: Room) {
    this.#bounds = bounds;
    this.#room = room;
  }

  /** The bytes after the end of data, once that has come; null while the message goes on. */
  feed(chunk: Buffer): Buffer | null {
    const bytes = this.#carry.length === 0 ? chunk : Buffer.concat([this.#carry, chunk]);
    let start = 0;
    let run = 0;
    for (let lf = bytes.indexOf(LF); lf >= 0; lf = bytes.indexOf(LF, start)) {
      if (this.#afterCrlf && isEnd(bytes, start, lf)) {
        this.#keep(bytes.subarray(run, start));
        this.#carry = none;
        return bytes.subarray(lf + 1);
      }
      // RFC 5321 §4.5.2: a leading dot is the sender's stuffing, whatever follows it.
      if (bytes[start] === DOT) {
        this.#keep(bytes.subarray(run, start));
        run = start + 1;
      }
      this.#check(bytes, start, lf);
      start = lf + 1;
    }
    this.#keep(bytes.subarray(run, start));
    this.#hold(bytes.subarray(start));
    return null;
  }

  /** The whole message; good until `free`, and only without a fault. */
  message(): Buffer {
    return this.#message.subarray(0, this.size);
  }

  free(): void {
    this.#room.give(this.#message.length);
    this.#message = none;
  }

  // A bare LF ends a line for some relays: accept one, and a second message can hide behind "\n.\n" (SMTP smuggling).
  #check(bytes: Buffer, start: number, lf: number): void {
    this.#afterCrlf = bytes[lf - 1] === CR && lf > start;
    if (!this.#afterCrlf || bytes.indexOf(CR, start) !== lf - 1) this.#break("bare-newline");
    if (lf - start >= this.#bounds.lineBytes) this.#break("line-too-long");
  }

  #keep(bytes: Buffer): void {
    const size = this.size + bytes.length;
    if (size > this.#bounds.messageBytes) this.#break("too-big");
    if (this.fault === null && size > this.#message.length) this.#grow(size);
    if (this.fault === null) bytes.copy(this.#message, this.size);
    this.size = size;
  }

  #grow(needed: number): void {
    const length = Math.min(this.#bounds.messageBytes, Math.max(needed, this.#message.length * 2, 16 * 1024));
    if (!this.#room.take(length)) {
      this.#break("no-room");
      return;
    }
    const larger = Buffer.allocUnsafe(length);
    this.#message.copy(larger, 0, 0, this.size);
    this.free();
    this.#message = larger;
  }

  #hold(rest: Buffer): void {
    if (rest.length <= this.#bounds.lineBytes) {
      this.#carry = Buffer.from(rest);
      return;
    }
    // Of an over-long line only its last byte is kept (it may be the CR), behind a marker that makes it no end of data.
    this.#break("line-too-long");
    this.size += rest.length - 2;
    this.#carry = Buffer.concat([Buffer.from("x"), rest.subarray(-1)]);
  }

  #break(fault: Fault): void {
    this.fault ??= fault;
    this.free();
  }
}

function isEnd(bytes: Buffer, start: number, lf: number): boolean {
  return lf - start === 2 && bytes[start] === DOT && bytes[start + 1] === CR;
}
