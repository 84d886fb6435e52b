/**
 * A message as its readers see it: one row of bytes, looked at through windows. In memory there is one window, the whole; of a filed
 * message each stored piece is one, so that reading a large message's structure costs a window's memory and no more. What takes
 * long yields between windows.
 */
export type Window = { start: number; bytes: Uint8Array };

const none = new Uint8Array(0);

export class Bytes {
  readonly size: number;
  readonly #read: (at: number) => Window;
  #near: Window = { start: 0, bytes: none };

  /** `read` answers a window that holds the byte at `at`; its bytes must stay as they are. */
  constructor(size: number, read: (at: number) => Window) {
    this.size = size;
    this.#read = read;
  }

  static of(raw: Uint8Array): Bytes {
    const whole = { start: 0, bytes: raw };
    return new Bytes(raw.length, () => whole);
  }

  #window(at: number): Window {
    const { start, bytes } = this.#near;
    if (at < start || at >= start + bytes.length) this.#near = this.#read(at);
    return this.#near;
  }

  at(index: number): number | undefined {
    if (index < 0 || index >= this.size) return undefined;
    const { start, bytes } = this.#window(index);
    return bytes[index - start];
  }

  /** Both within the message. A view where one window holds it all. */
  slice(start: number, end: number): Uint8Array {
    if (end <= start) return none;
    const first = this.#window(start);
    if (end <= first.start + first.bytes.length) return first.bytes.subarray(start - first.start, end - first.start);
    const out = new Uint8Array(end - start);
    for (let at = start; at < end; ) {
      const window = this.#window(at);
      const piece = window.bytes.subarray(at - window.start, end - window.start);
      out.set(piece, at - start);
      at += piece.length;
    }
    return out;
  }

  /** One after another, to the end. */
  *windows(): Generator<Window> {
    for (let at = 0; at < this.size; ) {
      const window = this.#window(at);
      yield window;
      at = window.start + window.bytes.length;
    }
  }

  /** Where `mark` first stands wholly between `from` and `end`, or -1. */
  *indexOf(mark: Uint8Array, from: number, end: number): Generator<void, number> {
    for (let at = from; at + mark.length <= end; ) {
      const { start, bytes } = this.#window(at);
      const stop = Math.min(end, start + bytes.length);
      const found = find(bytes.subarray(at - start, stop - start), mark);
      if (found >= 0) return at + found;
      if (stop === end) return -1;
      // Or across the edge of two windows.
      const seam = Math.max(at, stop - mark.length + 1);
      const across = find(this.slice(seam, Math.min(end, stop + mark.length - 1)), mark);
      if (across >= 0) return seam + across;
      at = stop;
      yield;
    }
    return -1;
  }

  /** How often `byte` stands between the two. */
  *count(byte: number, from: number, end: number): Generator<void, number> {
    let count = 0;
    for (let at = from; at < end; ) {
      const { start, bytes } = this.#window(at);
      const stop = Math.min(end, start + bytes.length);
      const piece = bytes.subarray(at - start, stop - start);
      for (let i = piece.indexOf(byte); i >= 0; i = piece.indexOf(byte, i + 1)) count++;
      at = stop;
      if (at < end) yield;
    }
    return count;
  }
}

// Buffer's search is many times faster than an array's.
function find(bytes: Uint8Array, mark: Uint8Array): number {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).indexOf(mark);
}

/** Runs a generator of work to its end at once. */
export function atOnce<T>(steps: Generator<void, T>): T {
  for (let step = steps.next(); ; step = steps.next()) if (step.done) return step.value;
}

const sliceMs = 6;

/** The same in slices of some milliseconds, so that a large message does not hold up a thread that others wait for. */
export async function inSlices<T>(steps: Generator<void, T>, pause: () => Promise<void>): Promise<T> {
  for (let since = performance.now(); ; ) {
    const step = steps.next();
    if (step.done) return step.value;
    if (performance.now() - since < sliceMs) continue;
    await pause();
    since = performance.now();
  }
}
