/** A message that header fields are put on top of, one after another, without copying 25 MiB for each. */
import { utf8 } from "../../core/bytes.ts";

const headroom = 32 * 1024;

export class Stack {
  #space: Uint8Array;
  #start: number;

  constructor(message: Uint8Array) {
    this.#space = new Uint8Array(headroom + message.length);
    this.#space.set(message, headroom);
    this.#start = headroom;
  }

  /** Whole fields, each ending in CRLF. */
  put(fields: string): void {
    const bytes = utf8(fields);
    if (bytes.length > this.#start) this.#grow(bytes.length);
    this.#start -= bytes.length;
    this.#space.set(bytes, this.#start);
  }

  /** The message as it stands; a view, which later fields do not change. */
  get bytes(): Uint8Array {
    return this.#space.subarray(this.#start);
  }

  #grow(needed: number): void {
    const message = this.bytes;
    const space = new Uint8Array(headroom + needed + message.length);
    space.set(message, headroom + needed);
    this.#space = space;
    this.#start = headroom + needed;
  }
}
